"""What changed between two versions of a workflow, as somebody who operates it would say it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from apps.auth.models import User
from apps.workflows.checks.tests import corpus
from apps.workflows.rules.changes import workflow_changes
from apps.workflows.tests.factories import approval, published

Document = dict[str, Any]


def flow(*steps: Document, **more: Any) -> Document:
    return {"workflowId": "w", "name": "W", "version": "1.0.0", "steps": list(steps)} | more


def ask(**more: Any) -> Document:
    work = {"assignee": "bob", "actions": [{"actionKey": "yes", "label": "Approve"}]} | more.pop("work", {})
    return {
        "stepId": "ask", "type": "HUMAN_TASK", "name": "Approve it", "taskDefinition": work,
        "transitions": {"yes": "pay", "default": "end"},
    } | more  # fmt: skip


def pay(**more: Any) -> Document:
    return {"stepId": "pay", "taskId": "charge", "input": {"sum": "${input.sum}"}, "next": "end"} | more


def wait(**more: Any) -> Document:
    return {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "paid", "next": "end"} | more


def both(*names: str, **more: Any) -> Document:
    branches = [
        {"name": name, "steps": [{"stepId": f"in-{name}", "type": "DELAY", "duration": "PT1S"}]} for name in names
    ]
    return {"stepId": "both", "type": "PARALLEL", "branches": branches, "next": "end"} | more


END: Document = {"stepId": "end", "type": "END"}
OLD = flow(ask(), pay(), END)


def without(document: Document, name: str) -> Document:
    return {key: value for key, value in document.items() if key != name}


def schema(required: list[str] | None = None, **properties: Any) -> Document:
    return {"type": "object", "properties": properties, "required": required or []}


TEXT = {"type": "string"}

# name: (the old version, the new one, the sentences)
CASES: dict[str, tuple[Document, Document, list[str]]] = {
    "nothing but the number": (OLD, OLD | {"version": "2.0.0"}, []),
    "the order in the list means nothing": (OLD, flow(ask(), END, pay()), []),
    "a step was put between": (
        OLD,
        flow(ask(), pay(next="tell"), {"stepId": "tell", "name": "Tell them", "type": "EMIT_EVENT", "pattern": "x", "next": "end"}, END),
        ["After pay comes “Tell them” instead of end.", "“Tell them” is new: a report of an event, after pay."],
    ),
    "a step was taken out": (
        OLD, flow(ask(transitions={"default": "end"}), END),
        ["“Approve it” no longer leads to pay at the outcome yes.", "pay is gone; it was a task."],
    ),
    "a step has another id, and what reads it follows": (
        flow(ask(), pay(), END | {"output": "${steps.pay.output}"}),
        flow(ask(transitions={"yes": "bill", "default": "end"}), pay(stepId="bill"), END | {"output": "${steps.bill.output}"}),
        ["The step pay has the id bill now: bill."],
    ),
    "a step moved into a branch": (
        flow(ask(), pay(), END),
        flow(ask(transitions={"yes": "both", "default": "end"}), both("a") | {"branches": [{"name": "a", "steps": [without(pay(), "next")]}]}, END),
        [
            "“Approve it” leads to both instead of pay at the outcome yes.",
            "both is new: a fork of branches, after “Approve it”.",
            "pay lies in the branch “a” of both now; it was on the main path.",
            "The path ends after pay; end came next.",
        ],
    ),
    "an outcome leads elsewhere": (
        OLD, flow(ask(transitions={"yes": "end", "default": "end"}), pay(), END),
        ["“Approve it” leads to end instead of pay at the outcome yes."],
    ),
    "a choice has another condition": (
        flow({"stepId": "d", "type": "DECISION", "choices": [{"condition": "input.sum > 5", "nextStep": "pay"}], "default": "end"}, pay(), END),
        flow({"stepId": "d", "type": "DECISION", "choices": [{"condition": "input.sum > 9", "nextStep": "pay"}], "default": "end"}, pay(), END),
        ["d leads to pay when `input.sum > 9`; before, when `input.sum > 5`."],
    ),
    "a path ends": (flow(pay(), END), flow(without(pay(), "next"), END), ["The path ends after pay; end came next."]),
    "the run begins elsewhere": (OLD, OLD | {"startAt": "pay"}, ["A run begins with pay instead of “Approve it”."]),
    "another assignee": (
        OLD, flow(ask(work={"assignee": "alice"}), pay(), END), ["“Approve it” goes to `alice` instead of `bob`."]),
    "a role instead of a person": (
        OLD,
        flow(ask(taskDefinition={"assigneeRole": "manager", "actions": [{"actionKey": "yes", "label": "Approve"}]}), pay(), END),
        ["“Approve it” no longer goes to `bob`.", "“Approve it” now goes to whoever has the role `manager`."],
    ),
    "another answer": (
        OLD, flow(ask(work={"actions": [{"actionKey": "yes", "label": "Approve"}, {"actionKey": "no", "label": "Refuse"}]}), pay(), END),
        ["“Approve it” offers the new answer “Refuse”."],
    ),
    "a field of a form must be given": (
        flow(ask(work={"taskForm": schema(note=TEXT)}), pay(), END),
        flow(ask(work={"taskForm": schema(["note"], note=TEXT)}), pay(), END),
        ["The field `note` of the form of “Approve it” must be given now."],
    ),
    "a time limit": (
        flow(pay(timeout="PT90M"), END), flow(pay(timeout="PT2H"), END),
        ["pay may take at most 2 hours instead of 1 hour 30 minutes."],
    ),
    "retries": (
        flow(pay(retryPolicy={"maxAttempts": 3, "delay": "PT1S"}), END),
        flow(pay(retryPolicy={"maxAttempts": 5, "delay": "PT1S", "strategy": "exponential"}), END),
        ["pay is tried up to 5 times, 1 second apart and more each time; before, up to 3 times, 1 second apart."],
    ),
    "a condition": (
        flow(pay(), END), flow(pay(condition="input.sum > 0"), END),
        ["pay is done only when `input.sum > 0`; before, always."],
    ),
    "what a task is given": (
        flow(pay(), END), flow(pay(input={"sum": "${input.total}", "currency": "EUR"}), END),
        ["pay is given `sum` as `input.total` instead of `input.sum`.", "pay now is given `currency` as `EUR`."],
    ),
    "another task": (flow(pay(), END), flow(pay(taskId="bill"), END), ["pay runs the task `bill` instead of `charge`."]),
    "the end of a failure": (
        flow(pay(), END), flow(pay(onFailure={"action": "continue"}), END),
        ["When pay fails for good, the run goes on; before, the run fails."],
    ),
    "another event": (
        flow(wait(), END), flow(wait(eventPattern="settled", eventTimeout={"duration": "P1D", "timeoutHandlerStepId": "end"}), END),
        [
            "wait leads to end when no event comes in time; that is new.",
            "wait waits for the event `settled` instead of `paid`.",
            "wait now waits at most 1 day.",
        ],
    ),
    "another branch, and another join": (
        flow(both("a"), END), flow(both("a", "b", join="ANY"), END),
        [
            "both goes on when the first of its branches has ended; before, when all its branches have ended.",
            "both has the new branch “b”.",
            "in-b is new: a delay, in the branch “b” of both.",
        ],
    ),
    "inputs that must be given": (
        flow(END, inputSchema=schema(sum={"type": "number"}, note=TEXT)),
        flow(END, inputSchema=schema(["sum", "currency"], sum={"type": "number", "minimum": 1}, currency=TEXT)),
        [
            "The field `sum` of the input must be given now.",
            "The field `sum` of the input must be at least `1`.",
            "The field `note` of the input is gone.",
            "The input has the new field `currency`, a text. It must be given.",
        ],
    ),
    "a field of another type, deep inside": (
        flow(END, inputSchema=schema(who=schema(age=TEXT))),
        flow(END, inputSchema=schema(who=schema(age={"type": "integer"}))),
        ["The field `who.age` of the input is a whole number; it was a text."],
    ),
    "values that may be chosen": (
        flow(END, inputSchema=schema(c=TEXT | {"enum": ["EUR", "USD"]})),
        flow(END, inputSchema=schema(c=TEXT | {"enum": ["EUR", "CHF"]})),
        ["The field `c` of the input also takes `CHF` and no longer takes `USD`."],
    ),
    "variables": (
        flow(END, variables={"a": {"initial": 1}, "b": {}}), flow(END, variables={"a": {"initial": 2}, "c": {"initial": "${input.x}"}}),
        [
            "The variable `a` is `2` at first; before, it was `1`.",
            "The variable `b` is gone.",
            "The new variable `c` is `input.x` at first.",
        ],
    ),
    "how long a run may take, and how many at once": (
        flow(END), flow(END, timeout="P2D", concurrency={"limit": 1, "key": "input.customer"}),
        [
            "A run may take at most 2 days; there was no limit.",
            "1 run goes on at once for each `input.customer`; one more waits its turn. Before: As many runs as are started go on at once.",
        ],
    ),
    "work that is undone": (
        flow(pay(), END), flow(pay(), END, compensationSteps=[{"stepId": "back", "compensationFor": "pay", "taskId": "refund"}]),
        ["What pay does can be undone now, by `refund`."],
    ),
    "what there are no words for is told plainly": (
        flow(END), flow(END, tags=["money"]), ['tags is new: ["money"]']),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_told_in_a_sentence(name: str) -> None:
    before, after, sentences = CASES[name]
    assert [change["message"] for change in workflow_changes(before, after)] == sentences


def test_a_change_says_where_it_is_and_what_was_and_is() -> None:
    [change] = workflow_changes(OLD, flow(ask(work={"assignee": "alice"}), pay(), END))
    assert change == {
        "kind": "changed",
        "path": "steps.ask.taskDefinition.assignee",
        "message": "“Approve it” goes to `alice` instead of `bob`.",
        "before": "bob",
        "after": "alice",
        "stepId": "ask",
    }


@pytest.mark.django_db
def test_the_words_come_with_the_patch(api: Any, alice: User) -> None:
    published(approval())
    renamed = approval(version="2.0.0", name="Approve it")
    renamed["steps"][0]["stepId"] = "decide"
    published(renamed)
    answer = api(alice).get("/api/v1/workflows/definitions/approval/diff?from=1.0.0&to=2.0.0").json()
    assert [each["kind"] for each in answer["changes"]] == ["changed", "renamed"]
    assert {"op": "replace", "path": "/name", "value": "Approve it"} in answer["patch"]


def test_any_two_workflows_can_be_compared() -> None:
    documents = [corpus.read(kind, name)[0] for kind in ("good", "broken") for name in corpus.names(kind)]
    for before, after in pairwise(documents):
        assert all(each["message"] and each["path"] for each in workflow_changes(before, after))
