"""A JSON Schema as a table for people: one row per field, nested ones by their path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

DEEPEST = 8
MOST = 200

_LIMITS = (
    ("minLength", "at least {} character{s}"),
    ("maxLength", "at most {} character{s}"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"),
    ("minItems", "at least {} {entries}"),
    ("maxItems", "at most {} {entries}"),
    ("pattern", "like `{}`"),
    ("default", "otherwise `{}`"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One row. ``within``: the path of what it lies in, with the dot; ``type`` and ``rules`` in words."""

    within: str
    name: str
    type: str
    required: bool
    description: str
    rules: list[str]


def field_rows(schema: Any) -> list[Field]:
    """The fields of an object schema, the required ones first as their author named them; [] for anything else."""
    return list(islice(_rows(schema, schema, "", 0), MOST))


def _rows(schema: Any, root: Any, within: str, depth: int) -> Iterator[Field]:
    if depth > DEEPEST:
        return
    properties, required = _properties(schema, root, 0)
    # The order of an object's fields is lost in the store; that of a list is not.
    first = {name: place for place, name in enumerate(required)}
    for name, given in sorted(properties.items(), key=lambda item: first.get(item[0], len(first))):
        inner = _resolved(given, root)
        yield Field(
            within,
            name,
            _type(inner, root),
            name in required,
            str(inner.get("description") or inner.get("title") or ""),
            _rules(inner),
        )
        items, suffix = inner, f"{within}{name}."
        while isinstance(items.get("items"), Mapping):
            items, suffix = _resolved(items["items"], root), f"{suffix[:-1]}[]."
        yield from _rows(items, root, suffix, depth + 1)


def _properties(schema: Any, root: Any, depth: int) -> tuple[dict[str, Any], list[str]]:
    """Those of the schema itself and of every part of its ``allOf``."""
    schema = _resolved(schema, root)
    given = schema.get("properties")
    found = dict(given) if isinstance(given, Mapping) else {}
    required = [name for name in schema.get("required") or () if isinstance(name, str)]
    for part in schema.get("allOf") or () if depth < DEEPEST else ():
        more, also = _properties(part, root, depth + 1)
        found, required = {**more, **found}, required + also
    return found, required


def _resolved(schema: Any, root: Any) -> Mapping[str, Any]:
    """What a reference within the document leads to; a reference elsewhere stays as it is."""
    for _ in range(DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        target = root
        for token in reference[1:].split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}} if isinstance(target, Mapping) else {}
    return {}


def _type(schema: Mapping[str, Any], root: Any, depth: int = 0) -> str:
    if "const" in schema:
        return f"`{_text(schema['const'])}`"
    if isinstance(choices := schema.get("enum"), list):
        return " or ".join(f"`{_text(each)}`" for each in choices)
    for word in ("oneOf", "anyOf"):
        if isinstance(parts := schema.get(word), list) and depth < DEEPEST:
            return " or ".join(dict.fromkeys(_type(_resolved(each, root), root, depth + 1) for each in parts))
    declared = schema.get("type")
    names = [declared] if isinstance(declared, str) else list(declared or ())
    if not names:
        names = ["object"] if "properties" in schema else ["array"] if "items" in schema else ["anything"]
    return " or ".join(_named(str(name), schema, root, depth) for name in names)


def _named(name: str, schema: Mapping[str, Any], root: Any, depth: int) -> str:
    if name == "array" and isinstance(schema.get("items"), Mapping) and depth < DEEPEST:
        return f"list of {_type(_resolved(schema['items'], root), root, depth + 1)}"
    if name == "string" and isinstance(schema.get("format"), str):
        return str(schema["format"])
    return "list" if name == "array" else name


def _rules(schema: Mapping[str, Any]) -> list[str]:
    found = [_said(said, schema[name]) for name, said in _LIMITS if name in schema]
    return [*found, *(["each only once"] if schema.get("uniqueItems") is True else [])]


def _said(said: str, limit: Any) -> str:
    return said.format(_text(limit), s="" if limit == 1 else "s", entries="entry" if limit == 1 else "entries")


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
