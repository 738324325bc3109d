"""Which fields a closed object schema knows, gathered through `$ref`, `allOf` and conditions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from referencing.exceptions import Unresolvable

from apps.validation.schemas.linear import matches
from apps.validation.schemas.registry import registry


@dataclass(slots=True)
class Fields:
    """`renamed` maps names of other dialects to ours."""

    names: dict[str, Any] = field(default_factory=dict)
    patterns: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    title: str = ""

    def allows(self, name: str) -> bool:
        return any(matches(pattern, name) for pattern in self.patterns)


def known_fields(schema: dict[str, Any]) -> Fields:
    """The fields of a schema of the registry, or of one without outside references."""
    fields = Fields()
    _gather(schema, registry.address_of(schema), fields, 0)
    return fields


def _gather(schema: Any, base: str, fields: Fields, depth: int) -> None:
    if not isinstance(schema, dict) or depth > 16:
        return
    base = schema.get("$id", base)
    fields.title = fields.title or schema.get("title", "")
    for name, subschema in schema.get("properties", {}).items():
        fields.names.setdefault(name, subschema)
    fields.patterns.extend(schema.get("patternProperties", {}))
    fields.renamed |= schema.get("x-renamed", {})
    if "$ref" in schema:
        try:
            target, target_base = registry.resolve(schema["$ref"], base)
        except Unresolvable:
            return
        _gather(target, target_base, fields, depth + 1)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            _gather(part, base, fields, depth + 1)
    for keyword in ("if", "then", "else"):
        _gather(schema.get(keyword), base, fields, depth + 1)
