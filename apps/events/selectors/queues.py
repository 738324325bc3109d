"""Reading queues: how full they are, how fast they go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import Checkpoint, EventQueue
from apps.events.queueing import DEFAULTS
from apps.events.sql import fetch
from apps.validation.problems import NotFound

CHART = timedelta(hours=3)
SPARK_MINUTES = 60

_FIGURES = """
SELECT k.queue, coalesce(c.event_count, 0) + coalesce(m.processed, 0), coalesce(c.errors, 0) + coalesce(m.errors, 0),
       coalesce(c.millis, 0) + coalesce(m.millis, 0), c.id, coalesce(q.depth, 0), coalesce(q.age, 0),
       coalesce(m.lately, 0), coalesce(r.retrying, 0)
FROM unnest(%s::text[]) AS k(queue)
LEFT JOIN LATERAL (SELECT * FROM events_checkpoint WHERE queue = k.queue ORDER BY created_at DESC LIMIT 1) c ON true
LEFT JOIN LATERAL (
  SELECT sum(processed) FILTER (WHERE c.created_at IS NULL OR minute >= c.created_at) AS processed,
         sum(errors) FILTER (WHERE c.created_at IS NULL OR minute >= c.created_at) AS errors,
         sum(millis) FILTER (WHERE c.created_at IS NULL OR minute >= c.created_at) AS millis,
         sum(processed) FILTER (WHERE minute >= date_trunc('minute', now()) - interval '1 minute') AS lately
  FROM events_queueminute WHERE queue = k.queue
    AND minute >= least(coalesce(c.created_at, '-infinity'), date_trunc('minute', now()) - interval '1 minute')) m ON true
LEFT JOIN LATERAL (
  SELECT count(*) AS depth, 1000 * extract(epoch FROM now() - min(recorded_at)) AS age
  FROM events_queuedevent WHERE queue = k.queue) q ON true
LEFT JOIN LATERAL (
  SELECT count(*) AS retrying FROM events_delivery WHERE queue = k.queue AND next_attempt_at IS NOT NULL) r ON true
"""


def find_queue(actor: User, key: str) -> EventQueue:
    """NotFound, AccessDenied."""
    require(actor, "view:operations")
    row = EventQueue.objects.filter(id=key).first()
    if row is None and key == EventQueue.DEFAULT:
        return EventQueue(id=key)
    if row is None:
        raise NotFound(f"There is no queue {key}.")
    return row


def queues(actor: User) -> list[dict[str, Any]]:
    """Every queue with its figures, ``default`` first. AccessDenied."""
    require(actor, "view:operations")
    rows = {row.id: row for row in EventQueue.objects.order_by("id")}
    default = rows.pop(EventQueue.DEFAULT, EventQueue(id=EventQueue.DEFAULT))
    return shown([default, *rows.values()])


def shown(rows: list[EventQueue]) -> list[dict[str, Any]]:
    """Queues as schemas/queue.json has them, with more figures. One statement."""
    figures = {row[0]: row[1:] for row in fetch(_FIGURES, [row.id for row in rows])}
    found = []
    for row in rows:
        processed, errors, millis, checkpoint, depth, age, lately, retrying = figures[row.id]
        config = {**DEFAULTS, **row.config}
        found.append(
            {
                "id": row.id,
                "status": row.status,
                "reason": row.reason,
                "changedBy": row.changed_by,
                "changedAt": row.changed_at if isinstance(row.changed_at, datetime) else None,
                "patterns": row.patterns,
                "checkpointId": None if checkpoint is None else str(checkpoint),
                "queueMetrics": {
                    "totalProcessed": int(processed),
                    "totalErrors": int(errors),
                    "avgProcessingTimeMs": round(millis / processed, 3) if processed else 0,
                    "depth": depth,
                    "oldestAgeMs": round(float(age), 1),
                    "lastTwoMinutes": int(lately),
                    "retrying": retrying,
                },
                "isDrained": row.status == EventQueue.Status.DRAINING and depth == 0 and retrying == 0,
                "config": config,
                "revision": row.revision,
            }
        )
    return found


_LATELY = """
SELECT queue, (extract(epoch FROM date_trunc('minute', now()) - minute) / 60)::int, sum(processed), sum(errors)
FROM events_queueminute
WHERE queue = ANY(%s) AND minute > date_trunc('minute', now()) - make_interval(mins => %s) AND slot >= 0
GROUP BY queue, minute
"""


def lately(actor: User, keys: list[str]) -> dict[str, list[tuple[int, int]]]:
    """By queue, (processed, errors) of each minute of the last hour, this one last. One statement. AccessDenied."""
    require(actor, "view:operations")
    found = {key: [(0, 0)] * SPARK_MINUTES for key in keys}
    for key, ago, processed, errors in fetch(_LATELY, keys, SPARK_MINUTES):
        found[key][SPARK_MINUTES - 1 - ago] = (int(processed), int(errors))
    return found


# The watermark is looked for, not counted up to: what is not full costs what is in it.
_TROUBLE = """
SELECT k.id, k.status, EXISTS (SELECT 1 FROM events_queuedevent WHERE queue = k.id OFFSET k.watermark - 1 LIMIT 1)
FROM (
  SELECT id, status, coalesce((config ->> 'highWatermark')::numeric::bigint, %s) AS watermark FROM events_eventqueue
) k ORDER BY k.id
"""


def in_trouble(actor: User) -> list[dict[str, Any]]:
    """{id, status, isFull} of the queues that are paused or full. One statement. AccessDenied."""
    require(actor, "view:operations")
    rows = fetch(_TROUBLE, DEFAULTS["highWatermark"])
    return [
        {"id": key, "status": status, "isFull": full}
        for key, status, full in rows
        if full or status == EventQueue.Status.PAUSED
    ]


def checkpoints(actor: User, key: str) -> QuerySet[Checkpoint]:
    """How far a queue had come, unordered. NotFound, AccessDenied."""
    find_queue(actor, key)
    return Checkpoint.objects.filter(queue=key)


_MINUTES = """
SELECT m.minute, coalesce(sum(q.processed), 0), coalesce(sum(q.errors), 0), coalesce(sum(q.millis), 0),
       coalesce(max(q.depth), 0), coalesce(max(q.oldest_age_ms), 0)
FROM generate_series(date_trunc('minute', %s::timestamptz), date_trunc('minute', %s::timestamptz), interval '1 minute') m(minute)
LEFT JOIN events_queueminute q ON q.minute = m.minute AND q.queue = %s
GROUP BY m.minute ORDER BY m.minute
"""


def minutes(actor: User, key: str, *, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """By the minute: {minute, processed, errors, millis, depth, oldestAgeMs}. NotFound, AccessDenied."""
    find_queue(actor, key)
    return [
        {
            "minute": row[0],
            "processed": int(row[1]),
            "errors": int(row[2]),
            "millis": round(float(row[3]), 1),
            "depth": int(row[4]),
            "oldestAgeMs": round(float(row[5]), 1),
        }
        for row in fetch(_MINUTES, since, until, key)
    ]
