"""Which open deliveries may be tried now, where some must wait for those before them.

Thousands may wait behind one that fails. So first the foremost of each (partition, subscriber) is found, and only for these
is it asked whether something open lies before them; asking for each that waits costs twenty times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from .services.deliveries import Attempt, queue_named
from .stored import StoredEvent

EVENT = """
e.id, e.event_id, e.pattern, e.version, e.source::text, e.payload::text, e.metadata::text, e.timestamp, e.recorded_at
"""
"""The columns that ``event_of`` reads."""

DELIVERY = "p.subscriber_id, p.queue, p.partition_key, p.place, p.attempts, p.history::text"
"""Those that come before them in what ``attempt_of`` reads."""


def event_of(row: Sequence[Any]) -> StoredEvent:
    return StoredEvent(
        row[0], row[1], row[2], row[3], orjson.loads(row[4]), orjson.loads(row[5]), orjson.loads(row[6]), row[7], row[8]
    )


def attempt_of(row: Sequence[Any]) -> Attempt:
    """A delivery that is tried once more; ``attempts`` counts this one."""
    return Attempt(event_of(row[6:]), row[0], queue_named(row[1]), row[2], row[3], row[4], orjson.loads(row[5]))


_DUE = "next_attempt_at <= now() AND queue <> ALL(%(paused)s) AND "
INLINE = "(kind <> ALL(%(deferred)s) OR right(subscriber_id, 2) = ':*')"
"""Deliveries that the router handles: also those of kinds that nobody has registered, so that somebody says so."""
DEFERRED = "kind = ANY(%(deferred)s) AND right(subscriber_id, 2) <> ':*'"


def picked(whose: str, *, in_a_row: str) -> str:
    """SQL of three CTEs, the last of which is ``picked``: the deliveries to try, locked, %(limit)s at most.

    Parameters: paused, deferred, limit. ``in_a_row``: how many of one partition and subscriber at once, for whoever takes
    them in order; those have the place of the first as ``head``.
    """
    return f"""
foremost AS (
  SELECT partition_key, subscriber_id, min(place) AS head FROM events_delivery
  WHERE {_DUE} {whose} AND partition_key IS NOT NULL GROUP BY partition_key, subscriber_id
), chosen AS (
  (SELECT event, subscriber_id, recorded_at, NULL::bigint AS head FROM events_delivery
   WHERE {_DUE} {whose} AND partition_key IS NULL ORDER BY next_attempt_at LIMIT %(limit)s)
  UNION ALL
  (SELECT d.event, d.subscriber_id, d.recorded_at, f.head FROM foremost f, LATERAL (
     SELECT event, subscriber_id, recorded_at FROM events_delivery
     WHERE partition_key = f.partition_key AND subscriber_id = f.subscriber_id AND place >= f.head AND {_DUE} {whose}
     ORDER BY place LIMIT {in_a_row}) d
   WHERE NOT EXISTS (
     SELECT 1 FROM events_delivery o WHERE o.partition_key = f.partition_key AND o.subscriber_id = f.subscriber_id
       AND o.place < f.head AND o.next_attempt_at IS NOT NULL)
   LIMIT %(limit)s)
  LIMIT %(limit)s
), picked AS (
  SELECT d.*, c.head FROM chosen c, LATERAL (
    SELECT event, subscriber_id, recorded_at, queue, partition_key, place, attempts, history FROM events_delivery
    WHERE event = c.event AND subscriber_id = c.subscriber_id AND recorded_at = c.recorded_at AND {_DUE} {whose}
    FOR UPDATE SKIP LOCKED) d
)"""  # noqa: S608  its own parts
