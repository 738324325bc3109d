"""Telling the browsers that watch a run that it changed. A hint only: who misses it asks the API.

Who watches says so with a key that expires; a wave asks for all its runs at once and sends only to those that are watched, so
that runs that nobody looks at cost nothing.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from uuid import UUID

import redis
import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from apps.events import doorbell

log = structlog.get_logger(__name__)

WATCH_SECONDS = 30


def group_of(instance_id: UUID) -> str:
    return f"instance.{instance_id}"


def watch(instance_id: UUID) -> None:
    """Say that somebody watches; to be said again before WATCH_SECONDS are over."""
    with contextlib.suppress(redis.RedisError):  # said again soon
        doorbell.client().set(_key(instance_id), b"1", ex=WATCH_SECONDS)


def push_on_commit(changed: Sequence[tuple[UUID, int]]) -> None:
    """Push once the current transaction has committed."""
    transaction.on_commit(functools.partial(push, changed))


def push(changed: Sequence[tuple[UUID, int]]) -> None:
    """Send {seq, type} to whoever watches these runs. Never raises: the state is committed already."""
    try:
        watched = doorbell.client().mget([_key(instance_id) for instance_id, _ in changed])
        send = [each for each, is_watched in zip(changed, watched, strict=True) if is_watched]
        if send:
            _send(send)
    except (redis.RedisError, OSError) as error:
        log.warning("live.not_pushed", error=str(error))


@async_to_sync
async def _send(changed: Sequence[tuple[UUID, int]]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    for instance_id, seq in changed:
        await layer.group_send(group_of(instance_id), {"type": "instance.changed", "seq": seq})


def _key(instance_id: UUID) -> str:
    return f"live:instance:{instance_id}"
