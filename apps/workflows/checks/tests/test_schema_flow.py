"""The schema of an expression's value follows from what it reads."""

from __future__ import annotations

from typing import Any

import pytest

from apps.validation.schemas import is_valid
from apps.workflows.checks.availability import analyse
from apps.workflows.checks.catalog import DocumentCatalog
from apps.workflows.checks.dataflow import DataFlow
from apps.workflows.checks.findings import Findings
from apps.workflows.checks.guards import implied_by
from apps.workflows.checks.outline import read_outline
from apps.workflows.checks.producers import Producers
from apps.workflows.checks.wiring import wire

ITEM = {"type": "object", "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}}, "required": ["sku", "n"]}
INPUT = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "total": {"type": "number"},
        "count": {"type": "integer"},
        "yes": {"type": "boolean"},
        "items": {"type": "array", "items": ITEM},
        "maybe": {"type": "string"},
        "byName": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "required": ["text", "total", "count", "yes", "items"],
}


def inferred(value: Any) -> Any:
    """The schema of a template in a step of a workflow with this input."""
    document = {"inputSchema": INPUT, "steps": [{"stepId": "a", "type": "TRANSFORM", "output": value}]}
    outline = read_outline(document)
    producers = Producers(outline, DocumentCatalog())
    graph = wire(outline, producers.outcomes, producers.exists, Findings())
    return DataFlow(producers, analyse(graph, implied_by), Findings()).infer("/steps/0/output", value, outline.steps[0])


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("input.text", {"type": "string"}),
        ("input['text']", {"type": "string"}),
        ("workflow.input.text", {"type": "string"}),
        ("input.count + 1", {"type": "integer"}),
        ("input.count + 1.5", {"type": "number"}),
        ("input.total * input.count", {"type": "number"}),
        ("-input.count", {"type": "integer"}),
        ("input.text + '!'", {"type": "string"}),
        ("input.total > 5.0 && input.yes", {"type": "boolean"}),
        ("!input.yes", {"type": "boolean"}),
        ("'a' in ['a']", {"type": "boolean"}),
        ("input.yes ? input.text : input.count", {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ("input.items", {"type": "array", "items": ITEM}),
        ("input.items[0].sku", {"type": "string"}),
        ("input.items.map(i, i.n)", {"type": "array", "items": {"type": "integer"}}),
        ("input.items.filter(i, i.n > 1)", {"type": "array", "items": ITEM}),
        ("input.items.all(i, i.n > 1)", {"type": "boolean"}),
        ("sum(input.items.map(i, i.n))", {"type": "integer"}),
        ("size(input.items)", {"type": "integer"}),
        ("input.text.split(',')", {"type": "array", "items": {"type": "string"}}),
        ("input.byName['x']", {"type": "integer"}),
        ("input.?maybe", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("input.?maybe.orValue('')", {"anyOf": [{"type": "string"}, {"type": "string", "const": ""}]}),
        ("has(input.maybe)", {"type": "boolean"}),
        ("now()", {}),
        ("vars", {"type": "object", "properties": {}, "required": [], "additionalProperties": False}),
        ("workflow.instance.id", {}),
    ],
)
def test_an_expression(text: str, schema: Any) -> None:
    assert inferred("${" + text + "}") == schema


def test_an_interpolated_text_is_a_text() -> None:
    assert inferred("${input.count} of ${input.total}") == {"type": "string"}


def test_a_template_is_an_object_of_its_parts() -> None:
    schema = inferred({"a": "${input.count}", "b": ["${input.text}", "${input.text}"], "c": 5, "d": {"e": None}})
    assert is_valid(dict(schema), {"a": 1, "b": ["x", "y"], "c": 5, "d": {"e": None}})
    assert not is_valid(dict(schema), {"a": 1.5, "b": [], "c": 5, "d": {"e": None}})
    assert not is_valid(dict(schema), {"a": 1, "b": [], "c": 5})


def test_what_does_not_compile_is_unknown() -> None:
    assert inferred("${input.}") == {}
