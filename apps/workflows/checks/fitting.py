"""Does a value that is described by one schema fit into a place that is described by another?

Only what is sure is an error: no value of the source fits. Where some do and some do not, it is a warning. Unknown
schemas fit everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from apps.validation.violations import pointer_to

from .shapes import (
    ANYTHING,
    TYPES,
    Field,
    NoField,
    Schema,
    alternatives_of,
    field_of,
    items_of,
    types_of,
    values_of,
)

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Misfit:
    """`place`: where in the value, as a JSON Pointer below it; "" for the value itself. The rest as in a Violation."""

    code: str
    severity: Literal["error", "warning"]
    place: str
    message: str
    expected: str = ""
    found: str = ""


def misfits(source: Schema, target: Schema, place: str = "", depth: int = 0) -> Iterator[Misfit]:
    """Everything that keeps values of `source` out of `target`. Both without references."""
    if source == ANYTHING or target == ANYTHING or depth > MAX_DEPTH:
        return
    given, wanted = types_of(source), types_of(target)
    if not given or not wanted:
        return
    common = given & wanted
    if not common:
        message = f"{_a(given)} is given where {_a(wanted)} is needed"
        yield Misfit("type", "error", place, message, in_short(wanted), in_short(given))
        return
    yield from _partly(given, wanted, place)
    yield from _values(source, target, place)
    for alternatives in alternatives_of(target):
        yield from _alternatives(source, alternatives, place, depth)
    if "object" in common:
        yield from _objects(source, target, place, depth)
    if "array" in common:
        yield from misfits(items_of(source), items_of(target), place + "/0", depth + 1)


def _alternatives(source: Schema, alternatives: list[Schema], place: str, depth: int) -> Iterator[Misfit]:
    """`anyOf` and `oneOf`: one of them must do. What keeps the value out of the nearest one is told."""
    best: list[Misfit] | None = None
    for each in alternatives:
        errors = [misfit for misfit in misfits(source, each, place, depth + 1) if misfit.severity == "error"]
        if not errors:
            return
        # One that the value misses as a whole is not the one that was meant.
        if best is None or (errors[0].place == place, len(errors)) < (best[0].place == place, len(best)):
            best = errors
    yield from best or ()


def _partly(given: frozenset[str], wanted: frozenset[str], place: str) -> Iterator[Misfit]:
    outside = given - wanted
    if not outside or given == TYPES:
        return
    expected, found = in_short(wanted), in_short(given)
    if outside == {"null"}:
        message = f"the value may be null where {_a(wanted)} is needed"
        yield Misfit("value-may-be-null", "warning", place, message, expected, found)
    elif outside - {"null"}:
        message = f"{_a(given)} is given where {_a(wanted)} is needed"
        yield Misfit("type-may-not-fit", "warning", place, message, expected, found)


def _values(source: Schema, target: Schema, place: str) -> Iterator[Misfit]:
    given, allowed = values_of(source), values_of(target)
    if given is None or allowed is None or any(value in allowed for value in given):
        return
    shown = ", ".join(repr(value) for value in allowed[:8])
    message = f"{given[0]!r} is not one of the allowed values {shown}"
    yield Misfit("choice", "error", place, message, _words(allowed), _words(given))


def _words(values: list[Any]) -> str:
    return " | ".join(str(value) for value in values[:20])


def _objects(source: Schema, target: Schema, place: str, depth: int) -> Iterator[Misfit]:
    required = target.get("required")
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str):
            yield from _required(source, name, place)
    properties = target.get("properties")
    declared: dict[str, Any] = properties if isinstance(properties, dict) else {}
    for name, schema in declared.items():
        found = field_of(source, name)
        if isinstance(found, Field) and isinstance(schema, dict):
            yield from misfits(found.schema, schema, place + pointer_to(name), depth + 1)
    given = source.get("properties")
    if target.get("additionalProperties") is False and "patternProperties" not in target and isinstance(given, dict):
        for name in given:
            if name not in declared:
                found = field_of(source, name)
                certain = isinstance(found, Field) and found.certain and "required" in source
                yield Misfit(
                    "unknown-field",
                    "error" if certain else "warning",
                    place + pointer_to(name),
                    f"the field {name!r} is not allowed here",
                    " | ".join(list(declared)[:20]),
                    name,
                )


def _required(source: Schema, name: str, place: str) -> Iterator[Misfit]:
    found = field_of(source, name)
    if isinstance(found, NoField):
        given = " | ".join(found.known[:20]) if found.known else "nothing"
        yield Misfit("required", "error", place, f"the required field {name!r} is missing", name, given)
    elif not found.certain:
        message = f"the required field {name!r} may be missing"
        yield Misfit("field-may-be-missing", "warning", place, message, name, f"{name}?")


def in_short(types: frozenset[str]) -> str:
    """`number`, `string | null`; whole numbers are numbers too."""
    if types == TYPES:
        return "anything"
    shown = types - {"integer"} if "number" in types else types
    return " | ".join(sorted(shown - {"null"}) + (["null"] if "null" in shown else []))


def _a(types: frozenset[str]) -> str:
    """`a number`, `an object or null`."""
    shown = sorted(types - {"integer"} if "number" in types else types)
    if types == TYPES:
        return "anything"
    words = [("an " if name[0] in "aeiou" else "a ") + name if name != "null" else name for name in shown]
    return " or ".join(words)
