"""Looking into JSON Schemas: which types a value may have, which fields, which items.

A schema says what may be; `{}` says nothing at all. Every function is cautious in one direction: what cannot be known is
reported as possible, so that a finding made from it is never a false one. References are resolved first
(:func:`resolved`), so all others take schemas without `$ref`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
ANYTHING: Schema = {}
REPORTED: Schema = {}
"""Anything too, of something that has been reported already: told apart by identity, so that one mistake is one finding."""
MAX_NODES = 20_000
MAX_SAME_REFERENCE = 3
"""A schema that refers to itself is followed this often, then it is unknown."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field as a schema knows it. `certain`: it is there whenever the object is."""

    schema: Schema
    certain: bool = True


@dataclass(frozen=True, slots=True)
class NoField:
    """The schema rules the field out; `known` are those it has (None when the value has no fields at all)."""

    known: tuple[str, ...] | None


def resolved(schema: Any) -> Schema:
    """The schema with local references (`#/$defs/…`) put in place and `allOf` folded in; never raises."""
    if not isinstance(schema, Mapping):
        return ANYTHING
    found: Schema = _Resolver(schema).resolve(schema, {})
    return found


def types_of(schema: Schema) -> frozenset[str]:
    """The JSON types that a value of this schema may have; `number` includes whole numbers."""
    found = TYPES
    declared = schema.get("type")
    if isinstance(declared, str):
        found = frozenset({declared}) & TYPES
    elif isinstance(declared, list):
        found = frozenset(each for each in declared if isinstance(each, str)) & TYPES
    if "number" in found:
        found |= {"integer"}
    values = values_of(schema)
    if values is not None:
        found &= frozenset(type_of(value) for value in values)
    for alternatives in alternatives_of(schema):
        found &= frozenset().union(*(types_of(each) for each in alternatives))
    return found


def values_of(schema: Schema) -> list[Any] | None:
    """The only values possible (`const`, `enum`), or None when there are more."""
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return list(listed) if isinstance(listed, list) else None


def type_of(value: Any) -> str:
    """The JSON type of a Python value; a whole float is an `integer`, as JSON Schema has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def field_of(schema: Schema, name: str) -> Field | NoField:
    """What the schema says of a field. An unknown object gives `Field({})`.

    An object with declared properties has no others, unless `additionalProperties` is written and allows them: a
    misspelt name is far more frequent than a property that nobody declared.
    """
    types = types_of(schema)
    if types and "object" not in types:
        return NoField(None)
    found = [_own_field(schema, name)] if _is_object_schema(schema) else []
    for alternatives in alternatives_of(schema):
        objects = [each for each in alternatives if "object" in types_of(each)]
        found.append(_in_any([field_of(each, name) for each in objects]))
    if not found:
        return Field(ANYTHING)
    fields = [each for each in found if isinstance(each, Field)]
    if not fields:
        return found[0]
    declared = [each for each in fields if each.schema != ANYTHING] or fields
    return Field(declared[0].schema, certain=any(each.certain for each in fields))


def items_of(schema: Schema) -> Schema:
    """The schema of an array's items, `{}` when it says nothing."""
    items, leading = schema.get("items"), schema.get("prefixItems")
    schemas = [each for each in leading if isinstance(each, Mapping)] if isinstance(leading, list) else []
    if isinstance(items, Mapping):
        return union([*schemas, items]) if schemas else items
    if schemas and items is False:
        return union(schemas)
    for alternatives in alternatives_of(schema):
        arrays = [each for each in alternatives if "array" in types_of(each)]
        return union([items_of(each) for each in arrays]) if arrays else ANYTHING
    return ANYTHING


def field_names(schema: Schema) -> list[str]:
    """Every field that the schema names."""
    names = [name for name in _mapping(schema, "properties") if isinstance(name, str)]
    for alternatives in alternatives_of(schema):
        for each in alternatives:
            names += [name for name in field_names(each) if name not in names]
    return names


def is_described(schema: Schema, name: str) -> bool:
    """Whether the schema says anything about a field, be it that every field is like that."""
    if name in _mapping(schema, "properties") or isinstance(schema.get("additionalProperties"), Mapping):
        return True
    if "patternProperties" in schema:
        return True
    alternatives = alternatives_of(schema)
    return any(is_described(each, name) for listed in alternatives for each in listed)


def paths_to(schema: Schema, name: str, depth: int = 3) -> list[tuple[str, ...]]:
    """Where, at most `depth` levels down, an object has a field of this name; the shortest ways first, at most three."""
    found: list[tuple[str, ...]] = []
    level: list[tuple[tuple[str, ...], Schema]] = [((), schema)]
    for _ in range(depth):
        inner = [
            ((*path, key), below)
            for path, holder in level
            for key, below in _mapping(holder, "properties").items()
            if isinstance(key, str) and isinstance(below, Mapping)
        ]
        found += [path for path, _ in inner if path[-1] == name]
        level = inner[:200]
    return found[:3]


def union(schemas: Iterable[Schema]) -> Schema:
    """A schema for "one of these"; nothing is lost, nothing is doubled."""
    different: list[Schema] = []
    for schema in schemas:
        if schema == ANYTHING:
            return ANYTHING
        parts = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
        different += [part for part in parts if part not in different]
    if not different:
        return ANYTHING
    return different[0] if len(different) == 1 else {"anyOf": different}


