"""Schemas that authors write: valid, local, bounded, and on a linear-time engine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from apps.validation.problems import Unprocessable
from apps.validation.schemas import check_instance, check_schema, conform, is_valid


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


MULTIPLYING = {
    "$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 3} for n in range(30)} | {"a30": {}},
    "$ref": "#/$defs/a0",
}
REFUSED: dict[str, tuple[Any, str, str]] = {
    "look-ahead": ({"properties": {"a": {"pattern": "(?=a)b"}}}, "schema-pattern", "/properties/a/pattern"),
    "back reference": ({"pattern": "(a)\\1"}, "schema-pattern", "/pattern"),
    "giant repeat": ({"pattern": "(a{1000}){1000}"}, "schema-pattern", "/pattern"),
    "no pattern": ({"pattern": "("}, "schema-pattern", "/pattern"),
    "pattern of names": ({"patternProperties": {"(?!x)/": {}}}, "schema-pattern", "/patternProperties/(?!x)~1"),
    "remote $ref": ({"$ref": "http://example.com/x.json"}, "schema-reference", "/$ref"),
    "$ref to a file": ({"items": {"$ref": "file:///etc/passwd"}}, "schema-reference", "/items/$ref"),
    "$ref into the registry": ({"$ref": "workflow.json"}, "schema-reference", "/$ref"),
    "$ref to nothing": ({"$ref": "#/$defs/x"}, "schema-reference", "/$ref"),
    "$dynamicRef": ({"$dynamicRef": "#x"}, "schema-reference", "/$dynamicRef"),
    "$ref to itself": ({"$ref": "#"}, "schema-loop", ""),
    "$ref in a ring": (
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        "schema-loop",
        "",
    ),
    "schema that contains itself": ({"properties": {"child": {"$ref": "#"}}}, "schema-loop", ""),
    "multiplying references": (MULTIPLYING, "schema-too-large", ""),
    "too deep": (nested(60), "schema-too-large", "/properties/a" * 20 + "/properties"),
    "too large": ({"properties": {f"p{n}": {"type": "string"} for n in range(15_000)}}, "schema-too-large", ""),
    "other draft": ({"$schema": "http://json-schema.org/draft-07/schema#"}, "schema-draft", "/$schema"),
    "wrong type": ({"type": "strng"}, "choice", "/type"),
    "wrong keyword value": ({"required": "a"}, "type", "/required"),
    "no schema": ("string", "type", ""),
}


@pytest.mark.parametrize(("schema", "code", "pointer"), REFUSED.values(), ids=REFUSED)
def test_unsafe_schema_is_refused_quickly(schema: Any, code: str, pointer: str) -> None:
    began = time.thread_time()
    found = check_schema(schema, "/inputSchema")
    assert time.thread_time() - began < 0.5
    assert (found[0].code, found[0].pointer) == (code, "/inputSchema" + pointer)


GOOD: list[Any] = [
    True,
    {},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
    {"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/$defs/a"}}},
    {"$defs": {"a": {"$anchor": "here"}}, "$ref": "#here"},
    {"enum": list(range(100_000))},
    {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
    {"pattern": "^(a+)+$"},
    {"x-own": {"pattern": 3}, "title": "Mine", "examples": [{"pattern": "("}]},
]


@pytest.mark.parametrize("schema", GOOD, ids=range(len(GOOD)))
def test_sound_schema_passes(schema: Any) -> None:
    assert [found.as_json() for found in check_schema(schema)] == []


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 100_000 + "b"),
        ({"properties": {"p": {"pattern": "^(a|a)*$"}}}, {"p": "a" * 100_000 + "b"}),
        (
            {"items": {"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": "^(a+)+$"}},
            ["a" * 100_000 + "b"],
        ),
        ({"patternProperties": {"^(a+)+$": False}}, {"a" * 5_000: 1}),
        ({"uniqueItems": True}, [{"a": n % 3_999, "b": {"c": [n % 3_999]}} for n in range(4_000)]),
        ({"items": {"required": ["x"]}}, [{}] * 20_000),
        ({"enum": list(range(100_000))}, -1),
    ],
    ids=[
        "pattern",
        "pattern of a field",
        "pattern below $schema",
        "pattern of names",
        "uniqueItems",
        "many faults",
        "large enum",
    ],
)
def test_hostile_data_is_answered_within_bounds(schema: Any, data: Any) -> None:
    assert check_schema(schema) == []
    is_valid(schema, data)
    began = time.thread_time()
    assert not is_valid(schema, data)
    assert time.thread_time() - began < 0.1
    found = check_instance(schema, data)
    assert found and len(found) <= 200
    assert time.thread_time() - began < 0.5


ORDER = {
    "title": "Order",
    "type": "object",
    "properties": {
        "amount": {"type": "number", "minimum": 0},
        "email": {"type": "string", "format": "email"},
        "kind": {"enum": ["card", "cash"]},
        "wait": {"type": "string", "format": "duration"},
        "lines": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["sku"]}},
        "extra": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "integer"}]},
    },
    "required": ["amount", "kind"],
    "additionalProperties": False,
}


def test_data_is_explained_in_plain_words() -> None:
    data = {"amout": 3, "amount": -1, "kind": "crad", "email": "x", "lines": [{}], "extra": "a", "wait": "5 minutes"}
    assert [(found.pointer, found.message) for found in check_instance(ORDER, data, "/input")] == [
        ("/input/amount", "-1 is too small; 0 is the least."),
        ("/input/amout", "Order has no field `amout`."),
        ("/input/email", '"x" is not an e-mail address.'),
        ("/input/extra", "At least 3 characters."),
        ("/input/kind", '"crad" is not one of card, cash.'),
        ("/input/lines/0", "`sku` is missing."),
        ("/input/wait", "'5 minutes' is not an ISO 8601 duration; write PT30S, PT5M, PT2H, P1D or P1DT12H."),
    ]


def test_no_branch_of_the_right_type_names_the_types() -> None:
    [found] = check_instance(ORDER, {"amount": 1, "kind": "cash", "extra": 1.5})
    assert found.message == "This must be a text or a whole number, not the number 1.5."


def test_both_validators_agree() -> None:
    good = {"amount": 1, "kind": "cash", "wait": "PT5M", "lines": [{"sku": 1}]}
    assert is_valid(ORDER, good) and check_instance(ORDER, good) == []
    for name, value in [("amount", True), ("wait", "P1Y"), ("lines", []), ("kind", None)]:
        assert not is_valid(ORDER, {**good, name: value})
        assert [found.pointer for found in check_instance(ORDER, {**good, name: value})] == [f"/{name}"]
    assert is_valid({"type": "integer"}, 1.0) and check_instance({"type": "integer"}, 1.0) == []
    assert check_instance({"uniqueItems": True}, [1, True, 0, False]) == []
    assert check_instance({"uniqueItems": True}, [1, 1.0])


def test_conform_raises_with_every_violation() -> None:
    with pytest.raises(Unprocessable) as caught:
        conform(ORDER, {}, "/output")
    assert [found.message for found in caught.value.violations] == ["`amount` is missing.", "`kind` is missing."]
    conform(ORDER, {"amount": 1, "kind": "card"})


def test_nothing_is_fetched() -> None:
    with pytest.raises(Exception, match=r"retriev|not present|offline|resolv"):
        is_valid({"$ref": "http://127.0.0.1:9/x"}, 1)
