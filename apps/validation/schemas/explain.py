"""jsonschema's errors as violations that say in plain words what to change.

Unknown fields and wrong names get a suggestion, missing ones say what they are for, and of the branches of anyOf and
oneOf only the one that was most likely meant is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from apps.validation.durations import DurationError
from apps.validation.schemas.fields import known_fields
from apps.validation.schemas.formats import SHOWN
from apps.validation.schemas.renames import shown, unknown_field, wrong_choice
from apps.validation.violations import Violation, pointer_to

TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
MOST = 200
"""Violations reported for one document."""


class Findings(Exception):
    """Carried by a ValidationError whose keyword made violations of its own."""

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = violations
        super().__init__("findings")


def explain(errors: Iterable[Any]) -> list[Violation]:
    """All violations for a validator's errors, without doubles."""
    found: dict[tuple[str, str, str], Violation] = {}
    for error in errors:
        for violation in _translate(error):
            found.setdefault((violation.code, violation.pointer, violation.message), violation)
        if len(found) >= MOST:
            break
    return _without_echoes(list(found.values()))


def _without_echoes(violations: list[Violation]) -> list[Violation]:
    """Drop 'x is missing' where a rename that is already suggested would supply it."""
    supplied = {step["path"] for found in violations for step in found.fix or () if step["op"] == "move"}
    return [
        found
        for found in violations
        if not (found.code == "required" and found.fix is None and _missing_pointer(found) in supplied)
    ]


def _missing_pointer(violation: Violation) -> str:
    name = violation.message.split("`")[1]
    return violation.pointer + pointer_to(name)


def _translate(error: Any) -> Iterator[Violation]:
    pointer = pointer_to(*error.absolute_path)
    messages = error.schema.get("x-messages", {}) if isinstance(error.schema, dict) else {}
    keyword = str(error.validator)
    if isinstance(error.cause, Findings):
        yield from (found.under(pointer) for found in error.cause.violations)
    elif keyword in messages:
        yield Violation(_slug(keyword), messages[keyword], pointer)
    elif keyword in ("anyOf", "oneOf"):
        yield from _branches(error, pointer)
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        yield from _unknown(error, pointer)
    elif keyword == "required":
        yield from _required(error, pointer)
    else:
        yield _plain(error, keyword, pointer)


def _slug(keyword: str) -> str:
    return {"anyOf": "no-variant", "oneOf": "no-variant", "enum": "choice", "const": "choice"}.get(keyword, keyword)


def _hint(schema: Any) -> str:
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""


def _branches(error: Any, pointer: str) -> Iterator[Violation]:
    """The branch whose complaints lie deepest was the one meant; if none got past its type, name the choices."""
    branches: dict[Any, list[Any]] = {}
    for sub in error.context or ():
        branches.setdefault(sub.schema_path[0], []).append(sub)
    if not branches:
        yield Violation("no-variant", "This fits several variants at once; only one may apply.", pointer)
        return
    own = len(error.absolute_path)

    def likeliness(errors: Sequence[Any]) -> tuple[bool, int, int]:
        decides = any(e.validator in ("type", "const", "enum") and len(e.absolute_path) <= own for e in errors)
        return (decides, -max(len(e.absolute_path) for e in errors), len(errors))

    best = min(branches.values(), key=likeliness)
    if not likeliness(best)[0]:
        for sub in best:
            yield from _translate(sub)
        return
    kinds: list[str] = []
    for branch in branches.values():
        mismatch = next((e for e in branch if e.validator == "type" and len(e.absolute_path) <= own), None)
        if mismatch is None:
            # Of the right type, so its author meant this branch and chose a wrong value.
            best, kinds = branch, []
            break
        kinds.extend(TYPES.get(kind, kind) for kind in _listed(mismatch.validator_value))
    if kinds:
        yield Violation(
            "type", f"This must be {_either(list(dict.fromkeys(kinds)))}, not {_kind(error.instance)}.", pointer
        )
        return
    for sub in best:
        yield from _translate(sub)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _unknown(error: Any, pointer: str) -> Iterator[Violation]:
    fields = known_fields(error.schema)
    title = fields.title or "This object"
    for name in error.instance:
        if name not in fields.names and not fields.allows(name):
            yield unknown_field(name, error.instance, fields, title, pointer)


