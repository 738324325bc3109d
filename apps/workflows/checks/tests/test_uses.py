"""What a workflow takes from other definitions: the places that name them, and the fields that are read."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.checks import uses_of
from apps.workflows.checks.tests.corpus import catalog

PAY = {"stepId": "pay", "taskId": "charge", "input": {"amount": 1, "currency": "EUR"}}
FORM = {"assigneeRole": "manager", "taskForm": {"componentId": "approval-form"}}
STEPS: list[dict[str, Any]] = [
    PAY | {"next": "child"},
    {"stepId": "child", "type": "SUB_WORKFLOW", "workflowId": "child", "version": "1.0.0", "next": "wait"},
    {
        "stepId": "wait",
        "type": "EVENT_WAIT",
        "eventPattern": "payments.received",
        "eventCondition": "event.payload.by.name == steps.child.output.invoiceId",
        "next": "ask",
    },
    {"stepId": "ask", "type": "HUMAN_TASK", "taskDefinition": FORM, "next": "tell"},
    {
        "stepId": "tell",
        "type": "EMIT_EVENT",
        "pattern": "orders.done",
        "payload": {
            "orderId": "${steps.pay.output.receipt.url + steps.wait.output.orderId}",
            "total": "${steps.pay.output.amount + workflow.state.steps.pay.output.amount}",
        },
        "next": "show",
    },
    {
        "stepId": "show",
        "type": "TRANSFORM",
        "output": "${steps.ask.output.decision}",
        "uiComponents": [{"componentId": "approval-form"}],
    },
]


@pytest.mark.parametrize(
    ("name", "places", "paths"),
    [
        (
            ("task", "charge"),
            ["/steps/0/taskId"],
            ["steps.pay.output.amount", "steps.pay.output.amount", "steps.pay.output.receipt.url"],
        ),
        (("workflow", "child"), ["/steps/1/workflowId"], ["steps.child.output.invoiceId"]),
        (
            ("event", "payments.received"),
            ["/steps/2/eventPattern"],
            ["event.payload.by.name", "steps.wait.output.orderId"],
        ),
        (("event", "orders.done"), ["/steps/4/pattern"], []),
        (
            ("uiComponent", "approval-form"),
            ["/steps/3/taskDefinition/taskForm/componentId", "/steps/5/uiComponents/0/componentId"],
            ["steps.ask.output.decision"],
        ),
        (("task", "ship"), [], []),
    ],
)
def test_places_and_fields_are_told_by_definition(name: tuple[str, str], places: list[str], paths: list[str]) -> None:
    mentions, reads = uses_of({"workflowId": "w", "steps": STEPS}, name, catalog=catalog())
    assert [each.pointer for each in mentions] == places
    assert sorted(".".join(each.path) for each in reads) == paths


def test_a_read_says_where_it_stands() -> None:
    _, reads = uses_of({"workflowId": "w", "steps": STEPS}, ("workflow", "child"), catalog=catalog())
    (read,) = reads
    assert (read.pointer, read.text[read.column - 1 :]) == ("/steps/2/eventCondition", "invoiceId")


def test_a_mention_says_which_version_it_wants() -> None:
    mentions, _ = uses_of({"workflowId": "w", "steps": STEPS}, ("workflow", "child"), catalog=catalog())
    assert [each.version for each in mentions] == ["1.0.0"]
