"""Recording events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from apps.auth.identifiers import uuid7
from apps.events import doorbell, live
from apps.events.queueing import queue_for
from apps.events.sql import as_rows, fetch, run


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record; see schemas/eventInstance.json. ``event_id`` makes recording idempotent.

    ``timestamp`` None: it happens now.
    """

    event_id: str
    pattern: str
    payload: Any
    source: dict[str, Any]
    version: str = "1.0.0"
    metadata: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None


_INSERT = """
WITH given AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(
    place int, id uuid, event_id text, pattern text, version text, source jsonb, payload jsonb, metadata jsonb,
    correlation_id text, causation_id text, timestamp timestamptz, queue text, partition_key text)
), fresh AS (
  INSERT INTO events_eventkey (event_id, id, recorded_at) SELECT event_id, id, now() FROM given ORDER BY event_id
  ON CONFLICT (event_id) DO NOTHING
  RETURNING event_id, id
), stored AS (
  INSERT INTO events_event (id, event_id, pattern, version, source, payload, metadata, correlation_id, causation_id,
                            timestamp, recorded_at)
  SELECT id, event_id, pattern, version, source, coalesce(payload, 'null'::jsonb), metadata, correlation_id, causation_id,
         coalesce(timestamp, now()), now()
  FROM given JOIN fresh USING (event_id, id)
), queued AS (
  INSERT INTO events_queuedevent (queue, event, recorded_at, partition_key)
  SELECT queue, id, now(), partition_key FROM given JOIN fresh USING (event_id, id) ORDER BY place
)
SELECT event_id FROM fresh
"""


def record_events(events: Sequence[NewEvent]) -> None:
    """Record events in the caller's transaction, with one statement; those recorded before are left as they are.

    For what the platform itself says. What comes from outside goes through :func:`.accepting.accept`, which checks it.
    """
    if events:
        run(_INSERT, _rows(events))
        _tell()


def record_new(events: Sequence[NewEvent]) -> set[str]:
    """The same; returns the ids of those that had not been recorded before."""
    if not events:
        return set()
    fresh = {row[0] for row in fetch(_INSERT, _rows(events))}
    if fresh:
        _tell()
    return fresh


def _tell() -> None:
    doorbell.ring(doorbell.ORCHESTRATOR)
    transaction.on_commit(live.push)


def _rows(events: Sequence[NewEvent]) -> str:
    rows = []
    for place, event in enumerate(events):
        queue = queue_for(event.pattern)
        partition = queue.partition_of(_document(event)) if queue.partition_key is not None else None
        rows.append(
            {
                "place": place,
                "id": uuid7(),
                "event_id": event.event_id,
                "pattern": event.pattern,
                "version": event.version,
                "source": event.source,
                "payload": event.payload,
                "metadata": event.metadata,
                "correlation_id": event.metadata.get("correlationId"),
                "causation_id": event.metadata.get("causationId"),
                "timestamp": event.timestamp,
                "queue": queue.id,
                "partition_key": partition,
            }
        )
    return as_rows(rows)


def _document(event: NewEvent) -> dict[str, Any]:
    return {
        "eventId": event.event_id,
        "pattern": event.pattern,
        "version": event.version,
        "source": event.source,
        "timestamp": (event.timestamp or datetime.now(UTC)).isoformat(),
        "payload": event.payload,
        "metadata": event.metadata,
    }
