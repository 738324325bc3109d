"""EXPRESSION tasks: computed inside the advance, with failures as values."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from apps.tasks.executors import Completed, Failed, TaskCall, compile_plan, run_checked_now

from .factories import expression_document


def run(document: dict[str, Any], value: Any) -> Completed | Failed:
    plan = compile_plan(document)
    assert plan.inline
    return run_checked_now(TaskCall(task_id=uuid4(), attempt=1, definition=plan, input=value))


def test_the_output_is_computed_from_the_input() -> None:
    assert run(expression_document(), {"amount": 21}) == Completed({"doubled": 42})
    assert run(expression_document(), {"amount": 1.5}) == Completed({"doubled": 3.0})


def test_an_outcome_comes_from_its_expression_or_from_the_output() -> None:
    document = expression_document(outcome="input.amount > 100 ? 'large' : 'small'")
    assert run(document, {"amount": 5}).outcome == "small"  # type: ignore[union-attr]
    document = expression_document(output={"outcome": "${input.amount > 100 ? 'large' : 'small'}"})
    assert run(document, {"amount": 500}).outcome == "large"  # type: ignore[union-attr]


def test_the_first_true_fail_rule_fails_the_task_with_its_code() -> None:
    document = expression_document(
        fail=[
            {"condition": "input.amount < 0", "code": "NEGATIVE", "message": "Amount ${input.amount} is negative"},
            {"condition": "${input.amount == 0}", "code": "ZERO"},
        ]
    )
    assert run(document, {"amount": -1}) == Failed("PERMANENT", "NEGATIVE", "Amount -1 is negative")
    assert run(document, {"amount": 0}) == Failed("PERMANENT", "ZERO", "ZERO")
    assert run(document, {"amount": 1}) == Completed({"doubled": 2})


def test_input_that_the_schema_refuses_is_explained_with_pointers() -> None:
    failed = run(expression_document(), {"amount": "a lot"})
    assert isinstance(failed, Failed)
    assert (failed.type, failed.code, failed.retryable) == ("VALIDATION", "INPUT_INVALID", False)
    assert failed.details["violations"][0]["pointer"] == "/amount"


def test_output_that_the_schema_refuses_fails_the_task() -> None:
    document = expression_document() | {"outputSchema": {"type": "object", "required": ["tripled"]}}
    failed = run(document, {"amount": 1})
    assert isinstance(failed, Failed)
    assert (failed.type, failed.code) == ("VALIDATION", "OUTPUT_INVALID")


def test_a_missing_field_is_an_error_that_names_the_place() -> None:
    document = expression_document(output={"a": "${input.missing}"})
    failed = run(document, {"amount": 1})
    assert isinstance(failed, Failed)
    assert (failed.type, failed.code, failed.retryable) == ("PERMANENT", "EXPRESSION_FAILED", False)
    assert failed.details["pointer"] == "/implementation/parameters/output"
    assert "missing" in failed.message


@pytest.mark.parametrize(
    ("value", "code"),
    [("x" * 300_000, "RESULT_TOO_LARGE"), ("a\x00b", "RESULT_NOT_JSON")],
)
def test_a_result_that_cannot_be_stored_is_refused_with_a_clear_code(value: str, code: str) -> None:
    document = expression_document(output="${input.amount}") | {"inputSchema": {}}
    failed = run(document, {"amount": value})
    assert isinstance(failed, Failed)
    assert failed.code == code


def test_a_backslash_before_u0000_is_no_nul() -> None:
    document = expression_document(output="${input.amount}") | {"inputSchema": {}}
    assert run(document, {"amount": "\\u0000"}) == Completed("\\u0000")


def test_an_expression_bomb_fails_only_its_task() -> None:
    document = expression_document(
        output="${input.l.map(a, input.l.map(b, input.l.map(c, input.l.map(d, a + b + c + d))))}"
    )
    failed = run(document | {"inputSchema": {}}, {"l": list(range(100))})
    assert isinstance(failed, Failed)
    assert failed.code == "EXPRESSION_FAILED"


def test_a_definition_can_ask_to_run_on_a_worker() -> None:
    assert not compile_plan(expression_document() | {"executionConfig": {"executor": "worker"}}).inline
