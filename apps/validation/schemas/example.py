"""An example of what a JSON Schema asks for: for forms, mocks and documentation. A good guess, not a promise."""

from __future__ import annotations

from typing import Any

_DEEPEST = 8
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "3f0a5a3e-8a4e-4a51-9d57-0f3d0c1f8c11",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


def example_of(schema: Any) -> Any:
    """What the author gave (examples, default, const, enum), else made up from types, formats and limits."""
    return _example(schema, schema, 0)


def _example(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None if not isinstance(schema, dict) else {}
    schema = _whole(schema, root)
    if isinstance(examples := schema.get("examples"), list) and examples:
        return examples[0]
    if "default" in schema:
        return schema["default"]
    if "const" in schema:
        return schema["const"]
    if isinstance(choices := schema.get("enum"), list) and choices:
        return choices[0]
    match _type(schema):
        case "object":
            return _object(schema, root, depth)
        case "array":
            number = max(1, min(int(schema.get("minItems", 1)), 3)) if schema.get("maxItems") != 0 else 0
            return [_example(schema.get("items", {}), root, depth + 1) for _ in range(number)]
        case "string":
            return _text(schema)
        case "integer":
            return int(_number(schema, 1))
        case "number":
            return _number(schema, 1)
        case "boolean":
            return True
    return None


def _whole(schema: dict[str, Any], root: Any) -> dict[str, Any]:
    """With what it refers to, all of `allOf` and the first of `oneOf` and `anyOf` taken in."""
    for _ in range(_DEEPEST):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        target: Any = root
        for part in filter(None, reference[1:].split("/")):
            target = target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**target, **rest} if isinstance(target, dict) else rest
    parts = [*(schema.get("allOf") or ()), *(schema.get("oneOf") or ())[:1], *(schema.get("anyOf") or ())[:1]]
    for part in parts:
        if not isinstance(part, dict):
            continue
        properties = {**(part.get("properties") or {}), **(schema.get("properties") or {})}
        required = [*(schema.get("required") or ()), *(part.get("required") or ())]
        schema = {**part, **schema} | ({"properties": properties, "required": required} if properties else {})
    return schema


def _type(schema: dict[str, Any]) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else None
    return kind


def _object(schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
    required = set(schema.get("required") or ())
    properties = schema.get("properties") or {}
    # Deep down only what is needed, or a schema that refers to itself would not end.
    wanted = properties if depth < 2 else {name: each for name, each in properties.items() if name in required}
    return {name: _example(each, root, depth + 1) for name, each in wanted.items()}


def _text(schema: dict[str, Any]) -> str:
    text = _FORMATS.get(str(schema.get("format")), "text")
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    text += "x" * (int(shortest) - len(text))
    return text if longest is None else text[: int(longest)]


def _number(schema: dict[str, Any], usual: float) -> float:
    step = 1 if schema.get("type") == "integer" else 0.5
    low = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
    high = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)
    value = usual if low is None else max(usual, low)
    return value if high is None else min(value, high)
