"""The router: takes events out of their queues and has their subscribers handle them.

One batch is one transaction: claim, find, handle, write the deliveries, delete from the queue. So whatever dies at whatever
moment, an event is either still in its queue or handled by everybody. Any number of routers may be at work at once: a batch
is claimed with SKIP LOCKED, and where a queue keeps an order, a partition belongs to one router at a time.

Lock order: queued events, partitions (advisory locks, by key), deliveries, dead letters; then what subscribers lock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import orjson
import structlog
from django.db import transaction

from . import doorbell
from .begun import Note, worker_lost
from .due import DELIVERY, EVENT, INLINE, attempt_of, event_of, picked
from .failpoints import failpoint
from .failures import Trouble, connection_is_lost, trouble_of
from .handling import again, deliver, is_everybody
from .models import EventQueue
from .queueing import Queue, queues
from .services import deliveries
from .services.deliveries import DEAD, RETRYING, Attempt, queue_named
from .sql import as_rows, fetch, fetch_each, fetch_named, run
from .stored import StoredEvent
from .subscribers import deferred_kinds, kind_of

log = structlog.get_logger(__name__)

RETRY_BATCH = 200

_WAITING = """
SELECT EXISTS (SELECT 1 FROM events_queuedevent),
       EXISTS (SELECT 1 FROM events_delivery WHERE next_attempt_at <= now()),
       EXISTS (SELECT 1 FROM events_deadletter WHERE replay_at <= now())
"""


def route() -> bool:
    """Route one batch of every queue that is not paused, and what is due for another attempt.

    Returns whether there may be more to do at once. In transactions of its own; where one of them raises, the others are
    done all the same.
    """
    waiting, due, asked = fetch(_WAITING)[0]
    batches: list[Batch] = []
    if waiting:
        batches += [partial(_route_batch, queue) for queue in queues() if queue.status != EventQueue.Status.PAUSED]
    if due:
        batches.append(_retry_batch)
    if asked:
        batches.append(_replay_batch)
    more, raised = False, None
    for batch in batches:
        try:
            more = _insist(batch) or more
        except Exception as error:
            if connection_is_lost(error):
                raise
            raised = error
    if raised is not None:
        raise raised
    return more


Spoiled = dict[str, dict[str, Trouble]]
"""What raised when it was handled alone, and cannot be handled therefore: for each name, at which part, and what."""

Batch = Callable[[Note, Spoiled], bool]


def _insist(batch: Batch) -> bool:
    """Do a batch; again, where it raises because of one thing that is handled alone, without that.

    What raises here is no subscriber's failure, and no other than this could be found out by trying: whatever was begun
    and not ended is handled alone by whoever comes next.
    """
    spoiled: Spoiled = {}
    while True:
        note = Note()
        try:
            return batch(note, spoiled)
        except Exception as error:
            known = spoiled.setdefault(note.alone or "", {})
            if note.alone is None or note.part in known or connection_is_lost(error):
                raise
            log.exception("router.spoiled", name=note.alone, part=note.part)
            known[note.part] = trouble_of(error)


def is_waiting() -> bool:
    """Whether an event lies in a queue that is not paused, or a delivery or a replay is due. For the sweep."""
    paused = [queue.id for queue in queues() if queue.status == EventQueue.Status.PAUSED]
    found = fetch(_WAITING_UNPAUSED, paused, paused)[0]
    return any(found)


_WAITING_UNPAUSED = """
SELECT EXISTS (SELECT 1 FROM events_queuedevent WHERE queue <> ALL(%s)),
       EXISTS (SELECT 1 FROM events_delivery WHERE next_attempt_at <= now() AND queue <> ALL(%s)),
       EXISTS (SELECT 1 FROM events_deadletter WHERE replay_at <= now())
"""

# Said so, and claimed without sorting, that only the index by queue and place will do. What Postgres knows of the queue is from
# when it was empty, or full of another queue's events: it would sort all of it, or read past all the others.
_NO_SORT = "SELECT set_config('enable_sort', 'off', true)"
_SORT = "SELECT set_config('enable_sort', 'on', true)"

_CLAIM = f"""
WITH picked AS (
  SELECT id, event, recorded_at, partition_key FROM events_queuedevent
  WHERE (queue, id) >= (%s, 0) AND (queue, id) <= (%s, 9223372036854775807)
  ORDER BY queue, id LIMIT %s FOR UPDATE SKIP LOCKED
)
SELECT picked.id, picked.partition_key, {EVENT}
FROM picked, LATERAL (SELECT * FROM events_event
  WHERE id = picked.event AND recorded_at = picked.recorded_at OFFSET 0) e
