"""What became of events at their subscribers: one row each, and a dead letter for what cannot be handled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.auth.identifiers import uuid7
from apps.events.failures import TRANSIENT, Trouble
from apps.events.queueing import Queue, queues
from apps.events.rules import backoff
from apps.events.sql import as_rows, fetch, run
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, kind_of

from . import sequences

HANDLED, SKIPPED, RETRYING, DEAD = "handled", "skipped", "retrying", "dead"
KEPT_ATTEMPTS = 20
"""Of a delivery's history: the latest."""


@dataclass(slots=True)
class Attempt:
    """A delivery that is being tried: what is known of it, then what came of it.

    ``attempt`` counts from 1; ``place`` is the event's in its queue. ``handled`` or ``trouble``; neither: it waits its turn.
    """

    event: StoredEvent
    subscriber_id: str
    queue: Queue
    partition_key: str | None
    place: int
    attempt: int = 1
    history: list[dict[str, Any]] = field(default_factory=list)
    handled: Handled | None = None
    trouble: Trouble | None = None
    delay: timedelta = timedelta(0)
    last: bool = False
    """A replay: there is no further attempt by itself."""

    @property
    def is_over(self) -> bool:
        """Whether there will be no further attempt by itself."""
        if self.trouble is None:
            return self.handled is not None
        return self.last or self.trouble.type != TRANSIENT or self.attempt > self.max_retries

    @property
    def max_retries(self) -> int:
        own = self.trouble.max_retries if self.trouble is not None else None
        return self.queue.max_retries if own is None else own

    def failed(self, trouble: Trouble) -> None:
        self.trouble = trouble
        entry = {"at": _now(), "attempt": self.attempt, "error": _brief(trouble)}
        self.history = [*self.history, entry][-KEPT_ATTEMPTS:]
        self.delay = backoff(self.attempt, self.queue.retry_delay, trouble.retry_after)

    @property
    def status(self) -> str:
        if self.handled is not None:
            return SKIPPED if self.handled.skipped else HANDLED
        return DEAD if self.trouble is not None and self.is_over else RETRYING


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _brief(trouble: Trouble) -> dict[str, Any]:
    return {"type": trouble.type, "code": trouble.code, "message": trouble.message}


def queue_named(name: str) -> Queue:
    """The settings of a queue; those of ``default`` where it has gone."""
    found = queues()
    return next((queue for queue in found if queue.id == name), found[-1])


_COLUMNS = """
  event uuid, subscriber_id text, recorded_at timestamptz, event_id text, kind text, queue text, partition_key text,
  place bigint, status text, result jsonb, attempts int, delay float8, error jsonb, history jsonb
"""

_FIRST = f"""
INSERT INTO events_delivery (event, subscriber_id, recorded_at, event_id, kind, queue, partition_key, place, status, result,
                             attempts, next_attempt_at, error, history, created_at, updated_at)
SELECT event, subscriber_id, recorded_at, event_id, kind, queue, partition_key, place, status, result, attempts,
       now() + make_interval(secs => delay), error, history, now(), now()
FROM json_to_recordset(%s::json) AS r({_COLUMNS})
ON CONFLICT (event, subscriber_id, recorded_at) DO NOTHING
"""  # noqa: S608  its own columns

_LATER = f"""
UPDATE events_delivery d SET status = r.status, result = r.result, attempts = r.attempts, lease = NULL,
  next_attempt_at = now() + make_interval(secs => r.delay), error = r.error, history = r.history, updated_at = now()
FROM json_to_recordset(%s::json) AS r({_COLUMNS})
WHERE d.event = r.event AND d.subscriber_id = r.subscriber_id AND d.recorded_at = r.recorded_at
"""  # noqa: S608  its own columns


def write(attempts: Sequence[Attempt], *, first: bool) -> None:
    """Write what came of deliveries, in the transaction in which they were tried. ``first``: they have no rows yet."""
    if attempts:
        run(_FIRST if first else _LATER, as_rows([_row(each) for each in attempts]))
        bury([Dead.of(each) for each in attempts if each.status == DEAD])
    if attempts and not first:
        _resolve([each for each in attempts if each.handled is not None])


