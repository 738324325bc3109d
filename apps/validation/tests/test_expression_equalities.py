"""The part of a condition on an event that an index can answer."""

from __future__ import annotations

from typing import Any

import pytest

from apps.validation.expressions.equalities import event_equalities

CONTEXT = {"input": {"id": 7, "a": "x"}, "vars": {}, "steps": {"s": {"output": {"n": 1}}}, "workflow": {}}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("event.payload.id == input.id", {"payload.id": 7}),
        ("input.id == event.payload.id", {"payload.id": 7}),
        ("${event.payload.id == workflow.input.id}", {"payload.id": 7}),
        ("event.payload['id'] === input.id", {"payload.id": 7}),
        ("event.metadata.correlationId == 'a' && event.payload.n > 3", {"metadata.correlationId": "a"}),
        ("(event.payload.a == input.a && event.payload.n == steps.s.output.n + 1)", {"payload.a": "x", "payload.n": 2}),
        ("event.payload.id == input.id || true", {}),
        ("!(event.payload.id == input.id)", {}),
        ("event.payload.a == event.payload.b", {}),
        ("event.payload.at == now()", {}),
        ("event.?payload.?id.orValue(0) == input.id", {}),
        ("event.payload.id != input.id", {}),
        ("input.id == 7", {}),
    ],
)
def test_what_a_condition_demands_to_be_equal(condition: str, expected: dict[str, Any]) -> None:
    assert {path: other.evaluate(CONTEXT) for path, other in event_equalities(condition)} == expected
