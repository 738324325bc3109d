"""What is published about events, by their patterns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from apps.events.models import EventDefinition


@dataclass(frozen=True, slots=True)
class Known:
    """The published versions of one pattern's definition: version → document; ``newest`` names the latest."""

    event_id: str
    newest: str
    documents: Mapping[str, dict[str, Any]]


def definitions_of(patterns: Collection[str]) -> dict[str, Known]:
    """By pattern; those that nobody has published are left out. One statement."""
    if not patterns:
        return {}
    rows = EventDefinition.objects.filter(document__pattern__in=list(patterns)).published().newest_first()
    found: dict[str, dict[str, dict[str, Any]]] = {}
    ids: dict[str, str] = {}
    for row in rows:
        pattern = row.document["pattern"]
        if ids.setdefault(pattern, row.key) == row.key:
            found.setdefault(pattern, {})[row.version] = row.document
    return {pattern: Known(ids[pattern], next(iter(versions)), versions) for pattern, versions in found.items()}