ORDER BY picked.id
"""  # noqa: S608  its own columns


def _route_batch(queue: Queue, note: Note, spoiled: Spoiled) -> bool:
    began = time.perf_counter()
    with transaction.atomic():
        rows, mine, more = _claim(queue, note)
        if rows:
            found = [(row[0], row[1], event_of(row[2:])) for row in rows]
            attempts = deliver(queue, found, note, spoiled.get(note.alone or "", {}))
            deliveries.write(attempts, first=True)
            run("DELETE FROM events_queuedevent WHERE id = ANY(%s)", [row[0] for row in rows])
            count(queue.id, len(rows), _errors(attempts), began)
            failpoint("router.before_commit")
    note.end([str(row[0]) for row in rows])
    if not rows:
        return False
    failpoint("router.after_commit")
    if any(each.status == RETRYING for each in attempts):
        doorbell.ring_now(doorbell.IO)  # whoever sends may look
    # Whoever came to a partition of ours meanwhile has left it to us.
    return more or bool(mine and fetch(_LEFT, mine, queue.id)[0][0])


def _claim(queue: Queue, note: Note) -> tuple[list[tuple[Any, ...]], list[str], bool]:
    """Rows that are now this router's to handle, in order; the partitions that are; whether it has claimed more than these.

    Two routers may come upon a partition at once, and one get its events and the other its lock. Both let go, and the one
    with the lock looks again.
    """
    for pause in (0.002, 0.01, None):
        asked = (queue.id, queue.id, queue.batch_size)
        _, claimed, _ = fetch_each((_NO_SORT, ()), (_CLAIM, asked), (_SORT, ()))
        limit = note.begin([str(row[0]) for row in claimed]) if claimed else 0
        rows, mine = _in_order(claimed[:limit])
        if rows or not mine or pause is None:
            break
        time.sleep(pause)
    return rows, mine, len(claimed) == queue.batch_size or limit < len(claimed)


def _in_order(rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The rows without those of partitions that another router is at, or that have an earlier event elsewhere; and the
    partitions that are now ours."""
    last = {row[1]: row[0] for row in rows if row[1] is not None}
    if not last:
        return rows, []
    mine = [row[0] for row in fetch(_LOCK_PARTITIONS, sorted(last))]
    # Looked up after the locks: whoever held one before has committed what it did.
    earlier = fetch(_NOT_MINE, mine, [last[key] for key in mine], [row[0] for row in rows]) if mine else []
    until = {key: last[key] + 1 for key in mine} | dict(earlier)
    return [row for row in rows if row[1] is None or row[0] < until.get(row[1], 0)], mine


_LOCK_PARTITIONS = """
SELECT key FROM unnest(%s::text[]) key WHERE pg_try_advisory_xact_lock(hashtextextended(key, 4))
"""

_NOT_MINE = """
SELECT k.key, min(q.id) FROM unnest(%s::text[], %s::bigint[]) AS k(key, last)
JOIN events_queuedevent q ON q.partition_key = k.key AND q.id < k.last
WHERE q.id <> ALL(%s) GROUP BY k.key
"""

_LEFT = "SELECT EXISTS (SELECT 1 FROM events_queuedevent WHERE partition_key = ANY(%s) AND queue = %s)"


# What is due for another attempt

_TO_RETRY = f"""
WITH {picked(INLINE, in_a_row="%(limit)s")}
SELECT p.head, {DELIVERY}, {EVENT}
FROM picked p, LATERAL (SELECT * FROM events_event WHERE id = p.event AND recorded_at = p.recorded_at OFFSET 0) e
ORDER BY p.place
"""  # noqa: S608  its own columns


def _retry_batch(note: Note, spoiled: Spoiled) -> bool:
    began = time.perf_counter()
    paused = [queue.id for queue in queues() if queue.status == EventQueue.Status.PAUSED]
    with transaction.atomic():
        rows = fetch_named(_TO_RETRY, paused=paused, deferred=list(deferred_kinds()), limit=RETRY_BATCH)
        attempts = _from_the_foremost(rows)
        if not attempts:
            return False
        names = _try_again(attempts, note, spoiled)
        for queue_id in sorted({each.queue.id for each in attempts}):
            count(queue_id, 0, _errors([each for each in attempts if each.queue.id == queue_id]), began)
        failpoint("router.before_commit")
    note.end(names)
    return True


