"""What the functions of the expression language give back, as schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .shapes import ANYTHING, Schema, items_of, types_of

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_TRUTH: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}

RESULT_OF_CALL: Mapping[str, Schema] = {
    "has": _TRUTH,
    "exists": _TRUTH,
    "isEmpty": _TRUTH,
    "contains": _TRUTH,
    "bool": _TRUTH,
    "size": _WHOLE,
    "int": _WHOLE,
    "uint": _WHOLE,
    "double": _NUMBER,
    "string": _TEXT,
    "math.ceil": _WHOLE,
    "math.floor": _WHOLE,
    "math.round": _WHOLE,
    "math.trunc": _WHOLE,
    "math.sqrt": _NUMBER,
    "math.isNaN": _TRUTH,
    "math.isFinite": _TRUTH,
    "math.isInf": _TRUTH,
}
"""Functions whose result has one type whatever they are given; others are unknown. Times are: they add up as no text does."""

RESULT_OF_METHOD: Mapping[str, Schema] = {
    "contains": _TRUTH,
    "startsWith": _TRUTH,
    "endsWith": _TRUTH,
    "matches": _TRUTH,
    "hasValue": _TRUTH,
    "hasRole": _TRUTH,
    "size": _WHOLE,
    "indexOf": _WHOLE,
    "lastIndexOf": _WHOLE,
    "charAt": _TEXT,
    "lowerAscii": _TEXT,
    "upperAscii": _TEXT,
    "replace": _TEXT,
    "substring": _TEXT,
    "trim": _TEXT,
    "join": _TEXT,
    "format": _TEXT,
    "split": _TEXTS,
    "getFullYear": _WHOLE,
    "getMonth": _WHOLE,
    "getDate": _WHOLE,
    "getDayOfMonth": _WHOLE,
    "getDayOfWeek": _WHOLE,
    "getDayOfYear": _WHOLE,
    "getHours": _WHOLE,
    "getMinutes": _WHOLE,
    "getSeconds": _WHOLE,
    "getMilliseconds": _WHOLE,
}


def _sum(arguments: list[Schema]) -> Schema:
    items = types_of(items_of(arguments[0]))
    return _WHOLE if items == {"integer"} else _NUMBER


def _extreme(arguments: list[Schema]) -> Schema:
    parts = [items_of(each) if types_of(each) == {"array"} else each for each in arguments]
    types = frozenset().union(*(types_of(each) for each in parts))
    if types == {"integer"}:
        return _WHOLE
    return _NUMBER if types <= {"integer", "number"} else ANYTHING


def _same(arguments: list[Schema]) -> Schema:
    return arguments[0]


ARGUMENT_LIKE: Mapping[str, Callable[[list[Schema]], Schema]] = {
    "sum": _sum,
    "math.greatest": _extreme,
    "math.least": _extreme,
    "math.abs": _extreme,
    "dyn": _same,
    "optional.of": _same,
    "optional.ofNonZeroValue": _same,
}
"""Functions whose result depends on what they are given."""
