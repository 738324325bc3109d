"""Schemas are looked into without ever ruling out what may be."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.checks.fitting import misfits
from apps.workflows.checks.shapes import (
    Field,
    NoField,
    field_of,
    items_of,
    resolved,
    schema_of_value,
    types_of,
    union,
    without_null,
)

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
ADDRESS = {"type": "object", "properties": {"city": TEXT, "zip": TEXT}, "required": ["city"]}


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({}, {"null", "boolean", "integer", "number", "string", "array", "object"}),
        ({"type": "number"}, {"integer", "number"}),
        ({"type": ["string", "null"]}, {"string", "null"}),
        ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
        ({"const": 2.0}, {"integer"}),
        ({"anyOf": [TEXT, {"type": "null"}]}, {"string", "null"}),
        ({"type": "string", "enum": ["a", 1]}, {"string"}),
        ({"type": 5}, {"null", "boolean", "integer", "number", "string", "array", "object"}),
    ],
)
def test_the_types_of_a_schema(schema: dict[str, Any], types: set[str]) -> None:
    assert types_of(schema) == types


def test_a_declared_field_is_found_with_its_schema() -> None:
    assert field_of(ADDRESS, "city") == Field(TEXT, certain=True)
    assert field_of(ADDRESS, "zip") == Field(TEXT, certain=False)


def test_without_a_required_list_every_declared_field_counts_as_there() -> None:
    assert field_of({"properties": {"city": TEXT}}, "city") == Field(TEXT, certain=True)


def test_an_undeclared_field_is_missing_unless_others_are_allowed() -> None:
    assert field_of(ADDRESS, "town") == NoField(("city", "zip"))
    assert field_of({**ADDRESS, "additionalProperties": True}, "town") == Field({})
    assert field_of({**ADDRESS, "additionalProperties": NUMBER}, "town") == Field(NUMBER)
    assert field_of({**ADDRESS, "patternProperties": {"^t": TEXT}}, "town") == Field({})
    assert field_of({"type": "object"}, "town") == Field({})


def test_a_value_that_is_no_object_has_no_fields() -> None:
    assert field_of(TEXT, "city") == NoField(None)


def test_a_field_of_one_alternative_is_there_but_not_certain() -> None:
    other = {"type": "object", "properties": {"street": TEXT}, "required": ["street"]}
    assert field_of({"anyOf": [ADDRESS, other]}, "city") == Field(TEXT, certain=False)
    assert field_of({"anyOf": [ADDRESS, ADDRESS]}, "city") == Field(TEXT, certain=True)
    assert field_of({"anyOf": [ADDRESS, other]}, "x") == NoField(("city", "zip", "street"))


def test_references_are_put_in_place() -> None:
    schema = resolved({"properties": {"home": {"$ref": "#/$defs/a"}}, "$defs": {"a": ADDRESS}})
    assert field_of(field_of(schema, "home").schema, "city") == Field(TEXT)  # type: ignore[union-attr]


@pytest.mark.parametrize("reference", ["#/$defs/none", "https://elsewhere.example/schema.json", "other.json"])
def test_a_reference_that_leads_nowhere_is_unknown(reference: str) -> None:
    assert resolved({"$ref": reference}) == {}


def test_a_schema_that_refers_to_itself_is_followed_a_few_times_and_then_unknown() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    schema = resolved(tree)
    for _ in range(10):
        found = field_of(schema, "child")
        assert isinstance(found, Field)
        schema = found.schema
    assert schema == {}


def test_the_parts_of_all_of_add_up() -> None:
    schema = resolved({"allOf": [ADDRESS, {"properties": {"company": TEXT}, "required": ["company"]}]})
    assert field_of(schema, "city") == Field(TEXT)
    assert field_of(schema, "company") == Field(TEXT)
    assert isinstance(field_of(schema, "x"), NoField)


def test_fields_that_depend_on_others_make_a_schema_unknown() -> None:
    schema = resolved({"properties": {"a": TEXT}, "if": {"required": ["a"]}, "then": {"properties": {"b": TEXT}}})
    assert field_of(schema, "b") == Field({})


def test_items_of_lists() -> None:
    assert items_of({"type": "array", "items": TEXT}) == TEXT
    assert items_of({"prefixItems": [TEXT, NUMBER], "items": False}) == {"anyOf": [TEXT, NUMBER]}
    assert items_of({"type": "array"}) == {}


def test_a_union_forgets_nothing_and_doubles_nothing() -> None:
    assert union([TEXT, TEXT]) == TEXT
    assert union([union([TEXT, NUMBER]), TEXT]) == {"anyOf": [TEXT, NUMBER]}
    assert union([TEXT, {}]) == {}


def test_null_is_taken_away() -> None:
    assert without_null({"type": ["string", "null"]}) == {"type": ["string"]}
    assert without_null(union([TEXT, {"type": "null"}])) == TEXT


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "x", [], [1, "a"], {"a": {"b": [None]}}])
def test_the_schema_of_a_literal_fits_it(value: Any) -> None:
    from apps.validation.schemas import is_valid

    assert is_valid(schema_of_value(value), value)


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        (TEXT, TEXT, []),
        ({}, TEXT, []),
        (TEXT, {}, []),
        ({"type": "integer"}, NUMBER, []),
        (NUMBER, {"type": "integer"}, [("type-may-not-fit", "warning", "")]),
        (TEXT, NUMBER, [("type", "error", "")]),
        ({"type": ["string", "null"]}, TEXT, [("value-may-be-null", "warning", "")]),
        ({"const": "x"}, {"enum": ["a", "b"]}, [("choice", "error", "")]),
        ({"enum": ["a", "x"]}, {"enum": ["a", "b"]}, []),
        (schema_of_value({"city": 1}), ADDRESS, [("type", "error", "/city")]),
        (schema_of_value({}), ADDRESS, [("required", "error", "")]),
        (ADDRESS, {"type": "object", "required": ["zip"]}, [("field-may-be-missing", "warning", "")]),
        (
            ADDRESS,
            {"type": "object", "properties": {"city": TEXT}, "additionalProperties": False},
            [("unknown-field", "warning", "/zip")],
        ),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": NUMBER}, [("type", "error", "/0")]),
    ],
)
def test_what_keeps_a_value_out_of_a_place(
    source: dict[str, Any], target: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    assert [(each.code, each.severity, each.place) for each in misfits(source, target)] == found
