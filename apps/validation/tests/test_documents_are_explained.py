"""Faulty definitions: all problems at once, each with pointer, plain message, hint, and a fix where it is certain."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from apps.validation.schemas import check_document, fits_document, registry
from apps.validation.violations import Violation


def workflow(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"workflowId": "w", "name": "W", "version": "1.0.0", "steps": list(steps), **fields}


def findings(document: Any, kind: str = "workflow") -> dict[str, Violation]:
    return {found.pointer: found for found in check_document(kind, document)}


def applied(document: Any, patch: list[dict[str, Any]]) -> Any:
    """A JSON Patch of move and replace operations on object fields, applied to a copy."""
    result = copy.deepcopy(document)

    def at(pointer: str) -> tuple[Any, Any]:
        *parents, last = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
        holder = result
        for token in parents:
            holder = holder[int(token)] if isinstance(holder, list) else holder[token]
        return holder, int(last) if isinstance(holder, list) else last

    for step in patch:
        holder, key = at(step["path"])
        if step["op"] == "move":
            source, name = at(step["from"])
            holder[key] = source.pop(name)
        else:
            holder[key] = step["value"]
    return result


def test_complaints_are_about_the_type_that_the_step_has() -> None:
    [found] = check_document("workflow", workflow({"stepId": "a", "type": "DELAY"}))
    assert (found.pointer, found.code) == ("/steps/0", "no-variant")
    assert found.message == "A DELAY step needs either `duration` or `until`."


def test_step_without_type_is_a_task() -> None:
    [found] = check_document("workflow", workflow({"stepId": "a"}))
    assert (found.code, found.message) == ("required", "`taskId` is missing.")


@pytest.mark.parametrize(
    ("document", "kind", "pointer"),
    [
        (workflow({"stepId": "a", "taksId": "t"}), "workflow", "/steps/0/taksId"),
        (workflow({"stepId": "a", "task_id": "t"}), "workflow", "/steps/0/task_id"),
        ({**workflow({"stepId": "a", "taskId": "t"}), "workflowId": "w", "inputschema": {}}, "workflow", "/inputschema"),
        ({"id": "w", "name": "W", "steps": [{"stepId": "a", "taskId": "t"}]}, "workflow", "/id"),
        (workflow({"stepId": "a", "type": "DECISON", "choices": []}), "workflow", "/steps/0/type"),
        ({"event_id": "a.b", "pattern": "a.b"}, "event", "/event_id"),
        ({"workflowDefinitionId": "w", "eventPattern": "a.b"}, "trigger", "/workflowDefinitionId"),
        (
            workflow({"stepId": "p", "type": "PARALLEL", "join": "any", "branches": [{"name": "b", "steps": [{"stepId": "a", "taskId": "t"}]}]}),
            "workflow",
            "/steps/0/join",
        ),
    ],
)  # fmt: skip
def test_certain_fix_mends_the_document(document: Any, kind: str, pointer: str) -> None:
    found = findings(document, kind)
    assert list(found) == [pointer]
    assert found[pointer].fix is not None
    assert pointer not in findings(applied(document, found[pointer].fix), kind)


def test_doubtful_name_gets_a_hint_but_no_fix() -> None:
    [found] = check_document("workflow", workflow({"stepId": "a", "taskId": "t", "next": [{"stepId": "b"}]}))[1:]
    assert found.pointer == "/steps/0/next/0/stepId"
    assert "nextStepId" in found.hint and found.fix is None


def test_all_problems_come_in_one_answer() -> None:
    document = workflow(
        {"stepId": "a", "type": "DELAY", "duration": "P1Y"},
        {"stepId": "b", "type": "PARALLEL", "branches": [{"name": "n", "steps": [{"stepId": "c", "type": "EMIT_EVENT", "pattern": "a.*"}]}]},
        {"stepId": "d", "type": "HUMAN_TASK", "taskDefinition": {"taskForm": {"properties": {"x": {"minimum": "3"}}}, "priority": "URGENT"}},
        {"stepId": "e", "taskId": "t", "retryPolicy": {"maxAttempts": "3"}, "input": "text", "setVariables": {"1a": 1}},
        {"stepId": "f", "taskId": "t", "onFailure": {"errorHandler": {"conditions": [{"nextStepId": "a"}]}}},
        workflowId="Not An Id",
        version="1",
        inputSchema={"properties": {"a": {"pattern": "(?=x)y"}}},
        timeout=5,
    )  # fmt: skip
    found = findings(document)
    assert {pointer: violation.code for pointer, violation in found.items()} == {
        "/inputSchema/properties/a/pattern": "schema-pattern",
        "/steps/0/duration": "format",
        "/steps/1/branches/0/steps/0/pattern": "pattern",
        "/steps/2/taskDefinition/priority": "pattern",
        "/steps/2/taskDefinition/taskForm/properties/x/minimum": "type",
        "/steps/3/input": "pattern",
        "/steps/3/retryPolicy/maxAttempts": "type",
        "/steps/3/setVariables": "field-name",
        "/steps/4/onFailure/errorHandler/conditions/0": "no-variant",
        "/timeout": "type",
        "/version": "pattern",
        "/workflowId": "pattern",
    }
    assert all(violation.message.endswith(".") for violation in found.values())
    assert "use days" in found["/steps/0/duration"].message


def test_problems_come_in_the_order_of_the_document() -> None:
    steps = [{"stepId": f"s{n}", "type": "DELAY"} for n in range(12)]
    assert [found.pointer for found in check_document("workflow", workflow(*steps))] == [
        f"/steps/{n}" for n in range(12)
    ]


@pytest.mark.parametrize("document", [None, [], "text", 3, True])
def test_document_that_is_no_object_is_refused(document: Any) -> None:
    [found] = check_document("workflow", document)
    assert (found.code, found.pointer) == ("type", "")


def test_dialects_of_the_language_are_taken() -> None:
    step = {
        "stepId": "a",
        "taskId": "t",
        "retryPolicy": {"maxRetries": 3, "retryInterval": 500, "backoffMultiplier": 2},
    }
    parallel = {"stepId": "p", "type": "PARALLEL", "parallelBranches": [{"branchId": "b", "steps": [step]}]}
    decision = {"stepId": "d", "type": "DECISION", "choices": [{"condition": "${input.a === 1}", "nextStep": "a"}]}
    assert check_document("workflow", workflow(parallel, decision, metadata={"anything": {"goes": [1]}})) == []
    trigger = {"workflowId": "w", "eventPattern": "a.b", "eventCondition": None, "inputMapping": None}
    assert check_document("trigger", trigger) == []


def test_implementation_is_checked_by_its_kind() -> None:
    task = {"taskId": "t", "implementation": {"kind": "HTTP", "parameters": {"metod": "GET"}}}
    assert {found.pointer: found.message for found in check_document("task", task)} == {
        "/implementation": "`endpoint` is missing.",
        "/implementation/parameters/metod": "This object has no field `metod`.",
    }


def test_five_hundred_steps_are_checked_in_a_second() -> None:
    steps = [
        {"stepId": f"s{n}", "type": "TASK", "taskId": "t", "input": {"a": "${input.a}"}, "next": f"s{n + 1}"}
        for n in range(500)
    ]
    began = time.thread_time()
    assert check_document("workflow", workflow(*steps)) == []
    assert time.thread_time() - began < 1.0


def test_more_than_five_hundred_steps_are_refused() -> None:
    steps = [{"stepId": f"s{n}", "type": "END"} for n in range(501)]
    assert [(found.code, found.pointer) for found in check_document("workflow", workflow(*steps))] == [
        ("maxItems", "/steps")
    ]


def test_deeply_nested_branches_end_in_an_answer() -> None:
    inner: dict[str, Any] = {"stepId": "x", "taskId": "t"}
    for n in range(400):
        inner = {"stepId": f"p{n}", "type": "PARALLEL", "branches": [{"name": "b", "steps": [inner]}]}
    assert [found.code for found in check_document("workflow", workflow(inner))] == ["too-deep"]


def test_every_required_field_is_named_when_it_is_missing() -> None:
    for kind in registry.kinds:
        missing = {found.message.split("`")[1] for found in check_document(kind, {}) if found.code == "required"}
        assert missing == set(registry.get(kind).get("required", [])), kind


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"pattern": "a..b"}, False),
        ({"pattern": None}, False),
        ({"unknown": 1}, False),
        ({"timestamp": "tomorrow"}, False),
        ({"timestamp": "2026-03-01T09:30:00+02:00"}, True),
        ({"version": "1"}, False),
        ({"source": {"type": "nobody"}}, False),
        ({"source": {"type": "external", "id": None}}, True),
        ({"metadata": {"correlationId": 1}}, False),
        ({"metadata": {"anything": {"else": True}, "tags": ["a"]}}, True),
        ({"eventId": "x" * 256}, False),
        ({"payload": [None, {"deep": [1]}]}, True),
    ],
)
def test_the_quick_answer_is_that_of_the_one_that_explains(change: dict[str, Any], fits: bool) -> None:
    document = {"eventId": "e-1", "pattern": "orders.shipped", "payload": {"orderId": "ORD-1"}} | change
    assert fits_document("eventInstance", document) is fits
    assert (check_document("eventInstance", document) == []) is fits
