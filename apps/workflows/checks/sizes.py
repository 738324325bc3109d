"""Keeps schemas small. A step that holds the whole output of the one before it twice doubles its schema, and after forty
such steps nothing could be compared any more; what lies deeper than is sensible becomes unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .shapes import REPORTED, Schema

MAX_NODES = 20_000
MAX_DEPTH = 60
KEPT_NODES = 500
DEPTHS = (12, 8, 6, 4, 3, 2, 1)
"""How deep a schema that is too large may stay: the first of these that leaves at most `KEPT_NODES`, so that it takes
some steps until it is too large again."""


@dataclass(slots=True)
class Sizes:
    """Sizes of schemas, each worked out once: parts are shared, and a shared part counts wherever it is."""

    _known: dict[int, tuple[Schema, int, int]] = field(default_factory=dict)

    def bounded(self, schema: Schema) -> Schema:
        """The schema, cut where it is deep until it is small. What is cut off counts as unknown and is not told."""
        nodes, depth = self.measure(schema)
        if nodes <= MAX_NODES and depth <= MAX_DEPTH:
            return schema
        for allowed in DEPTHS:
            cut = _cut(schema, allowed, [KEPT_NODES])
            if cut is not None:
                return cut
        return REPORTED

    def measure(self, schema: Schema) -> tuple[int, int]:
        """(nodes, depth)."""
        found = self._known.get(id(schema))
        if found is None:
            nodes, depth = 1, 0
            for part in _parts(schema):
                inner_nodes, inner_depth = self.measure(part)
                nodes, depth = nodes + inner_nodes, max(depth, inner_depth + 1)
            # The schema is kept too, so that its id stays its own.
            found = self._known[id(schema)] = (schema, nodes, depth)
        return found[1], found[2]


def _parts(schema: Schema) -> Iterator[Schema]:
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            yield from (each for each in value.values() if isinstance(each, Mapping))
        elif key in ("anyOf", "oneOf", "prefixItems") and isinstance(value, list):
            yield from (each for each in value if isinstance(each, Mapping))
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            yield value


def _cut(schema: Schema, depth: int, budget: list[int]) -> Schema | None:
    """A copy down to `depth`, or None when the budget of nodes does not suffice."""
    budget[0] -= 1
    if budget[0] < 0:
        return None
    if depth == 0:
        return REPORTED
    copy: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            copy[key] = {name: _cut_any(each, depth, budget) for name, each in value.items()}
        elif key in ("anyOf", "oneOf", "prefixItems") and isinstance(value, list):
            copy[key] = [_cut_any(each, depth, budget) for each in value]
        elif key in ("items", "additionalProperties"):
            copy[key] = _cut_any(value, depth, budget)
        else:
            copy[key] = value
    return copy if budget[0] >= 0 else None


def _cut_any(value: Any, depth: int, budget: list[int]) -> Any:
    if not isinstance(value, Mapping) or budget[0] < 0:
        return value
    return _cut(value, depth - 1, budget)