def _from_the_foremost(rows: Sequence[tuple[Any, ...]]) -> list[Attempt]:
    """Of each partition those that follow its foremost delivery; nothing where another router has that one."""
    attempts = [(row[0], attempt_of(row[1:])) for row in rows]
    there = {(each.subscriber_id, each.partition_key) for head, each in attempts if each.place == head}
    for _, each in attempts:
        each.attempt += 1
    return [each for head, each in attempts if head is None or (each.subscriber_id, each.partition_key) in there]


def _try_again(attempts: list[Attempt], note: Note, spoiled: Spoiled) -> list[str]:
    """Try deliveries anew, as many as the note allows, and write what came of it. Returns the names of those."""
    names = [f"{each.event.id}/{each.subscriber_id}" for each in attempts]
    del attempts[note.begin(names) :]
    if trouble := spoiled.get(note.alone or "", {}).get(""):
        attempts[0].failed(trouble)
    elif note.is_lost():
        attempts[0].failed(worker_lost())
    found = again(attempts)
    # The others wait on for one before them.
    deliveries.write([each for each in attempts if each.handled or each.trouble], first=False)
    deliveries.write(found, first=True)
    if any(each.status == RETRYING for each in found):
        doorbell.ring(doorbell.IO)
    return names[: len(attempts)]


# Dead letters that somebody wants replayed

_ASKED = """
SELECT id, subscriber_id, queue, retry_history::text, retry_count, event, recorded_at, original_event::text
FROM events_deadletter WHERE replay_at <= now() AND status IN ('pending', 'reprocessing')
ORDER BY replay_at, event, subscriber_id LIMIT %s FOR UPDATE SKIP LOCKED
"""

_SEND_AGAIN = """
WITH sent AS (
  UPDATE events_delivery d SET status = 'retrying', next_attempt_at = coalesce(d.next_attempt_at, now()), updated_at = now()
  FROM json_to_recordset(%s::json) AS r(event uuid, subscriber_id text, recorded_at timestamptz)
  WHERE d.event = r.event AND d.subscriber_id = r.subscriber_id AND d.recorded_at = r.recorded_at
  RETURNING d.event, d.subscriber_id
)
UPDATE events_deadletter l SET status = 'reprocessing', replay_at = NULL FROM sent
WHERE l.event = sent.event AND l.subscriber_id = sent.subscriber_id
RETURNING l.id
"""


def _replay_batch(note: Note, spoiled: Spoiled) -> bool:
    with transaction.atomic():
        rows = fetch(_ASKED, RETRY_BATCH)
        if not rows:
            return False
        to_send = [row for row in rows if kind_of(row[1]) in deferred_kinds() and not is_everybody(row[1])]
        sent = _send_again(to_send) if to_send else set()
        attempts = []
        for row in rows:
            if row[0] not in sent:
                event = StoredEvent.of_document(row[5], row[6], orjson.loads(row[7]))
                queue, history = queue_named(row[2]), orjson.loads(row[3])
                attempts.append(Attempt(event, row[1], queue, None, 0, row[4] + 2, history, last=True))
        names = _try_again(attempts, note, spoiled) if attempts else []
        failpoint("router.before_commit")
    note.end(names)
    return True


def _send_again(rows: Sequence[tuple[Any, ...]]) -> set[Any]:
    """Have deliveries of kinds that are sent sent again; returns the letters whose deliveries are still there."""
    doorbell.ring(doorbell.IO)
    wanted = [{"event": row[5], "subscriber_id": row[1], "recorded_at": row[6]} for row in rows]
    return {row[0] for row in fetch(_SEND_AGAIN, as_rows(wanted))}


def _errors(attempts: Sequence[Attempt]) -> int:
    return sum(each.status == DEAD for each in attempts)


_COUNT = """
INSERT INTO events_queueminute AS m (queue, minute, slot, processed, errors, millis, depth, oldest_age_ms)
VALUES (%s, date_trunc('minute', now()), %s, %s, %s, %s, 0, 0)
ON CONFLICT (queue, minute, slot) DO UPDATE SET
  processed = m.processed + excluded.processed, errors = m.errors + excluded.errors, millis = m.millis + excluded.millis
"""


def count(queue_id: str, processed: int, errors: int, began: float) -> None:
    """Add to what the queue has done in this minute."""
    run(_COUNT, queue_id, os.getpid() % 30_000, processed, errors, 1000 * (time.perf_counter() - began))
