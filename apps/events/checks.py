"""What an event's definition says of an event. Used where events are recorded, and where one only tries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.validation.schemas import check_instance, is_valid
from apps.validation.violations import Violation


def in_force(definition: Mapping[str, Any]) -> bool:
    """Whether events are checked by a published definition: by all but those that call themselves drafts."""
    return bool(definition.get("status", "active") != "draft")


def check_event(
    definition: Mapping[str, Any], payload: Any, source: Mapping[str, Any], *, pattern: str
) -> list[Violation]:
    """Whether this source may record it, and whether the payload fits the schema; pointers lead into the event."""
    found = []
    types = definition.get("sourceTypes")
    if types and source["type"] not in types:
        message = f"{pattern} comes from {', '.join(types)} only, not from {source['type']}."
        found.append(Violation("source-type", message, "/source/type"))
    schema = definition.get("payloadSchema")
    if schema is not None and not is_valid(schema, payload):
        found += check_instance(schema, payload, "/payload")
    return found
