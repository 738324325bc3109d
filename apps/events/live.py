"""Telling the browsers that watch the stream that something was recorded. A hint only: who misses it asks the API.

Who watches says so with a key that expires; a process asks for it once a second at most, so that recording costs nothing
while nobody looks.
"""

from __future__ import annotations

import contextlib
import time

import redis
import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from . import doorbell

log = structlog.get_logger(__name__)

GROUP = "events"
WATCH_SECONDS = 30
_KEY = "live:events"
_ASKED_EVERY = 1.0
_asked: tuple[float, bool] = (-1e9, False)


def watch() -> None:
    """Say that somebody watches; to be said again before WATCH_SECONDS are over."""
    with contextlib.suppress(redis.RedisError):  # said again soon
        doorbell.client().set(_KEY, b"1", ex=WATCH_SECONDS)


def push() -> None:
    """Tell whoever watches. Never raises: the events are committed already."""
    global _asked
    try:
        now = time.monotonic()
        if now - _asked[0] > _ASKED_EVERY:
            _asked = now, bool(doorbell.client().exists(_KEY))
        if _asked[1]:
            _send()
    except (redis.RedisError, OSError) as error:
        log.warning("live.not_pushed", error=str(error))


@async_to_sync
async def _send() -> None:
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(GROUP, {"type": "events.recorded"})
