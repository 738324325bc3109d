"""Holding what runs and tasks emit against the published definitions of those events, as the definitions are then.

A look-up is good for a second in its process: a version that was published a moment ago may not count yet.
"""

from __future__ import annotations

from typing import Any

from apps.events.selectors.published import kept_definitions_of
from apps.validation.schemas import check_instance, is_valid

UNDEFINED = "1.0.0"
"""The version of events that nobody has defined."""


def check_event(pattern: str, payload: Any) -> tuple[str, list[dict[str, Any]]]:
    """The version that the event is recorded with, and what is wrong with its payload, as JSON violations."""
    known = kept_definitions_of([pattern]).get(pattern)
    if known is None:
        return UNDEFINED, []
    document = known.documents[known.newest]
    schema = document.get("payloadSchema")
    if schema is None or document.get("status", "active") == "draft" or is_valid(schema, payload):
        return known.newest, []
    return known.newest, [each.as_json() for each in check_instance(schema, payload, "/payload")]