def without_null(schema: Schema) -> Schema:
    """The same without null, for a value that was tested."""
    if "null" not in types_of(schema) or schema == ANYTHING:
        return schema
    if set(schema) == {"anyOf"}:
        return union(each for each in schema["anyOf"] if types_of(each) != {"null"})
    declared = schema.get("type")
    if isinstance(declared, list):
        return {**schema, "type": [each for each in declared if each != "null"]}
    return schema


def schema_of_value(value: Any, depth: int = 0) -> Schema:
    """The schema that fits exactly a literal."""
    if isinstance(value, Mapping) and depth < 40:
        properties = {str(key): schema_of_value(each, depth + 1) for key, each in value.items()}
        return object_schema(properties)
    if isinstance(value, list) and depth < 40:
        return array_schema(union([schema_of_value(each, depth + 1) for each in value[:50]]) if value else ANYTHING)
    return {"type": type_of(value), "const": value}


def object_schema(properties: Mapping[str, Schema]) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": sorted(properties),
        "additionalProperties": False,
    }


def array_schema(items: Schema) -> Schema:
    return {"type": "array", "items": items} if items != ANYTHING else {"type": "array"}


def _own_field(schema: Schema, name: str) -> Field | NoField:
    properties = _mapping(schema, "properties")
    if name in properties:
        required = schema.get("required")
        # Without any list of required fields the author has not said which are optional.
        certain = name in required if isinstance(required, list) else True
        found = properties[name]
        return Field(found, certain) if isinstance(found, Mapping) else _by_boolean(found, properties)
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping):
        return Field(additional)
    if additional is False or (properties and additional is None and "patternProperties" not in schema):
        return NoField(tuple(str(each) for each in properties))
    return Field(ANYTHING)


def _by_boolean(found: object, properties: Mapping[str, Any]) -> Field | NoField:
    return NoField(tuple(str(each) for each in properties)) if found is False else Field(ANYTHING)


def _is_object_schema(schema: Schema) -> bool:
    return "properties" in schema or "additionalProperties" in schema


def _in_any(found: list[Field | NoField]) -> Field | NoField:
    fields = [each for each in found if isinstance(each, Field)]
    if not fields:
        names = [name for each in found if isinstance(each, NoField) for name in each.known or ()]
        return NoField(tuple(dict.fromkeys(names)))
    certain = len(fields) == len(found) and all(each.certain for each in fields)
    return Field(union([each.schema for each in fields]), certain)


def alternatives_of(schema: Schema) -> list[list[Schema]]:
    """The lists of `anyOf` and `oneOf`."""
    found = []
    for keyword in ("anyOf", "oneOf"):
        listed = schema.get(keyword)
        if isinstance(listed, list) and listed:
            found.append([each if isinstance(each, Mapping) else ANYTHING for each in listed])
    return found


def _mapping(schema: Schema, name: str) -> Mapping[str, Any]:
    value = schema.get(name)
    return value if isinstance(value, Mapping) else {}


class _Resolver:
    """Copies a schema with its references put in place, up to a budget; what lies beyond is unknown."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.budget = MAX_NODES

    def resolve(self, schema: Any, followed: dict[str, int]) -> Any:
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else ANYTHING
        self.budget -= 1
        if self.budget < 0:
            return REPORTED
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._follow(schema, reference, followed)
        if "if" in schema or "dependentSchemas" in schema or "$dynamicRef" in schema:
            # What depends on other values is not followed: only the types are sure.
            schema = {key: value for key, value in schema.items() if key in ("type", "title", "description")}
            schema = {**schema, "additionalProperties": {}}
        found = {key: self._keyword(key, value, followed) for key, value in schema.items() if key != "$defs"}
        return _folded(found)

    def _keyword(self, key: str, value: Any, followed: dict[str, int]) -> Any:
        if key in ("properties", "patternProperties") and isinstance(value, Mapping):
            return {name: self.resolve(each, followed) for name, each in value.items()}
        if key in ("items", "additionalProperties", "contains", "not", "propertyNames"):
            return self.resolve(value, followed)
        if key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
            return [self.resolve(each, followed) for each in value]
        return value

    def _follow(self, schema: Schema, reference: str, followed: dict[str, int]) -> Any:
        target = self._target(reference)
        if target is None or followed.get(reference, 0) >= MAX_SAME_REFERENCE:
            return REPORTED
        followed = {**followed, reference: followed.get(reference, 0) + 1}
        beside = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
        found = self.resolve(target, followed)
        if not beside or not isinstance(found, Mapping):
            return found
        return _folded({**self.resolve(beside, followed), "allOf": [found]})

    def _target(self, reference: str) -> Any:
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        found: Any = self.root
        for token in reference[2:].split("/"):
            name = token.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                return None
            found = found[name]
        return found


def _folded(schema: dict[str, Any]) -> Schema:
    """Put the parts of `allOf` into the schema itself where they only add; drop what cannot be put together."""
    parts = schema.pop("allOf", None)
    if not isinstance(parts, list):
        return schema
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        for key, value in part.items():
            mine = schema.get(key)
            if key == "properties" and isinstance(mine, Mapping):
                schema[key] = {**value, **mine}
            elif key == "required" and isinstance(mine, list) and isinstance(value, list):
                schema[key] = [*mine, *(each for each in value if each not in mine)]
            elif key == "additionalProperties":
                schema[key] = value if mine is None else False if value is False or mine is False else mine
            elif key not in schema:
                schema[key] = value
    return schema
