"""Results of the runtime as plain JSON values."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.validation.durations import format_duration
from apps.validation.expressions.errors import EvaluationError

MAX_VALUES = 200_000
"""Values that one result may hold, at all levels together."""


def to_json(value: Any) -> Any:
    """A plain value of the runtime in JSON's types. Times become RFC 3339 texts, durations ISO 8601 texts."""
    if value is None or isinstance(value, bool | int | str):
        return value
    budget = [MAX_VALUES]
    return _convert(value, budget)


def _convert(value: Any, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise EvaluationError("too-large", f"The result has more than {MAX_VALUES} values.")
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise EvaluationError("not-a-number", "The result is infinite or not a number.")
            return value
        case list():
            return [_convert(item, budget) for item in value]
        case dict():
            return {_key(key): _convert(item, budget) for key, item in value.items()}
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return "-" + format_duration(-value) if value < timedelta(0) else format_duration(value)
        case bytes() | bytearray():
            return base64.b64encode(bytes(value)).decode()
    return str(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise EvaluationError("type-mismatch", f"The keys of an object must be texts, and one is {key!r}.")
    return key


def to_text(value: Any) -> str:
    """How a value looks inside a longer text: `3`, `2.5`, `true`, nothing for null, JSON for lists and objects."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
