"""Runs that are steered while items of a FOR_EACH are under way."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.models import User
from apps.tasks.models import ReadyTask
from apps.workflows.models import InboxSignal, StepExecution, WorkflowInstance
from apps.workflows.services import instances, migration, steering
from apps.workflows.tests.factories import flow, published, started, worker_task
from apps.workflows.tests.live import Outside, advance, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def outside() -> Outside:
    return Outside()


def lines(name: str = "lines", call: str = "call", **more: Any) -> dict[str, Any]:
    step = {"stepId": call, "type": "TASK", "taskId": "errand", "input": {"n": "${item}"}}
    each = {"stepId": name, "type": "FOR_EACH", "items": "input.items", "steps": [step], "concurrency": 2}
    return flow(each | more.pop("each", {}), output="${steps." + name + ".output}", **more)


def items(run: WorkflowInstance) -> dict[str, int]:
    rows = StepExecution.objects.filter(instance_id=run.id, visit=0)
    return {status: rows.filter(status=status).count() for status in rows.values_list("status", flat=True)}


def work_off(outside: Outside) -> None:
    while claimed := outside.claim():
        outside.complete(claimed[0].step_id, {"done": True})
        advance()


def test_cancelling_ends_every_item_and_takes_back_their_tasks(alice: User) -> None:
    published(lines(), worker_task())
    run = started(alice, "flow", {"items": [1, 2, 3, 4]})
    instances.cancel(actor=alice, instance_id=run.id, reason="enough")
    assert fresh(run).status == "CANCELLED"
    assert items(run) == {"CANCELLED": 4}
    assert not ReadyTask.objects.exists()


def test_a_turn_that_was_asked_for_waits_while_the_run_is_suspended(alice: User) -> None:
    inline = {"stepId": "double", "type": "TRANSFORM", "output": "${item * 2}"}
    published(lines(each={"steps": [inline], "concurrency": 1_000}))
    run = started(alice, "flow", {"items": list(range(700))})
    instances.suspend(actor=alice, instance_id=run.id, reason="wait")
    advance()
    assert items(run) == {"COMPLETED": 500, "PENDING": 200}
    assert InboxSignal.objects.filter(instance_id=run.id, held=True).count() == 1
    instances.resume(actor=alice, instance_id=run.id)
    advance()
    assert fresh(run).output == [n * 2 for n in range(700)]


def test_a_retry_with_another_list_keeps_what_is_the_same(alice: User, outside: Outside) -> None:
    published(lines(each={"concurrency": 1}), worker_task())
    run = started(alice, "flow", {"items": [1, 2, 3]})
    outside.complete("call", {"first": True})
    outside.fail("call", {"type": "PERMANENT", "code": "X", "message": "no"})
    assert fresh(run).status == "FAILED"
    steering.retry(actor=alice, instance_id=run.id, step_input=[1, 5])
    advance()
    work_off(outside)
    assert fresh(run).output == [{"first": True}, {"done": True}]


def test_a_run_moves_to_a_version_with_other_names_among_its_items(alice: User, outside: Outside) -> None:
    one_by_one = {"concurrency": 1}
    published(lines(each=one_by_one), worker_task())
    run = started(alice, "flow", {"items": [1, 2, 3, 4]})
    outside.complete("call", {"before": True})
    published(lines("orders", "ask", version="2.0.0", each=one_by_one))
    mapping = {"lines": "orders", "call": "ask"}
    migration.migrate(actor=alice, instance_id=run.id, version="2.0.0", mapping=mapping)
    work_off(outside)
    assert fresh(run).status == "COMPLETED", fresh(run).error
    assert fresh(run).output == [{"before": True}, {"done": True}, {"done": True}, {"done": True}]
    assert StepExecution.objects.filter(instance_id=run.id, visit=0, scope__startswith="lines#1[").count() == 4
