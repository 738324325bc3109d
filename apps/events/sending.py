"""Sending what goes to the outside world: deliveries of deferred kinds, on the event loop of a worker.

A delivery is claimed under a lease: nobody else takes it before ``next_attempt_at``, which the claim puts that far ahead.
What came of it is written only while the lease is still held. So a delivery is sent at least once; the other side tells
repeats by the event's id.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any
from uuid import uuid4

import orjson
import structlog
from django.db import transaction

from .failpoints import failpoint
from .failures import connection_is_lost, trouble_of
from .models import EventQueue
from .queueing import queues
from .routing import count, event_of
from .services import deliveries
from .services.deliveries import DEAD, Attempt, queue_named
from .sql import fetch, fresh_connection_after_a_loss
from .subscribers import deferred_kinds, kind_of

log = structlog.get_logger(__name__)

LEASE_SECONDS = 120.0
"""Longer than any subscriber may take to send."""

SEND_SECONDS = 60.0
ROOM = 200
"""Deliveries in flight per process."""

_CLAIM = """
WITH picked AS (
  SELECT event, subscriber_id, recorded_at FROM events_delivery d
  WHERE next_attempt_at <= now() AND kind = ANY(%s) AND queue <> ALL(%s) AND (partition_key IS NULL OR NOT EXISTS (
    SELECT 1 FROM events_delivery o WHERE o.partition_key = d.partition_key AND o.subscriber_id = d.subscriber_id
      AND o.place < d.place AND o.next_attempt_at IS NOT NULL))
  ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
), leased AS (
  UPDATE events_delivery d SET next_attempt_at = now() + make_interval(secs => %s), lease = %s, attempts = d.attempts + 1
  FROM picked p WHERE d.event = p.event AND d.subscriber_id = p.subscriber_id AND d.recorded_at = p.recorded_at
  RETURNING d.subscriber_id, d.queue, d.partition_key, d.place, d.attempts, d.history, d.event, d.recorded_at
)
SELECT l.subscriber_id, l.queue, l.partition_key, l.place, l.attempts, l.history::text,
       e.id, e.event_id, e.pattern, e.version, e.source::text, e.payload::text, e.metadata::text, e.timestamp, e.recorded_at
FROM leased l, LATERAL (SELECT * FROM events_event WHERE id = l.event AND recorded_at = l.recorded_at OFFSET 0) e
"""

_STILL_MINE = """
SELECT event, subscriber_id FROM events_delivery
WHERE lease = %s AND event = ANY(%s) ORDER BY event, subscriber_id FOR UPDATE
"""


class Sender:
    """One process's share of what is to be sent. ``wake`` is called when something was."""

    def __init__(self, database: Executor, wake: Callable[[], None]) -> None:
        self._database, self._wake = database, wake
        self._lease = uuid4().hex
        self._flying: set[asyncio.Task[None]] = set()
        self._landed: list[Attempt] = []

    @property
    def is_flying(self) -> bool:
        return bool(self._flying)

    @property
    def has_landed(self) -> bool:
        return bool(self._landed)

    async def look(self) -> None:
        """Take what is due, as far as there is room, and begin to send it."""
        room = ROOM - len(self._flying)
        if room <= 0 or not deferred_kinds():
            return
        for attempt in await self._in_database(self._claim, room):
            task = asyncio.get_running_loop().create_task(self._send(attempt))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)

    async def settle(self) -> None:
        """Write what came of what was sent."""
        landed, self._landed = self._landed, []
        if landed:
            try:
                await self._in_database(self._write, landed)
            except Exception as error:
                if not connection_is_lost(error):
                    raise
                log.warning("sending.not_written", error=str(error).strip(), deliveries=len(landed))
                self._landed += landed  # the lease says how long this makes sense
                await asyncio.sleep(0.2)

    def _claim(self, room: int) -> list[Attempt]:
        paused = [queue.id for queue in queues() if queue.status == EventQueue.Status.PAUSED]
        with transaction.atomic():
            rows = fetch(_CLAIM, list(deferred_kinds()), paused, room, LEASE_SECONDS, self._lease)
        return [
            Attempt(event_of(row[6:]), row[0], queue_named(row[1]), row[2], row[3], row[4], orjson.loads(row[5]))
            for row in rows
        ]

    async def _send(self, attempt: Attempt) -> None:
        try:
            failpoint("send.before_effect")
            kind = deferred_kinds()[kind_of(attempt.subscriber_id)]
            match = await self._in_database(kind.again, attempt.event, attempt.subscriber_id)
            async with asyncio.timeout(SEND_SECONDS):
                attempt.handled = await kind.send(match, attempt.attempt)
            failpoint("send.after_effect")
        except Exception as error:
            trouble = trouble_of(error)
            if trouble.stack_trace is not None:
                log.error("subscriber.defect", subscriber_id=attempt.subscriber_id, exc_info=error)
            attempt.failed(trouble)
        self._landed.append(attempt)
        self._wake()

    def _write(self, landed: list[Attempt]) -> None:
        with transaction.atomic():
            mine = set(fetch(_STILL_MINE, self._lease, [each.event.id for each in landed]))
            held = [each for each in landed if (each.event.id, each.subscriber_id) in mine]
            deliveries.write(held, first=False)
            dead = Counter(each.queue.id for each in held if each.status == DEAD)
            for queue_id in sorted(dead):
                count(queue_id, 0, dead[queue_id], time.perf_counter())
            failpoint("send.before_commit")

    async def _in_database(self, function: Callable[..., Any], *arguments: Any) -> Any:
        def call() -> Any:
            with fresh_connection_after_a_loss():
                return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._database, call)
