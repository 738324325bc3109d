"""The router: takes events out of their queues and has their subscribers handle them.

One batch is one transaction: claim, find, handle, write the deliveries, delete from the queue. So whatever dies at whatever
moment, an event is either still in its queue or handled by everybody. Any number of routers may be at work at once: a batch
is claimed with SKIP LOCKED, and where a queue keeps an order, a partition belongs to one router at a time.

Lock order: queued events, partitions (advisory locks, by key), deliveries, dead letters; then what subscribers lock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import transaction

from . import doorbell
from .failpoints import failpoint
from .failures import connection_is_lost, trouble_of
from .handling import Pair, find, handle
from .models import EventQueue
from .queueing import Queue, queues
from .services import deliveries
from .services.deliveries import DEAD, RETRYING, Attempt, queue_named
from .sql import as_rows, fetch, run
from .stored import StoredEvent
from .subscribers import EVERYBODY, Handled, Match, Subscriber, SubscriberGone, deferred_kinds, kind_of, kinds

RETRY_BATCH = 200

_WAITING = """
SELECT EXISTS (SELECT 1 FROM events_queuedevent),
       EXISTS (SELECT 1 FROM events_delivery WHERE next_attempt_at <= now()),
       EXISTS (SELECT 1 FROM events_deadletter WHERE replay_at <= now())
