"""Undoing a loop: each visit with what it gave, announced as it happens, at a price that does not grow with the loop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.auth.models import User
from apps.workflows.engine import needs, undoing
from apps.workflows.engine.state import Signal
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.models import StepExecution
from apps.workflows.tests.factories import flow, published, started, worker_task
from apps.workflows.tests.live import Outside, fresh
from apps.workflows.tests.test_engine_scenarios import SCENARIOS, Played, play

HERE = "/api/v1/workflows/instances"
SCENARIO = json.loads(next(each for each in SCENARIOS if each.stem == "compensate-every-visit").read_text())


def asked_to_undo(played: Played) -> list[Any]:
    return [each.input for each in played.asked if each.step_id in ("unbook", "refund")]


@pytest.mark.parametrize("ahead", [1, 16])
def test_each_visit_is_undone_with_what_it_gave(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    monkeypatch.setattr(undoing, "AHEAD", ahead)
    later = {"paid": "later"}
    assert asked_to_undo(play(SCENARIO, SCENARIO["cases"][0])) == [
        later,
        {"id": 4, "code": "X"},
        later,  # the third booking is not undone, for the compensation's own condition
        later,
        {"paid": "first"},
        {"id": 1, "code": "X"},
    ]


def test_while_a_loop_goes_on_and_while_it_is_undone_an_advance_reads_as_little_as_ever() -> None:
    memory = play(SCENARIO, SCENARIO["cases"][2]).memory
    visits = memory.instance.visits["book"]
    assert visits == 21
    pay = next(each for each in memory.executions.values() if each.step_id == "pay" and each.visit == visits)
    refund = next(each for each in memory.executions.values() if each.step_id == "refund")

    def read(status: str, record: dict[str, Any] | None, about: Any, signal: SignalKind, **data: Any) -> int:
        instance = memory.instance.copy()
        instance.status, instance.compensation = instance.status.__class__(status), record
        signals = [Signal(signal, about and about.id, data)]
        return len(needs.result_ids(memory.plan, instance, signals, {about.id: about} if about else {}))

    record = {**(memory.instance.compensation or {}), "completed": [], "failed": [], "status": "IN_PROGRESS"}
    assert read("RUNNING", None, pay, SignalKind.TASK_COMPLETED) <= 8
    assert read("COMPENSATING", record, refund, SignalKind.TASK_COMPLETED) <= 8 + undoing.AHEAD
    assert read("RUNNING", None, None, SignalKind.CANCEL, shouldCompensate=True) >= 2 * visits


@pytest.mark.django_db
def test_what_is_said_of_the_undoing_counts_every_visit(api: Any, alice: User) -> None:
    again = [{"condition": "steps.pay.output.n < 3", "nextStepId": "pay"}, {"nextStepId": "sleep"}]
    undo = {"stepId": "refund", "name": "Refund", "compensationFor": "pay", "taskId": "errand"}
    document = flow(
        {"stepId": "pay", "taskId": "errand", "input": {"n": 1}, "next": again},
        {"stepId": "sleep", "type": "DELAY", "duration": "PT1H"},
        compensationSteps=[undo | {"input": {"n": "${steps.pay.output.n}"}}],
    )
    published(document, worker_task())
    run, outside, client = started(alice, "flow"), Outside(), api(alice)
    for n in (1, 2, 3):
        outside.complete("pay", {"n": n})
    body = {"operation": "cancel", "shouldCompensate": True}
    shown = client.post(f"{HERE}/{run.id}/preview", body).json()
    assert "Undoes 3 completed steps: Refund (3 times)." in [each["sentence"] for each in shown["consequences"]]

    assert client.post(f"{HERE}/{run.id}/cancel", {"shouldCompensate": True, "reason": "no"}).status_code == 200
    given = []
    for _ in range(2):
        [claimed] = outside.claim()
        given.append(claimed.input)
        outside.complete("refund", {})
    said = client.get(f"{HERE}/{run.id}/explain").json()["sentence"]
    assert said.startswith("What was done is being undone: 2 of 3 steps so far.")
    outside.complete("refund", {})

    assert fresh(run).status == "CANCELLED"
    assert given == [{"n": 3}, {"n": 2}]
    assert fresh(run).compensation["visits"] == [3, 2, 1]
    left = StepExecution.objects.filter(instance_id=run.id, step_id="pay").values_list("status", flat=True)
    assert set(left) == {"COMPENSATED"}
    entries = client.get(f"{HERE}/{run.id}/history").json()["items"]
    undone = [each["visit"] for each in entries if each["type"] == "STEP_COMPENSATED"]
    assert undone == [3, 2, 1]
