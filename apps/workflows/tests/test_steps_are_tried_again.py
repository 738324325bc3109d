"""Another attempt of a step, whatever the step waited for: a person, an event, a worker, or nothing yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.auth.models import User
from apps.tasks.models import ReadyTask, Task
from apps.validation.durations import parse_duration
from apps.workflows.engine.retry import parse_retry_policy
from apps.workflows.models import InboxSignal, StepExecution, Timer
from apps.workflows.tests.factories import flow, published, started, worker_task
from apps.workflows.tests.live import Outside, advance, fresh, pass_time

pytestmark = pytest.mark.django_db

HOUR = 3_601
MINUTE = 61


def again(*errors: str, attempts: int = 2) -> dict[str, Any]:
    return {"maxAttempts": attempts, "delay": "PT1M", "retryableErrors": list(errors)}


def asking(**more: Any) -> dict[str, Any]:
    return {
        "stepId": "ask",
        "type": "HUMAN_TASK",
        "taskDefinition": {"title": "Look", "assigneeRole": "manager"},
    } | more


@pytest.mark.parametrize("kind", ["HUMAN_TASK", "TASK"])
def test_a_person_who_was_late_is_asked_again(alice: User, kind: str) -> None:
    task = {
        "taskId": "look",
        "name": "Look",
        "version": "1.0.0",
        "type": "MANUAL",
        "implementation": {"kind": "HUMAN", "parameters": {"assigneeRole": "manager"}},
    }
    step = asking() if kind == "HUMAN_TASK" else {"stepId": "ask", "taskId": "look"}
    published(flow(step | {"timeout": "PT1H", "retryPolicy": again("TIMEOUT")}), task)
    run = started(alice, "flow")
    pass_time(HOUR)
    advance()
    assert Task.objects.get().status == "CANCELLED"
    assert [timer.purpose for timer in Timer.objects.all()] == ["retry"]
    pass_time(MINUTE)
    advance()
    task_now = Task.objects.get()
    assert (task_now.status, task_now.completed_at, task_now.version) == ("PENDING", None, 2)
    assert [timer.purpose for timer in Timer.objects.all()] == ["timeout"]
    assert not ReadyTask.objects.exists()
    pass_time(HOUR)
    advance()
    assert (fresh(run).status, (fresh(run).error or {})["code"]) == ("FAILED", "STEP_TIMED_OUT")


def test_the_answer_to_the_second_question_counts(alice: User) -> None:
    published(
        flow(asking(timeout="PT1H", retryPolicy=again("TIMEOUT"), next="done"), {"stepId": "done", "type": "END"})
    )
    run = started(alice, "flow")
    for wait in (HOUR, MINUTE):
        pass_time(wait)
        advance()
    Outside().answer(Task.objects.get(), {"note": "seen"}, None)
    assert fresh(run).status == "COMPLETED"
    assert not Timer.objects.exists()


def test_an_event_that_did_not_come_is_waited_for_again(alice: User) -> None:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "a.b", "eventTimeout": {"duration": "PT1H"}}
    published(flow(wait | {"retryPolicy": again("TIMEOUT")}))
    run = started(alice, "flow")
    for _ in range(2):
        pass_time(HOUR)
        advance()
        pass_time(MINUTE)
        advance()
    assert fresh(run).status == "FAILED"
    assert not InboxSignal.objects.exists()


def test_a_task_whose_input_could_not_be_computed_is_begun_by_the_next_attempt(alice: User) -> None:
    step = {"stepId": "t", "taskId": "errand", "input": {"n": "${vars.n}"}, "retryPolicy": again("EXPRESSION")}
    published(flow(step), worker_task())
    run = started(alice, "flow")
    assert StepExecution.objects.get().status == "WAITING"
    run.variables = {"n": 4}
    run.save()
    pass_time(MINUTE)
    advance()
    outside = Outside()
    [claimed] = outside.claim()
    assert claimed.input == {"n": 4}
    outside.complete("t", {"n": 8})
    assert fresh(run).status == "COMPLETED"


def test_a_wait_that_grows_and_grows_stays_a_date() -> None:
    policy = parse_retry_policy(
        {"maxAttempts": 100, "delay": "P36000D", "strategy": "exponential", "multiplier": 100}, parse_duration
    )
    assert policy is not None
    delay = policy.delay_after(50, error_type="TRANSIENT", error_code="X", retryable=True, seed="s")
    assert delay is not None
    assert timedelta(seconds=delay) == timedelta(days=36_525)
