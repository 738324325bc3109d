"""Events to try triggers with: the examples of definitions, and what was recorded lately."""

from __future__ import annotations

from typing import Any

import orjson

from apps.auth.access import allowed
from apps.auth.models import User
from apps.events.models import Event, EventDefinition

MOST_DEFINITIONS = 300
EXAMPLES_EACH = 3
RECENT = 20
LARGEST = 8_000
"""Characters of a payload that is handed to a page."""


def samples(actor: User) -> dict[str, Any]:
    """{events: [{pattern, name, examples: [payload]}], recent: [{eventId, pattern, at, payload, metadata, source}]}.

    Payloads that are large are left out; so are recorded ones where the actor may not see events.
    """
    return {"events": _defined(), "recent": _recent() if allowed(actor, "view:event") else []}


def _defined() -> list[dict[str, Any]]:
    rows: Any = EventDefinition.objects.live().newest_first()
    found: dict[str, EventDefinition] = {}
    for row in rows[: 4 * MOST_DEFINITIONS]:
        kept = found.get(row.key)
        if kept is None or (row.status == row.Status.PUBLISHED != kept.status):
            found[row.key] = row
    shown = [
        {
            "pattern": row.document["pattern"],
            "name": row.name,
            "examples": [each for each in row.document.get("examples") or () if _is_small(each)][:EXAMPLES_EACH],
        }
        for row in list(found.values())[:MOST_DEFINITIONS]
    ]
    return sorted(shown, key=lambda each: each["pattern"])


def _recent() -> list[dict[str, Any]]:
    rows = Event.objects.order_by("-recorded_at", "-id")[:RECENT]
    return [
        {
            "eventId": row.event_id,
            "pattern": row.pattern,
            "at": row.recorded_at,
            "payload": row.payload,
            "metadata": row.metadata,
            "source": row.source,
        }
        for row in rows
        if _is_small(row.payload) and _is_small(row.metadata)
    ]


def _is_small(value: Any) -> bool:
    return len(orjson.dumps(value)) <= LARGEST
