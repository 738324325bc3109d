"""What changed in a JSON Schema, in sentences about its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .words import Change, changed, code, listed, value_words

TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "yes or no",
    "object": "an object",
    "array": "a list",
    "null": "nothing",
}
LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "minLength": "characters, at least",
    "maxLength": "characters, at most",
    "minItems": "entries, at least",
    "maxItems": "entries, at most",
    "pattern": "written like",
    "format": "in the form of",
    "const": "exactly",
    "multipleOf": "a multiple of",
}
DEPTH = 12


def schema_changes(before: Any, after: Any, path: str, whose: str, field: str = "", depth: int = 0) -> Iterator[Change]:
    """``whose``: “the input”, “the form of “Approve””. ``field``: where in it, for what is nested."""
    before, after = _schema(before), _schema(after)
    subject = f"The field {code(field)} of {whose}" if field else whose[0].upper() + whose[1:]
    yield from _kind(before, after, path, subject)
    yield from _properties(before, after, path, whose, field, depth)
    if "items" in before or "items" in after:
        inner = f"{field}[]" if field else "[]"
        yield from schema_changes(before.get("items"), after.get("items"), f"{path}.items", whose, inner, depth + 1)
    if (before.get("additionalProperties") is False) != (after.get("additionalProperties") is False):
        refuses = after.get("additionalProperties") is False
        message = f"{subject} {'refuses' if refuses else 'takes'} fields that it does not name."
        yield changed(f"{path}.additionalProperties", message, before, after, "additionalProperties")
    for name in sorted((before.keys() | after.keys()) - _SPOKEN):
        if before.get(name) != after.get(name):
            yield changed(f"{path}.{name}", f"{subject}: {name} is another.", before, after, name)


_SPOKEN = frozenset({"type", "enum", "properties", "required", "items", "additionalProperties", *LIMITS})


def type_words(schema: Any) -> str:
    """“a text or nothing”"""
    named = _schema(schema).get("type")
    if isinstance(named, list):
        return listed([TYPES.get(each, str(each)) for each in named], "or")
    if isinstance(named, str):
        return TYPES.get(named, named)
    return "one of " + listed(values, "or") if (values := _values(_schema(schema))) else "anything"


def _kind(before: Mapping[str, Any], after: Mapping[str, Any], path: str, subject: str) -> Iterator[Change]:
    if before.get("type") != after.get("type"):
        message = f"{subject} is {type_words(after)}; it was {type_words(before)}."
        yield changed(f"{path}.type", message, before, after, "type")
    old, new = _values(before), _values(after)
    if old != new:
        if not new or not old:
            message = f"{subject} takes {'any value' if not new else 'only ' + listed(new, 'or')} now."
        else:
            fresh, gone = [each for each in new if each not in old], [each for each in old if each not in new]
            parts = [f"also takes {listed(fresh)}"] if fresh else []
            parts += [f"no longer takes {listed(gone, 'or')}"] if gone else []
            message = f"{subject} {' and '.join(parts)}." if parts else f"{subject} offers its values in another order."
        yield changed(f"{path}.enum", message, before, after, "enum")
    for name, words in LIMITS.items():
        if before.get(name) != after.get(name):
            if name not in after:
                message = f"{subject} need not be {words} {value_words(before[name])} any more."
            else:
                was = f" instead of {value_words(before[name])}" if name in before else ""
                message = f"{subject} must be {words} {value_words(after[name])}{was}."
            yield changed(f"{path}.{name}", message, before, after, name)


def _properties(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str, whose: str, field: str, depth: int
) -> Iterator[Change]:
    old, new = _named(before), _named(after)
    must, had_to = _required(after), _required(before)
    for name in [*old, *(name for name in new if name not in old)]:
        place, inner = f"{path}.{name}", f"{field}.{name}" if field else name
        required = " It must be given." if name in must else " It may be left out."
        if name not in new:
            yield Change("removed", place, f"The field {code(inner)} of {whose} is gone.", before=old[name])
            continue
        if name not in old:
            message = (
                f"{whose[0].upper()}{whose[1:]} has the new field {code(inner)}, {type_words(new[name])}.{required}"
            )
            yield Change("added", place, message, after=new[name])
            continue
        if (name in must) != (name in had_to):
            verb = "must be given now." if name in must else "may be left out now."
            yield Change("changed", place, f"The field {code(inner)} of {whose} {verb}", name in had_to, name in must)
        if depth < DEPTH:
            yield from schema_changes(old[name], new[name], place, whose, inner, depth + 1)
    for name in sorted((must ^ had_to) - old.keys() - new.keys()):
        verb = "must be given now." if name in must else "may be left out now."
        inner = f"{field}.{name}" if field else name
        message = f"The field {code(inner)} of {whose} {verb}"
        yield Change("changed", f"{path}.{name}", message, name in had_to, name in must)


def _schema(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return _schema(schema.get("properties"))


def _required(schema: Mapping[str, Any]) -> set[str]:
    value = schema.get("required")
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _values(schema: Mapping[str, Any]) -> list[str]:
    value = schema.get("enum")
    return [value_words(each) for each in value] if isinstance(value, list) else []
