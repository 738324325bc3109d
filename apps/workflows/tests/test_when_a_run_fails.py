"""What a failing run does to its timers, variables and its own failure handler."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.models import User
from apps.tasks.models import Task
from apps.workflows.engine.history import fold
from apps.workflows.models import HistoryRecord, InboxSignal, Timer
from apps.workflows.services import instances, steering
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import flow, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, advance, fresh, pass_time

pytestmark = pytest.mark.django_db

BROKEN = {"type": "PERMANENT", "code": "BROKEN", "message": "It broke."}
LATE = 3_601


def errand(step_id: str, **more: Any) -> dict[str, Any]:
    return {"stepId": step_id, "taskId": "errand", "input": {"n": 1}} | more


def test_a_handler_that_fails_itself_is_not_called_for_that(alice: User) -> None:
    published(flow(errand("work"), errand("tell"), onFailure={"nextStepId": "tell"}), worker_task())
    run, outside = started(alice, "flow"), Outside()
    outside.fail("work", BROKEN)
    outside.fail("tell", {**BROKEN, "code": "DEAF"})
    error = fresh(run).error or {}
    assert (fresh(run).status, error["code"], error["details"]["cause"]["code"]) == ("FAILED", "DEAF", "BROKEN")
    assert not outside.claim()


def test_a_handler_that_leads_back_to_the_work_is_called_for_each_failure_of_it(alice: User) -> None:
    mend = {"stepId": "mend", "type": "HUMAN_TASK", "taskDefinition": {"title": "Mend it"}, "next": "work"}
    published(flow(errand("work"), mend, onFailure={"nextStepId": "mend"}), worker_task())
    run, outside = started(alice, "flow"), Outside()
    for _ in range(3):
        outside.fail("work", BROKEN)
        outside.answer(Task.objects.get(type="MANUAL", status="PENDING"), {}, None)
    outside.complete("work", {"n": 2})
    assert fresh(run).status == "COMPLETED"


def test_a_handler_of_the_runs_time_limit_reads_what_was_done(alice: User) -> None:
    steps = [
        errand("work", next="sleep"),
        {"stepId": "sleep", "type": "DELAY", "duration": "PT5H"},
        {"stepId": "late", "type": "END", "output": {"n": "${steps.work.output.n}"}},
    ]
    published(flow(*steps, onFailure={"nextStepId": "late"}, timeout="PT1H"), worker_task())
    run = started(alice, "flow")
    Outside().complete("work", {"n": 5})
    pass_time(LATE)
    advance()
    assert fresh(run).output == {"n": 5}


def test_the_event_at_the_end_reads_what_was_done_long_before(alice: User) -> None:
    emit = {"emit": [{"pattern": "flow.done", "payload": {"n": "${steps.work.output.n}"}}]}
    sleep = {"stepId": "sleep", "type": "DELAY", "duration": "PT1H"}
    published(flow(errand("work", next="sleep"), sleep, onComplete=emit), worker_task())
    run = started(alice, "flow")
    Outside().complete("work", {"n": 5})
    pass_time(LATE)
    advance()
    assert (fresh(run).status, fresh(run).error) == ("COMPLETED", None)


def test_the_runs_time_limit_does_not_stop_its_undoing(alice: User) -> None:
    undo = [{"stepId": "undo", "compensationFor": "work", "taskId": "errand", "input": {"n": 3}}]
    document = flow(
        errand("work", next="more"), errand("more"),
        compensationSteps=undo, onFailure={"action": "compensate"}, timeout="PT1H",
    )  # fmt: skip
    published(document, worker_task())
    run, outside = started(alice, "flow"), Outside()
    outside.complete("work", {"n": 2})
    outside.fail("more", BROKEN)
    outside.claim()
    pass_time(LATE)
    advance()
    assert fresh(run).status == "COMPENSATING"
    assert outside.complete("undo", {})
    assert (fresh(run).status, (fresh(run).compensation or {})["completed"]) == ("FAILED", ["undo"])


def test_a_run_that_fails_at_once_leaves_no_timer_for_its_retry_to_meet(alice: User) -> None:
    bad = {"stepId": "bad", "type": "TRANSFORM", "output": "${input.missing}"}
    published(flow(bad, timeout="PT1H"))
    assert started(alice, "flow").status == "FAILED"
    assert not Timer.objects.exists()


def test_what_was_kept_for_a_suspended_run_does_not_outlive_its_cancelling(alice: User) -> None:
    published(nap(timeout="PT1H"))
    run = started(alice, "nap")
    pass_time(LATE)
    instances.suspend(actor=alice, instance_id=run.id, reason="")
    InboxSignal.objects.create(instance_id=run.id, kind="TIMER_DUE", data={"purpose": "timeout"}, held=True)
    instances.cancel(actor=alice, instance_id=run.id, reason="")
    assert not InboxSignal.objects.exists()
    steering.retry(actor=alice, instance_id=run.id)
    instances.suspend(actor=alice, instance_id=run.id, reason="")
    instances.resume(actor=alice, instance_id=run.id)
    advance()
    assert fresh(run).status == "RUNNING"


def test_a_step_that_fails_on_its_way_out_has_set_no_variables(alice: User) -> None:
    step = {
        "stepId": "a",
        "type": "TRANSFORM",
        "output": 1,
        "setVariables": {"v": "2"},
        "next": [{"nextStepId": "z", "condition": "input.missing == 1"}],
    }
    published(flow(step, {"stepId": "z", "type": "END"}, variables={"v": {"initial": 1}}))
    run = started(alice, "flow")
    assert (run.status, run.variables) == ("FAILED", {"v": 1})
    records = HistoryRecord.objects.filter(instance_id=run.id).order_by("first_seq")
    assert fold(entry for record in records for entry in record.entries).variables == run.variables


def test_a_run_that_ended_before_it_began_begins_when_it_is_retried(alice: User) -> None:
    end = {"stepId": "end", "type": "END", "output": {"v": "${vars.v}"}}
    published(flow(end, variables={"v": {"initial": 7}}))
    [run_id] = instances.start_batch(actor=alice, requests=[Start("flow")])
    instances.cancel(actor=alice, instance_id=run_id, reason="too soon")
    steering.retry(actor=alice, instance_id=run_id)
    advance()
    [run] = instances.WorkflowInstance.objects.all()
    assert (run.status, run.output) == ("COMPLETED", {"v": 7})


def test_an_error_that_names_a_step_of_somebody_elses_does_not_mislead_the_retry(alice: User) -> None:
    published(flow(errand("work")), worker_task())
    run, outside = started(alice, "flow"), Outside()
    outside.fail("work", {**BROKEN, "details": {"stepId": "theirs"}})
    steering.retry(actor=alice, instance_id=run.id)
    assert outside.complete("work", {"n": 2})
    assert fresh(run).status == "COMPLETED"


def test_a_value_that_doubles_and_doubles_fails_its_step_while_it_is_small(alice: User) -> None:
    double = {"stepId": "a", "type": "TRANSFORM", "output": 1, "setVariables": {"s": "vars.s + vars.s"}, "next": "a"}
    published(flow(double, variables={"s": {"initial": "0123456789"}}))
    run = started(alice, "flow")
    assert (run.status, (run.error or {})["code"]) == ("FAILED", "VALUE_TOO_LARGE")
    assert len(run.variables["s"]) < 5_000_000


def test_many_values_that_are_each_small_enough_are_too_much_together(alice: User) -> None:
    step = {"stepId": "a", "type": "TRANSFORM", "output": "${input.text}", "next": "a"}
    published(flow(step))
    run = started(alice, "flow", {"text": "x" * 1_000_000})
    assert (run.status, (run.error or {})["code"]) == ("FAILED", "VALUE_TOO_LARGE")
