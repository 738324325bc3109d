"""What the schemas say about one place of a document: its fields, their other names, and what a text there is.

The conversion is led by `schemas/`, so a field that is added there is converted without a line here. Only our own
schemas are read this way, never an author's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from referencing.exceptions import Unresolvable

from apps.validation.schemas import registry

from .kinds import fold

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
# Places that the schemas describe in words instead of by reference.
_ROLE_OF_FIELD = {
    "eventCondition": "expression",
    "correlationKey": "expression",
    "outcome": "expression",
    "inputMapping": "mapping",
    "caseId": "caseId",
}
OPAQUE = frozenset({"jsonSchema", "metadata"})
"""What belongs to the author whole."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A schema of the registry and the address of the document it stands in."""

    schema: Any
    base: str


@dataclass(slots=True)
class Known:
    """What holds at one place for one value."""

    fields: dict[str, Spot] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    others: Spot | None = None
    items: Spot | None = None
    closed: bool = False
    role: str = ""
    enum: tuple[Any, ...] = ()
    types: frozenset[str] = frozenset()
    discriminator: str = ""
    pages: frozenset[str] = frozenset()
    """The addresses of the documents that the schemas stand in, by their last part."""

    def folded(self, name: str) -> str:
        """The one field that is spelled like this but for case and separators; "" when there is none or several."""
        found = [known for known in self.fields if fold(known) == fold(name)]
        return found[0] if len(found) == 1 else ""


@cache
def _roles() -> dict[int, str]:
    return {id(schema): name for name, schema in registry.get("common/values")["$defs"].items()}


def root(kind: str) -> Spot:
    schema = registry.get(kind)
    return Spot(schema, schema["$id"])


def known(spot: Spot, value: Any, name: str = "") -> Known:
    """Everything the schemas say about `value` at this spot, in the field `name`."""
    found = Known(role=_ROLE_OF_FIELD.get(name, ""))
    pages = set()
    for each in _applying(spot, value, 0):
        schema = each.schema
        found.role = found.role or _roles().get(id(schema), "")
        for own, sub in schema.get("properties", {}).items():
            # `true` says no more than that the field may be there.
            if own not in found.fields or found.fields[own].schema is True:
                found.fields[own] = Spot(sub, each.base)
        found.renamed |= schema.get("x-renamed", {})
        if isinstance(schema.get("additionalProperties"), dict):
            found.others = Spot(schema["additionalProperties"], each.base)
        if isinstance(schema.get("items"), dict):
            found.items = Spot(schema["items"], each.base)
        found.closed |= schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False
        found.enum = found.enum or tuple(schema.get("enum", ()))
        if "type" in schema:
            listed = schema["type"]
            found.types |= {listed} if isinstance(listed, str) else set(listed)
        found.discriminator = found.discriminator or schema.get("x-discriminator", {}).get("property", "")
        pages.add(schema.get("$id", "").rpartition("/schemas/")[2])
    found.pages = frozenset(pages - {""})
    return found


def _applying(spot: Spot, value: Any, depth: int) -> Iterator[Spot]:
    """The schema and those it brings in for this value, the nearest first."""
    schema = spot.schema
    if not isinstance(schema, Mapping) or depth > 16:
        return
    base = schema.get("$id", spot.base)
    yield Spot(schema, base)
    if "$ref" in schema:
        try:
            target, target_base = registry.resolve(schema["$ref"], base)
        except Unresolvable:
            return
        yield from _applying(Spot(target, target_base), value, depth + 1)
    for part in _branches(schema, value):
        yield from _applying(Spot(part, base), value, depth + 1)


def _branches(schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
    discriminator = schema.get("x-discriminator")
    if discriminator is None:
        yield from schema.get("allOf", ())
    elif isinstance(value, Mapping):
        name = discriminator["property"]
        chosen = value.get(name, discriminator.get("default"))
        for branch in schema["allOf"]:
            if branch["if"]["properties"][name]["const"] == chosen:
                yield branch["then"]
    if "if" in schema and set(schema["if"]) == {"type"}:
        yield schema.get("then" if fits(schema["if"]["type"], value) else "else")
    for keyword in ("anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            if "type" not in part or fits(part["type"], value):
                yield part


def fits(types: Any, value: Any) -> bool:
    """Whether the value is of one of the JSON types."""
    listed = [types] if isinstance(types, str) else types
    return any(
        isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in listed
    )
