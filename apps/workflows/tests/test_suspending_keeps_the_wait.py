"""Tasks in the queue while their run is suspended."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.models import User
from apps.tasks.models import ReadyTask, Task
from apps.workflows.models import StepExecution
from apps.workflows.services import instances
from apps.workflows.tests.factories import errand, flow, published, started, worker_task
from apps.workflows.tests.live import Outside, advance, fresh, pass_time

pytestmark = pytest.mark.django_db


def test_a_retry_that_was_to_wait_waits_for_what_was_left(alice: User) -> None:
    document = errand()
    document["steps"][0]["retryPolicy"] = {"maxAttempts": 2, "delay": "PT1H"}
    published(document, worker_task())
    run, outside = started(alice, "errand", {"n": 1}), Outside()
    outside.fail("run", {"type": "TRANSIENT", "code": "AWAY", "message": "x", "retryable": True})
    pass_time(600)
    instances.suspend(actor=alice, instance_id=run.id, reason="lunch")
    pass_time(100_000)
    instances.resume(actor=alice, instance_id=run.id)
    assert outside.claim() == []
    pass_time(49 * 60)
    assert outside.claim() == []
    pass_time(61)
    assert [task.step_id for task in outside.claim()] == ["run"]


def test_a_paused_task_can_be_looked_at_and_cancelled(api: Any, alice: User, admin: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    instances.suspend(actor=alice, instance_id=run.id, reason="")
    assert ReadyTask.objects.get().ready_at.year >= 4000
    answer = api(admin).post(f"/api/v1/tasks/{Task.objects.get().id}/cancel", {"reason": "no need"})
    assert answer.status_code == 200
    assert not ReadyTask.objects.exists()


def test_an_event_that_comes_while_a_run_rests_is_taken_once_it_goes_on(alice: User) -> None:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.paid"}
    published(flow(wait))
    run = started(alice, "flow")
    instances.suspend(actor=alice, instance_id=run.id, reason="lunch")
    instances.signal(actor=alice, instance_id=run.id, name="orders.paid", payload={"amount": 7})
    assert fresh(run).status == "SUSPENDED"
    instances.resume(actor=alice, instance_id=run.id)
    advance()
    assert fresh(run).status == "COMPLETED"
    assert StepExecution.objects.get(instance_id=run.id).output == {"amount": 7}