"""


def route() -> bool:
    """Route one batch of every queue that is not paused, and what is due for another attempt.

    Returns whether there may be more to do at once. In transactions of its own.
    """
    waiting, due, asked = fetch(_WAITING)[0]
    more = False
    if waiting:
        for queue in queues():
            if queue.status != EventQueue.Status.PAUSED:
                more = _route_batch(queue) or more
    if due:
        more = _retry_batch() or more
    if asked:
        more = _replay_batch() or more
    return more


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

_EVENT = """
e.id, e.event_id, e.pattern, e.version, e.source::text, e.payload::text, e.metadata::text, e.timestamp, e.recorded_at
"""

_CLAIM = f"""
WITH picked AS (
  SELECT id, event, recorded_at, partition_key FROM events_queuedevent
  WHERE queue = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
SELECT picked.id, picked.partition_key, {_EVENT}
FROM picked, LATERAL (SELECT * FROM events_event
  WHERE id = picked.event AND recorded_at = picked.recorded_at OFFSET 0) e
ORDER BY picked.id
"""  # noqa: S608  its own columns


def event_of(row: Sequence[Any]) -> StoredEvent:
    """A row of the columns of ``_EVENT``."""
    return StoredEvent(
        row[0], row[1], row[2], row[3], orjson.loads(row[4]), orjson.loads(row[5]), orjson.loads(row[6]), row[7], row[8]
    )


def _route_batch(queue: Queue) -> bool:
    began = time.perf_counter()
    with transaction.atomic():
        rows = fetch(_CLAIM, queue.id, queue.batch_size)
        whole = len(rows) == queue.batch_size
        rows = _in_order(rows)
        if not rows:
            return False
        attempts = _deliver(queue, [(row[0], row[1], event_of(row[2:])) for row in rows])
        deliveries.write(attempts, first=True)
        run("DELETE FROM events_queuedevent WHERE id = ANY(%s)", [row[0] for row in rows])
        count(queue.id, len(rows), _errors(attempts), began)
        failpoint("router.before_commit")
    failpoint("router.after_commit")
    if any(each.status == RETRYING for each in attempts):
        doorbell.ring_now(doorbell.IO)  # whoever sends may look
    return whole


def _in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows without those of partitions that another router is at, or that have an earlier event elsewhere."""
    last = {row[1]: row[0] for row in rows if row[1] is not None}
    if not last:
        return rows
    mine = {row[0] for row in fetch(_LOCK_PARTITIONS, sorted(last))}
    # Looked up after the locks: whoever held one before has committed what it did.
    earlier = fetch(_NOT_MINE, list(mine), [last[key] for key in mine], [row[0] for row in rows]) if mine else []
    until = dict(earlier)
    return [row for row in rows if row[1] is None or (row[1] in mine and row[0] < until.get(row[1], row[0] + 1))]


_LOCK_PARTITIONS = """
SELECT key FROM unnest(%s::text[]) key WHERE pg_try_advisory_xact_lock(hashtextextended(key, 4))
"""

_NOT_MINE = """
SELECT k.key, min(q.id) FROM unnest(%s::text[], %s::bigint[]) AS k(key, last)
JOIN events_queuedevent q ON q.partition_key = k.key AND q.id < k.last
WHERE q.id <> ALL(%s) GROUP BY k.key
"""

_OPEN = """
SELECT DISTINCT subscriber_id, partition_key FROM events_delivery
WHERE partition_key = ANY(%s) AND next_attempt_at IS NOT NULL
"""


def _deliver(queue: Queue, found: Sequence[tuple[int, str | None, StoredEvent]]) -> list[Attempt]:
    """Have everybody handle a batch of (place, partition key, event)."""
    events = [event for _, _, event in found]
    where = {event.id: (place, key) for place, key, event in found}
    keys = {key for _, key, _ in found if key is not None}
    busy = {(row[0], row[1]) for row in fetch(_OPEN, list(keys))} if keys else set()

    def attempt(match: Match) -> Attempt:
        place, key = where[match.event.id]
        return Attempt(match.event, match.subscriber_id, queue, key, place)

    attempts: list[Attempt] = []
    for kind in (*kinds().values(), *deferred_kinds().values()):
        matches, lost = find(kind, events)
        distinct = {(match.event.id, match.subscriber_id): match for match in matches}
        # By event in the order of arrival; within one, as the kind wants it.
        ordered = sorted(distinct.values(), key=lambda match: where[match.event.id][0])
        pairs = [(attempt(match), match) for match in ordered]
        if (inline := kinds().get(kind.kind)) is not None:
            handle(inline, pairs, busy)
        attempts += [each for each, _ in pairs]
        for event, trouble in lost:
            unknown = attempt(Match(event, f"{kind.kind}:{EVERYBODY}"))
            unknown.failed(trouble)
            attempts.append(unknown)
    for each in attempts:
        if each.handled is None and each.trouble is None:
            each.attempt = 0  # not tried yet: it waits its turn, or is to be sent
    return attempts


# What is due for another attempt

_DUE = f"""
WITH picked AS (
  SELECT event, subscriber_id, recorded_at, queue, partition_key, place, attempts, history FROM events_delivery d
  WHERE next_attempt_at <= now() AND kind = ANY(%s) AND queue <> ALL(%s) AND (partition_key IS NULL OR NOT EXISTS (
    SELECT 1 FROM events_delivery o WHERE o.partition_key = d.partition_key AND o.subscriber_id = d.subscriber_id
      AND o.place < d.place AND o.next_attempt_at IS NOT NULL))
  ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
)
SELECT p.subscriber_id, p.queue, p.partition_key, p.place, p.attempts, p.history::text, {_EVENT}
FROM picked p, LATERAL (SELECT * FROM events_event WHERE id = p.event AND recorded_at = p.recorded_at OFFSET 0) e
ORDER BY p.place
"""  # noqa: S608  its own columns


def _retry_batch() -> bool:
    began = time.perf_counter()
    paused = [queue.id for queue in queues() if queue.status == EventQueue.Status.PAUSED]
    with transaction.atomic():
        rows = fetch(_DUE, list(kinds()), paused, RETRY_BATCH)
        if not rows:
            return False
        attempts = []
        for row in rows:
            queue = queue_named(row[1])
            attempts.append(Attempt(event_of(row[6:]), row[0], queue, row[2], row[3], row[4] + 1, orjson.loads(row[5])))
        found = again(attempts)
        deliveries.write(attempts, first=False)
        deliveries.write(found, first=True)
        for queue_id in {each.queue.id for each in attempts}:
            mine = [each for each in attempts if each.queue.id == queue_id]
            count(queue_id, 0, _errors(mine), began)
        failpoint("router.before_commit")
    return True


# Dead letters that somebody wants replayed

_ASKED = """
SELECT id, subscriber_id, queue, retry_history::text, retry_count, event, recorded_at, original_event::text
FROM events_deadletter WHERE replay_at <= now() ORDER BY replay_at, event, subscriber_id LIMIT %s FOR UPDATE SKIP LOCKED
"""

_SEND_AGAIN = """
WITH sent AS (
  UPDATE events_delivery d SET status = 'retrying', next_attempt_at = now(), lease = NULL, updated_at = now()
  FROM json_to_recordset(%s::json) AS r(event uuid, subscriber_id text, recorded_at timestamptz)
  WHERE d.event = r.event AND d.subscriber_id = r.subscriber_id AND d.recorded_at = r.recorded_at
  RETURNING d.event, d.subscriber_id
)
UPDATE events_deadletter l SET status = 'reprocessing', replay_at = NULL FROM sent
WHERE l.event = sent.event AND l.subscriber_id = sent.subscriber_id
RETURNING l.id
"""


def _replay_batch() -> bool:
    with transaction.atomic():
        rows = fetch(_ASKED, RETRY_BATCH)
        if not rows:
            return False
        to_send = [row for row in rows if kind_of(row[1]) in deferred_kinds()]
        sent = _send_again(to_send) if to_send else set()
        attempts = []
        for row in rows:
            if row[0] not in sent:
                event = StoredEvent.of_document(row[5], row[6], orjson.loads(row[7]))
                queue, history = queue_named(row[2]), orjson.loads(row[3])
                attempts.append(Attempt(event, row[1], queue, None, 0, row[4] + 2, history, last=True))
        found = again(attempts)
        deliveries.write(attempts, first=False)
        deliveries.write(found, first=True)
        failpoint("router.before_commit")
    return True


def _send_again(rows: Sequence[tuple[Any, ...]]) -> set[Any]:
    """Have deliveries of kinds that are sent sent again; returns the letters whose deliveries are still there."""
    wanted = [{"event": row[5], "subscriber_id": row[1], "recorded_at": row[6]} for row in rows]
    return {row[0] for row in fetch(_SEND_AGAIN, as_rows(wanted))}


def again(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Try deliveries anew, each kind's together. Returns further ones, of subscribers that are found only now."""
    found: list[Attempt] = []
    pairs: dict[str, list[Pair]] = {}
    for each in attempts:
        name = kind_of(each.subscriber_id)
        try:
            kind = kinds().get(name)
            if kind is None and name in deferred_kinds():
                raise SubscriberGone("The event is older than the store keeps, so it cannot be sent any more.")
            if kind is None:
                raise SubscriberGone(f"This installation has no subscribers of the kind {name}.")
            if each.subscriber_id.endswith(f":{EVERYBODY}"):
                found += _find_again(kind, each)
            else:
                pairs.setdefault(name, []).append((each, kind.again(each.event, each.subscriber_id)))
        except Exception as error:
            if connection_is_lost(error):
                raise
            each.failed(trouble_of(error))
    for name, mine in pairs.items():
        handle(kinds()[name], mine, set())
    return found


_KNOWN = "SELECT subscriber_id FROM events_delivery WHERE event = %s AND recorded_at = %s"


def _find_again(kind: Subscriber, lost: Attempt) -> list[Attempt]:
    """Handle an event of which it could not be said whom it concerns."""
    matches, unknown = find(kind, [lost.event])
    if unknown:
        lost.failed(unknown[0][1])
        return []
    known = {row[0] for row in fetch(_KNOWN, lost.event.id, lost.event.recorded_at)}
    pairs = [
        (Attempt(lost.event, match.subscriber_id, lost.queue, None, lost.place), match)
        for match in matches
        if match.subscriber_id not in known
    ]
    handle(kind, pairs, set())
    lost.handled = Handled({"subscribers": [attempt.subscriber_id for attempt, _ in pairs][:100]})
    return [attempt for attempt, _ in pairs]


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
