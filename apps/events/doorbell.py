"""Doorbells: "there is work in queue Q", and nothing more.

A doorbell is a Celery message without content. It may be lost, doubled, late or reordered: whoever answers looks into
Postgres for what there is to do, and the sweep rings for anything that lies ready too long. While a bell is rung and not yet
answered, ringing again does nothing, so a thousand commits cost one message.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import kombu.exceptions
import redis
import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction

log = structlog.get_logger(__name__)

ORCHESTRATOR = "orchestrator"
IO = "io"
JOB = "apps.tasks.jobs.work"

_RUNG_FOR_MS = 1_000
"""After this a bell that nobody answered (its message was lost) can be rung again."""


@functools.cache
def client() -> redis.Redis:
    """This process's Redis connection pool."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def ring(queue: str) -> None:
    """Ring once the current transaction has committed (at once when there is none)."""
    transaction.on_commit(functools.partial(ring_now, queue))


def ring_now(queue: str) -> None:
    """Ring. Redis being away loses nothing: the work is in Postgres and the sweep finds it."""
    try:
        if client().set(_key(queue), b"1", nx=True, px=_RUNG_FOR_MS):
            current_app.send_task(JOB, args=(queue,), queue=queue, retry=False, ignore_result=True)
    except (redis.RedisError, kombu.exceptions.OperationalError, OSError) as error:
        log.warning("doorbell.not_rung", queue=queue, error=str(error))


def answer(queues: Iterable[str]) -> None:
    """Called before looking for work, so that a commit after the look rings again."""
    try:
        client().delete(*(_key(queue) for queue in queues))
    except redis.RedisError as error:
        log.warning("doorbell.not_answered", error=str(error))


def is_rung(queues: Iterable[str]) -> bool:
    """Whether somebody rang since the last answer. True when it cannot be known."""
    try:
        return bool(client().exists(*(_key(queue) for queue in queues)))
    except redis.RedisError:
        return True


def _key(queue: str) -> str:
    return f"doorbell:{queue}"
