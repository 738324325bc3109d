"""What a person's answer looks like: the JSON Schema of a form that a UI component describes field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .outline import records, text
from .shapes import Schema

_TYPES: Mapping[str, Schema] = {
    "text": {"type": "string"},
    "textarea": {"type": "string"},
    "email": {"type": "string"},
    "date": {"type": "string"},
    "datetime": {"type": "string"},
    "number": {"type": "number"},
    "currency": {"type": "number"},
    "boolean": {"type": "boolean"},
}
"""By field type."""

ANY_FIELDS: Schema = {"additionalProperties": {}}
"""What is stored for a file is said nowhere, and its author could not say it either."""


def form_schema(component: Mapping[str, Any]) -> Schema | None:
    """The schema of a Form's or Modal's data; None for a component that is no form or has no fields."""
    fields = [(key, field) for _, field in records(component, "fields") if (key := text(field, "fieldKey"))]
    if component.get("componentType") not in ("Form", "Modal") or not fields:
        return None
    required = [key.partition(".")[0] for key, field in fields if _is_required(field)]
    properties = {key: _field(field) for key, field in fields if "." not in key}
    # `address.city` may be a name, or a place inside an object; either way it is not followed.
    inside: dict[str, Schema] = {key.partition(".")[0]: ANY_FIELDS for key, _ in fields if "." in key}
    return {"type": "object", "properties": inside | properties, "required": required}


def _is_required(field: Mapping[str, Any]) -> bool:
    """A field that is not always shown may be left out, whatever its rules say."""
    rules = field.get("validationRules")
    return "visibleIf" not in field and (
        field.get("required") is True or (isinstance(rules, list) and "required" in rules)
    )


def _field(field: Mapping[str, Any]) -> Schema:
    kind = field.get("type")
    if kind not in ("select", "multi-select"):
        return _TYPES.get(str(kind), ANY_FIELDS)
    options = field.get("options")
    values = [_value(option) for option in options] if isinstance(options, list) else []
    chosen: Schema = {"enum": values} if values else {}
    return chosen if kind == "select" else {"type": "array", "items": chosen}


def _value(option: Any) -> Any:
    return option.get("value") if isinstance(option, Mapping) else option
