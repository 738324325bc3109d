"""Sending what goes to the outside world: deliveries of deferred kinds, on the event loop of a worker.

A delivery is claimed under a lease: nobody else takes it before ``next_attempt_at``, which the claim puts that far ahead, and
which is put off again while it is under way. What came of it is written only while the lease is still held. So a delivery is
sent at least once; the other side tells repeats by the event's id. One whose senders go away again and again is given up.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import transaction

from .due import DEFERRED, DELIVERY, EVENT, attempt_of, picked
from .failpoints import failpoint
from .failures import PERMANENT, Trouble, connection_is_lost, says_again, trouble_of, why_not_storable
from .models import EventQueue
from .queueing import queues
from .routing import count
from .services import deliveries
from .services.deliveries import DEAD, Attempt
from .sql import fetch, fetch_named, fresh_connection_after_a_loss, run
from .subscribers import deferred_kinds, kind_of

log = structlog.get_logger(__name__)

SEND_SECONDS = 60.0
ROOM = 200
"""Deliveries in flight per process."""

_ANY = "SELECT EXISTS (SELECT 1 FROM events_delivery WHERE next_attempt_at <= now() AND kind = ANY(%s))"

_CLAIM = f"""
WITH {picked(DEFERRED, in_a_row="1")}, leased AS (
  UPDATE events_delivery d
  SET next_attempt_at = now() + make_interval(secs => %(seconds)s), lease = %(lease)s, attempts = d.attempts + 1
  FROM picked p WHERE d.event = p.event AND d.subscriber_id = p.subscriber_id AND d.recorded_at = p.recorded_at
  RETURNING d.subscriber_id, d.queue, d.partition_key, d.place, d.attempts, d.history, d.event, d.recorded_at
)
SELECT {DELIVERY}, {EVENT}
FROM leased p, LATERAL (SELECT * FROM events_event WHERE id = p.event AND recorded_at = p.recorded_at OFFSET 0) e
"""  # noqa: S608  its own columns

_STILL_MINE = """
SELECT event, subscriber_id FROM events_delivery
WHERE lease = %s AND event = ANY(%s) ORDER BY event, subscriber_id FOR UPDATE
"""


_RENEW = """
UPDATE events_delivery SET next_attempt_at = now() + make_interval(secs => %s)
WHERE lease = %s AND event = ANY(%s) AND next_attempt_at IS NOT NULL
"""


class Sender:
    """One process's share of what is to be sent. ``wake`` is called when something was."""

    def __init__(self, database: Executor, wake: Callable[[], None]) -> None:
        self._database, self._wake = database, wake
        self._lease = uuid4().hex
        self._flying: dict[asyncio.Task[None], Attempt] = {}
        self._landed: list[Attempt] = []
        self._left_some = False

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
            self._left_some = room <= 0
            return
        claimed = await self._in_database(self._claim, room)
        self._left_some = len(claimed) == room
        for attempt in claimed:
            if _times_lost(attempt) >= settings.AUGMENTED_MAX_CLAIMS:
                attempt.failed(_lost())
                self._landed.append(attempt)
                continue
            task = asyncio.get_running_loop().create_task(self._send(attempt))
            self._flying[task] = attempt
            task.add_done_callback(self._flying.pop)

    async def settle(self) -> bool:
        """Write what came of what was sent. Returns whether to look again: there was no room, or the next in order may go."""
        landed, self._landed = self._landed, []
        if not landed:
            return False
        try:
            await self._in_database(self._write, landed)
        except Exception as error:
            if connection_is_lost(error) or says_again(error):
                log.warning("sending.not_written", error=str(error).strip(), deliveries=len(landed))
                self._landed += landed  # the lease says how long this makes sense
                await asyncio.sleep(0.2)
                return False
            log.exception("sending.one_by_one", deliveries=len(landed))
            for each in landed:
                await self._write_alone(each)
        return self._left_some or any(each.partition_key is not None for each in landed)

    async def renew(self) -> None:
        """Hold on to what is under way."""
        held = [each.event.id for each in (*self._flying.values(), *self._landed)]
        if held:
            await self._in_database(run, _RENEW, settings.AUGMENTED_LEASE_SECONDS, self._lease, held)

    def _claim(self, room: int) -> list[Attempt]:
        kinds = list(deferred_kinds())
        if not fetch(_ANY, kinds)[0][0]:
            return []
        rows = fetch_named(
            _CLAIM,
            paused=[queue.id for queue in queues() if queue.status == EventQueue.Status.PAUSED],
            deferred=kinds,
            limit=room,
            seconds=settings.AUGMENTED_LEASE_SECONDS,
            lease=self._lease,
        )
        return [attempt_of(row) for row in rows]

    async def _send(self, attempt: Attempt) -> None:
        try:
            failpoint("send.before_effect")
            kind = deferred_kinds()[kind_of(attempt.subscriber_id)]
            match = await self._in_database(kind.again, attempt.event, attempt.subscriber_id)
            async with asyncio.timeout(SEND_SECONDS):
                handled = await kind.send(match, attempt.attempt)
            if why := why_not_storable(dict(handled.result)):
                raise ValueError(f"What {kind.kind} returned cannot be kept: {why}")
            attempt.handled = handled
            failpoint("send.after_effect")
        except Exception as error:
            trouble = trouble_of(error)
            if trouble.stack_trace is not None:
                log.error("subscriber.defect", subscriber_id=attempt.subscriber_id, exc_info=error)
            attempt.handled = None
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

    async def _write_alone(self, attempt: Attempt) -> None:
        """What cannot be written as it is has failed for that; what cannot be written at all is left to its lease."""
        try:
            await self._in_database(self._write, [attempt])
        except Exception as error:
            attempt.handled = None
            attempt.failed(trouble_of(error))
            try:
                await self._in_database(self._write, [attempt])
            except Exception:
                log.exception("sending.lost", subscriber_id=attempt.subscriber_id)

    async def _in_database(self, function: Callable[..., Any], *arguments: Any) -> Any:
        def call() -> Any:
            with fresh_connection_after_a_loss():
                return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._database, call)


def _times_lost(attempt: Attempt) -> int:
    """How many senders have begun it, since anything last came of it, and gone away."""
    last = attempt.history[-1]["attempt"] if attempt.history else 0
    return max(attempt.attempt - 1 - int(last), 0)


def _lost() -> Trouble:
    message = f"It was begun {settings.AUGMENTED_MAX_CLAIMS} times, and every worker that was at it went away."
    return Trouble(PERMANENT, "WORKER_LOST", message)
