"""JSON Schemas that authors write into definitions: valid draft 2020-12, and safe to run on anybody's data.

1. Caps on depth and size. 2. The meta-schema. 3. `$ref` only to a place in the same schema, and no loops. 4. Patterns
that a linear-time engine takes. 5. No chain of references that multiplies into a giant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema

from apps.validation.schemas.explain import explain
from apps.validation.schemas.linear import SafeValidator, is_linear
from apps.validation.violations import Violation, pointer_to

DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_DEPTH = 40
MAX_NODES = 20_000
MAX_EXPANDED = 100_000
_ONE = frozenset(
    [
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_UNSUPPORTED = {
    "$dynamicRef": "Use `$ref` to a place in this schema.",
    "$recursiveRef": "Use `$ref` to a place in this schema.",
}

Place = tuple[str | int, ...]


@dataclass(slots=True)
class _Schema:
    """A subschema with its place, and where its `$ref` leads, once known."""

    place: Place
    value: dict[str, Any]


@cache
def _meta_validator() -> Any:
    return SafeValidator(jsonschema.Draft202012Validator.META_SCHEMA)


def check_schema(schema: Any, pointer: str = "") -> list[Violation]:
    """All violations of an author's schema, with pointers below `pointer`."""
    if isinstance(schema, bool):
        return []
    if not isinstance(schema, dict):
        return [Violation("type", "A JSON Schema is an object, or true or false.", pointer)]
    if too_large := _check_size(schema):
        return [too_large.under(pointer)]
    found = explain(_meta_validator().iter_errors(schema))
    if not found:
        schemas = {each.place: each for each in subschemas(schema)}
        for each in schemas.values():
            found.extend(_check_one(each, schema, schemas))
        found.extend(_check_loops(schemas))
    return [violation.under(pointer) for violation in found]


def _check_size(schema: dict[str, Any]) -> Violation | None:
    pending: list[tuple[Any, Place]] = [(schema, ())]
    nodes = 0
    while pending:
        value, place = pending.pop()
        nodes += 1
        if len(place) > MAX_DEPTH:
            return Violation("schema-too-large", f"A schema may be nested {MAX_DEPTH} levels deep.", pointer_to(*place))
        if isinstance(value, dict):
            pending.extend((item, (*place, key)) for key, item in value.items())
        elif isinstance(value, list) and not (place and place[-1] in ("enum", "examples")):
            # The values of an enum are data: there may be many thousands.
            pending.extend((item, (*place, position)) for position, item in enumerate(value))
        if nodes > MAX_NODES:
            return Violation("schema-too-large", f"A schema may have {MAX_NODES} parts.")
    return None


def subschemas(schema: dict[str, Any]) -> Iterator[_Schema]:
    """The schema and every schema inside it, with their places."""
    pending = [_Schema((), schema)]
    while pending:
        current = pending.pop()
        yield current
        for place, value in _parts(current):
            if isinstance(value, dict):
                pending.append(_Schema(place, value))


def _parts(schema: _Schema) -> Iterator[tuple[Place, Any]]:
    for keyword, value in schema.value.items():
        place = (*schema.place, keyword)
        if keyword in _ONE:
            yield place, value
        elif keyword in _LISTS and isinstance(value, list):
            yield from (((*place, position), item) for position, item in enumerate(value))
        elif keyword in _MAPS and isinstance(value, dict):
            yield from (((*place, key), item) for key, item in value.items())


def _check_one(each: _Schema, root: dict[str, Any], schemas: dict[Place, _Schema]) -> Iterator[Violation]:
    here = pointer_to(*each.place)
    value = each.value
    declared = value.get("$schema")
    if declared is not None and str(declared).rstrip("#") != DRAFT:
        fix = [{"op": "replace", "path": f"{here}/$schema", "value": DRAFT}]
        yield Violation("schema-draft", "Schemas here are of draft 2020-12.", f"{here}/$schema", hint=DRAFT, fix=fix)
    if each.place and "$id" in value:
        yield Violation("schema-id", "Only the whole schema may have an `$id`.", f"{here}/$id")
    for keyword, hint in _UNSUPPORTED.items():
        if keyword in value:
            yield Violation("schema-reference", f"`{keyword}` is not supported.", f"{here}/{keyword}", hint=hint)
    if "$ref" in value and target_of(value["$ref"], schemas) is None:
        yield _bad_reference(value["$ref"], f"{here}/$ref")
    patterns = [(value["pattern"], f"{here}/pattern")] if isinstance(value.get("pattern"), str) else []
    patterns += [(key, f"{here}/patternProperties{pointer_to(key)}") for key in value.get("patternProperties", {})]
    for pattern, place in patterns:
        if not is_linear(pattern):
            yield Violation(
                "schema-pattern",
                f"The pattern {pattern!r:.80} cannot run in linear time, or is not a regular expression.",
                place,
                hint="Look-around, back references and very large repeats are not supported.",
            )


def _bad_reference(reference: Any, pointer: str) -> Violation:
    if isinstance(reference, str) and reference.startswith("#"):
        message = f"`$ref` leads to {reference}, and no schema stands there."
    else:
        message = "`$ref` may only lead to a place in the same schema; nothing is fetched."
    return Violation("schema-reference", message, pointer, hint="For example #/$defs/address.")


def target_of(reference: Any, schemas: dict[Place, _Schema]) -> Place | None:
    """The place a local `$ref` leads to, by JSON Pointer or anchor; None if there is no schema."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    fragment = reference[1:]
    if fragment in ("", "/"):
        return ()
    if not fragment.startswith("/"):
        return next((each.place for each in schemas.values() if each.value.get("$anchor") == fragment), None)
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in fragment[1:].split("/")]
    for place in schemas:
        if [str(token) for token in place] == tokens:
            return place
    return None


def _check_loops(schemas: dict[Place, _Schema]) -> Iterator[Violation]:
    """Refuse references that lead back to themselves, and chains that multiply. Sizes count references as written out."""
    sizes: dict[Place, int] = {}
    active: set[Place] = set()

    def size(place: Place) -> int:
        if place in sizes:
            return sizes[place]
        if place in active:
            raise _Loop(place)
        active.add(place)
        each = schemas[place]
        total = 1
        for part, value in _parts(each):
            if isinstance(value, dict) and part[len(place)] not in ("$defs", "definitions"):
                total += size(part)
        target = target_of(each.value.get("$ref"), schemas)
        if target is not None:
            total += size(target)
        active.discard(place)
        sizes[place] = min(total, MAX_EXPANDED + 1)
        return sizes[place]

    for place in schemas:
        active.clear()
        try:
            if size(place) > MAX_EXPANDED:
                message = f"Written out, this schema has more than {MAX_EXPANDED} parts."
                yield Violation("schema-too-large", message, pointer_to(*place))
                return
        except (_Loop, RecursionError):
            yield Violation(
                "schema-loop",
                "This schema leads back to itself.",
                pointer_to(*place),
                hint="Write the levels out; a schema may not contain itself.",
            )
            return


class _Loop(Exception):
    """A reference leads back to a schema that is being measured."""
