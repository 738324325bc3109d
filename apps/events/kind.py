"""Events as a kind of definition."""

from __future__ import annotations

from typing import Any

from apps.validation.definitions.services import DefinitionKind
from apps.validation.schemas import check_instance, check_schema
from apps.validation.violations import Violation

from .models import EventDefinition


def _checks(document: dict[str, Any]) -> list[Violation]:
    """The payload's schema must be one that can be used, and every example must fit it."""
    schema = document.get("payloadSchema")
    if schema is None:
        return []
    if found := check_schema(schema, "/payloadSchema"):
        return found
    return [
        violation
        for index, example in enumerate(document.get("examples", ()))
        for violation in check_instance(schema, example, f"/examples/{index}")
    ]


EVENT: DefinitionKind[EventDefinition] = DefinitionKind(
    "event", "eventId", EventDefinition, _checks, order=10, called=lambda document: str(document.get("pattern", ""))
)
