"""jsonschema's explaining validator, made safe: patterns run on a linear-time engine, uniqueItems by hash.

The stock validator uses Python's backtracking `re` and compares items pair by pair.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import attrs
import jsonschema
import jsonschema_rs
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

PATTERNS = jsonschema_rs.RegexOptions(size_limit=2_000_000, dfa_size_limit=2_000_000)


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> Any:
    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=PATTERNS, offline=True)


def is_linear(pattern: str) -> bool:
    """Whether the linear-time engine takes the pattern: no look-around, no back references, no giant repeats."""
    try:
        _matcher(pattern)
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text (unanchored, as JSON Schema has it)."""
    return bool(_matcher(pattern).is_valid(text))


def identity(value: Any) -> Any:
    """A hashable stand-in that is equal exactly for equal JSON values (1 and 1.0 are equal, 1 and true are not)."""
    if isinstance(value, bool):
        return ("b", value)
    if isinstance(value, dict):
        return ("o", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("a", tuple(identity(item) for item in value))
    return value


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if matches(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, subschema: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extras = [key for key in instance if key not in known and not any(matches(p, key) for p in patterns)]
    if subschema is False:
        if extras:
            yield ValidationError(f"unexpected: {extras}")
        return
    for key in extras:
        yield from validator.descend(instance[key], subschema, path=key)


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    seen: dict[Any, int] = {}
    for position, item in enumerate(instance):
        first = seen.setdefault(identity(item), position)
        if first != position:
            yield ValidationError(f"Items {first + 1} and {position + 1} are equal.")
            return


@lru_cache(maxsize=1024)
def _item_check(content: str) -> Any:
    return jsonschema_rs.validator_for(
        json.loads(content), pattern_options=PATTERNS, offline=True, validate_formats=True
    )


def _items(validator: Any, subschema: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Of a long list only the items that the fast validator refuses are looked at closely."""
    if not isinstance(instance, list):
        return
    skipped = len(schema.get("prefixItems", ()))
    quick = None
    if len(instance) > 64 and "$ref" not in (content := json.dumps(subschema)) and "format" not in content:
        quick = _item_check(content)
    for position in range(skipped, len(instance)):
        if quick is None or not quick.is_valid(instance[position]):
            yield from validator.descend(instance[position], subschema, path=position)


def extended(base: Any, keywords: dict[str, Any]) -> Any:
    """A validator class with other keywords that stays itself.

    The stock class changes back into a stock validator wherever a subschema has a `$schema`, which would bring the
    backtracking engine back in.
    """
    made = extend(base, keywords)

    def evolve(self: Any, **changes: Any) -> Any:
        for field in attrs.fields(made):
            if field.init:
                changes.setdefault(field.alias, getattr(self, field.name))
        return made(**changes)

    made.evolve = evolve
    return made


SafeValidator: Any = extended(
    jsonschema.Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "items": _items,
    },
)