def _required(error: Any, pointer: str) -> Iterator[Violation]:
    for name in error.validator_value:
        if name not in error.instance and error.message.startswith(repr(name)):
            properties = error.schema.get("properties", {})
            described = properties.get(name, {})
            yield Violation("required", f"`{name}` is missing.", pointer, hint=_hint(described))


def _plain(error: Any, keyword: str, pointer: str) -> Violation:
    value, instance, schema = error.validator_value, error.instance, error.schema
    if "propertyNames" in error.absolute_schema_path and error.absolute_schema_path[-1] == keyword:
        name = str(instance)
        return Violation("field-name", f"`{name}` is not a name that may stand here.", pointer, hint=_hint(schema))
    if keyword in ("enum", "const"):
        return wrong_choice(instance, value if keyword == "enum" else [value], pointer)
    make = _MESSAGES.get(keyword)
    message = make(value, instance) if make else error.message
    if keyword == "format" and isinstance(error.cause, DurationError):
        message = str(error.cause)
    if keyword == "pattern":
        message, hint = f"{shown(instance)} does not have the required form.", _hint(schema) or f"Pattern: {value}"
        return Violation("pattern", message, pointer, hint=hint)
    if keyword == "type":
        expected, found = " | ".join(_listed(value)), _kind_name(instance)
        return Violation("type", message, pointer, hint=_hint(schema), expected=expected, found=found)
    return Violation(keyword, message, pointer, hint=_hint(schema) if keyword == "format" else "")


def _kind_name(value: Any) -> str:
    """The JSON type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value!r:.30}"
        case str():
            return "a text"
        case list():
            return "a list"
    return "an object"


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _type(value: Any, instance: Any) -> str:
    names = [TYPES.get(name, name) for name in _listed(value)]
    return f"This must be {_either(names)}, not {_kind(instance)}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


_MESSAGES: dict[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "minimum": lambda limit, value: f"{value} is too small; {limit} is the least.",
    "maximum": lambda limit, value: f"{value} is too large; {limit} is the most.",
    "exclusiveMinimum": lambda limit, value: f"{value} is too small; it must be more than {limit}.",
    "exclusiveMaximum": lambda limit, value: f"{value} is too large; it must be less than {limit}.",
    "multipleOf": lambda step, value: f"{value} is not a multiple of {step}.",
    "minLength": lambda n, value: (
        "This may not be empty." if not value else f"At least {_count(n, 'character', 'characters')}."
    ),
    "maxLength": lambda n, value: f"At most {n} characters; this has {len(value)}.",
    "minItems": lambda n, value: (
        "This list may not be empty." if not value else f"At least {_count(n, 'item', 'items')}."
    ),
    "maxItems": lambda n, value: f"At most {_count(n, 'item', 'items')}; this has {len(value)}.",
    "minProperties": lambda n, value: f"At least {_count(n, 'field', 'fields')}.",
    "maxProperties": lambda n, value: f"At most {_count(n, 'field', 'fields')}; this has {len(value)}.",
    "uniqueItems": lambda _, value: "Two items of this list are equal; each may stand here once.",
    "format": lambda name, value: f"{shown(value)} is not {SHOWN.get(name, name)}.",
    "contains": lambda _, value: "No item of this list fits what is asked for.",
    "not": lambda _, value: "This is what is not allowed here.",
    "dependentRequired": lambda _, value: "A field that another one needs is missing.",
    "False schema": lambda _, value: "Nothing may stand here.",
}
