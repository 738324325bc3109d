"""Recording events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.auth.identifiers import uuid7

from .sql import as_rows, run


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record; see schemas/eventInstance.json. ``event_id`` makes recording idempotent."""

    event_id: str
    pattern: str
    payload: Any
    source: dict[str, Any]
    version: str = "1.0.0"
    metadata: dict[str, Any] = field(default_factory=dict)


_INSERT = """
INSERT INTO events_event (id, event_id, pattern, version, source, payload, metadata, timestamp)
SELECT id, event_id, pattern, version, source, coalesce(payload, 'null'::jsonb), metadata, now()
FROM json_to_recordset(%s::json)
  AS r(id uuid, event_id text, pattern text, version text, source jsonb, payload jsonb, metadata jsonb)
ON CONFLICT (event_id) DO NOTHING
"""


def record_events(events: Sequence[NewEvent]) -> None:
    """Record events in the caller's transaction, with one statement; those recorded before are left as they are."""
    if not events:
        return
    rows = [
        {
            "id": uuid7(),
            "event_id": event.event_id,
            "pattern": event.pattern,
            "version": event.version,
            "source": event.source,
            "payload": event.payload,
            "metadata": event.metadata,
        }
        for event in events
    ]
    run(_INSERT, as_rows(rows))
