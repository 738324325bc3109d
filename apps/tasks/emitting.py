"""The events that a task definition names, held against the definitions of those events. Asks the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.events.checks import in_force
from apps.events.selectors.published import definitions_of
from apps.validation.definitions.services import Instead, Reference
from apps.validation.schemas import check_instance
from apps.validation.violations import Violation, pointer_to

from .executors.emissions import emitted

_OPEN = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas"})


def references(document: dict[str, Any]) -> list[Reference]:
    """Every event that is recorded, by its pattern."""
    return [Reference("event", entry["pattern"], f"{pointer}/pattern") for pointer, entry in emitted(document)]


def check_events(document: dict[str, Any], instead: Instead | None = None) -> list[Violation]:
    """Whether tasks may record these events, and what certainly does not fit their payloads. One statement, if any.

    ``instead``: documents that are to stand for event definitions, by their patterns.
    """
    named = list(emitted(document))
    known = definitions_of({entry["pattern"] for _, entry in named})
    found: list[Violation] = []
    for pointer, entry in named:
        pattern = entry["pattern"]
        definition = (instead or {}).get(("event", pattern))
        if definition is None and pattern in known:
            definition = known[pattern].documents[known[pattern].newest]
        if definition is None or not in_force(definition):
            continue
        types = definition.get("sourceTypes")
        if types and "task" not in types:
            message = f"{pattern} comes from {', '.join(types)} only, not from a task."
            hint = 'Add "task" to the sourceTypes of its definition, or record another event.'
            found.append(Violation("source-type", message, f"{pointer}/pattern", hint=hint))
        if (schema := definition.get("payloadSchema")) is not None:
            found += _misfits(entry.get("payload", {}), schema, f"{pointer}/payload")
    return found


def _misfits(value: Any, schema: Any, pointer: str) -> Iterator[Violation]:
    """What does not fit whatever the expressions in it give: what stands there literally, fields that lack or are too many."""
    if not _has_expression(value):
        yield from check_instance(schema, value, pointer)
        return
    if not isinstance(schema, Mapping) or _OPEN & schema.keys():
        return
    if isinstance(value, dict):
        yield from _of_object(value, schema, pointer)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _misfits(item, schema["items"], pointer + pointer_to(index))


def _of_object(value: dict[str, Any], schema: Mapping[str, Any], pointer: str) -> Iterator[Violation]:
    properties = schema.get("properties", {})
    if "type" in schema and "object" not in (schema["type"] if isinstance(schema["type"], list) else [schema["type"]]):
        yield Violation("type", f"Expected {schema['type']}, found an object.", pointer)
        return
    for name in schema.get("required", ()):
        if name not in value:
            yield Violation("required", f"The payload lacks {name!r}.", pointer)
    for name, item in value.items():
        place = pointer + pointer_to(name)
        if name in properties:
            yield from _misfits(item, properties[name], place)
        elif schema.get("additionalProperties") is False:
            hint = "It has " + ", ".join(list(properties)[:20]) + "."
            yield Violation("unknown-field", f"The payload has no field {name!r}.", place, hint=hint)


def _has_expression(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(map(_has_expression, value.values()))
    return isinstance(value, list) and any(map(_has_expression, value))
