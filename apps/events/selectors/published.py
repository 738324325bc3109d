"""What is published about events, by their patterns."""

from __future__ import annotations

import time
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


KEPT_SECONDS = 1.0
_KEPT_AT_MOST = 10_000

_kept: dict[str, tuple[float, Known | None]] = {}


def kept_definitions_of(patterns: Collection[str]) -> dict[str, Known]:
    """The same for the busy ways in and out: what was looked up within the last second is not looked up again.

    So a version that was published by another process may count a second later.
    """
    now = time.monotonic()
    missing = [each for each in patterns if each not in _kept or now - _kept[each][0] > KEPT_SECONDS]
    if missing:
        if len(_kept) > _KEPT_AT_MOST:
            _kept.clear()
            missing = list(patterns)
        found = definitions_of(missing)
        _kept.update({each: (now, found.get(each)) for each in missing})
    return {each: known for each in patterns if (known := _kept[each][1]) is not None}


def forget() -> None:
    """Look all of them up anew the next time."""
    _kept.clear()