_RESOLVE = """
UPDATE events_deadletter l SET status = 'resolved', replay_at = NULL, updated_at = now(), resolution = jsonb_build_object(
  'timestamp', now(), 'strategy', CASE WHEN replay_by = '' THEN 'automatic_retry' ELSE 'manual_retry' END,
  'resolvedBy', nullif(replay_by, ''), 'notes', NULL)
FROM json_to_recordset(%s::json) AS r(event uuid, subscriber_id text)
WHERE l.event = r.event AND l.subscriber_id = r.subscriber_id AND l.status IN ('pending', 'reprocessing')
RETURNING l.event
"""


def _resolve(handled: Sequence[Attempt]) -> None:
    """What was a dead letter is none any more."""
    if handled:
        rows = [{"event": each.event.id, "subscriber_id": each.subscriber_id} for each in handled]
        sequences.note_resolved(row[0] for row in fetch(_RESOLVE, as_rows(rows)))


def _row(each: Attempt) -> dict[str, Any]:
    status = each.status
    return {
        "event": each.event.id,
        "subscriber_id": each.subscriber_id,
        "recorded_at": each.event.recorded_at,
        "event_id": each.event.event_id,
        "kind": kind_of(each.subscriber_id),
        "queue": each.queue.id,
        "partition_key": each.partition_key,
        "place": each.place,
        "status": status,
        "result": _result(each.handled),
        "attempts": each.attempt,
        "delay": each.delay.total_seconds() if status == RETRYING else None,
        "error": None if each.trouble is None else each.trouble.as_json(),
        "history": each.history,
    }


def _result(handled: Handled | None) -> Mapping[str, Any]:
    if handled is None:
        return {}
    return {**handled.result, "skipped": handled.skipped} if handled.skipped else handled.result


# Dead letters


@dataclass(frozen=True, slots=True)
class Dead:
    """An event that a subscriber could not handle. ``queue`` and so on as the delivery had them."""

    event: UUID
    recorded_at: datetime
    document: Mapping[str, Any]
    subscriber_id: str
    error: Mapping[str, Any]
    queue: str
    history: Sequence[Mapping[str, Any]]
    attempts: int
    max_retries: int

    @classmethod
    def of(cls, attempt: Attempt) -> Dead:
        assert attempt.trouble is not None
        return cls(
            attempt.event.id,
            attempt.event.recorded_at,
            attempt.event.document,
            attempt.subscriber_id,
            attempt.trouble.as_json(),
            attempt.queue.id,
            attempt.history,
            attempt.attempt,
            attempt.max_retries,
        )


# A letter that was replayed in vain is pending again, with what was tried added to its history.
_BURY = """
INSERT INTO events_deadletter (id, event, recorded_at, event_id, pattern, queue, subscriber_id, kind, original_event, error,
                               error_type, error_code, retry_history, retry_count, max_retries, status, replay_by,
                               created_at, updated_at)
SELECT id, event, recorded_at, event_id, pattern, queue, subscriber_id, kind, original_event, error, error ->> 'type',
       left(error ->> 'code', 100), history, attempts - 1, max_retries, 'pending', '', now(), now()
FROM json_to_recordset(%s::json) AS r(
  id uuid, event uuid, recorded_at timestamptz, event_id text, pattern text, queue text, subscriber_id text, kind text,
  original_event jsonb, error jsonb, history jsonb, attempts int, max_retries int)
ON CONFLICT (event, subscriber_id) DO UPDATE SET
  status = 'pending', resolution = NULL, replay_at = NULL, error = excluded.error, error_type = excluded.error_type,
  error_code = excluded.error_code, retry_history = excluded.retry_history,
  retry_count = events_deadletter.retry_count + 1, updated_at = now()
"""


def bury(letters: Sequence[Dead]) -> None:
    """Write dead letters, and tell the sequences whose events they are."""
    if not letters:
        return
    rows = [
        {
            "id": uuid7(),
            "event": each.event,
            "recorded_at": each.recorded_at,
            "event_id": each.document["eventId"],
            "pattern": each.document["pattern"],
            "queue": each.queue,
            "subscriber_id": each.subscriber_id,
            "kind": kind_of(each.subscriber_id),
            "original_event": each.document,
            "error": each.error,
            "history": each.history,
            "attempts": each.attempts,
            "max_retries": each.max_retries,
        }
        for each in sorted(letters, key=lambda each: (each.event, each.subscriber_id))
    ]
    run(_BURY, as_rows(rows))
    sequences.note_dead_letters(each.event for each in letters)
