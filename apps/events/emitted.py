"""Holding what runs and tasks emit against the published definitions of those events, as the definitions are then.

A look-up is good for some seconds in its process: a version that was published a moment ago may not count yet.
"""

from __future__ import annotations

import time
from typing import Any

from apps.events.selectors.published import definitions_of
from apps.validation.schemas import check_instance, is_valid

KEPT_SECONDS = 2.0
_KEPT_AT_MOST = 1_000
UNDEFINED = "1.0.0"
"""The version of events that nobody has defined."""

_kept: dict[str, tuple[float, str, Any]] = {}


def check_event(pattern: str, payload: Any) -> tuple[str, list[dict[str, Any]]]:
    """The version that the event is recorded with, and what is wrong with its payload, as JSON violations."""
    version, schema = _definition(pattern)
    if schema is None or is_valid(schema, payload):
        return version, []
    return version, [each.as_json() for each in check_instance(schema, payload, "/payload")]


def _definition(pattern: str) -> tuple[str, Any]:
    """The version and the schema of the payload, None where it may be anything."""
    known = _kept.get(pattern)
    if known is None or time.monotonic() - known[0] > KEPT_SECONDS:
        found = definitions_of([pattern]).get(pattern)
        document = {} if found is None else found.documents[found.newest]
        in_force = document.get("status", "active") != "draft"
        version = UNDEFINED if found is None else found.newest
        if len(_kept) >= _KEPT_AT_MOST:
            _kept.clear()
        known = _kept[pattern] = time.monotonic(), version, document.get("payloadSchema") if in_force else None
    return known[1], known[2]


def forget() -> None:
    """Look them up anew the next time."""
    _kept.clear()
