"""Explain: in a sentence what a run waits for, since when, and what would move it, for every situation a run can be in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.tasks.models import ReadyTask, Task
from apps.workflows.engine.state import Signal
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.models import HistoryRecord, StepExecution, WorkflowInstance
from apps.workflows.orchestrator import store
from apps.workflows.tests.factories import approval, errand, flow, greeting, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, pass_time

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def explanation(client: APIClient, run: WorkflowInstance) -> dict[str, Any]:
    return client.get(f"{HERE}/{run.id}/explain").json()


def test_the_person_who_has_the_task(client: APIClient, alice: User) -> None:
    document = approval()
    document["steps"][0]["taskDefinition"] |= {"assignee": "bob"}
    published(document)
    said = explanation(client, started(alice, "approval"))
    assert said["sentence"] == "Waits for bob to complete “Approve it”."
    assert said["movesWhen"] == "bob completes the task."
    assert said["since"]


def test_those_who_may_take_a_task(client: APIClient, alice: User) -> None:
    published(approval())
    said = explanation(client, started(alice, "approval"))
    assert said["sentence"] == "“Approve it” is open to manager; nobody has taken it yet."


def test_a_task_that_nobody_was_named_for(client: APIClient, alice: User) -> None:
    document = approval()
    del document["steps"][0]["taskDefinition"]["assigneeRole"]
    published(document)
    assert "open to nobody in particular" in explanation(client, started(alice, "approval"))["sentence"]


def test_what_follows_when_nobody_answers_in_time(client: APIClient, alice: User) -> None:
    document = approval()
    document["steps"][0] |= {"timeout": "PT1H"}
    published(document)
    moves = explanation(client, started(alice, "approval"))["movesWhen"]
    assert moves.startswith("Somebody of them claims and completes the task. Otherwise the step times out at 20")


def test_until_when_a_timer_runs(client: APIClient, alice: User) -> None:
    published(nap())
    assert explanation(client, started(alice, "nap"))["sentence"].startswith("Waits at sleep until ")


@pytest.mark.parametrize(
    ("timeout", "otherwise"),
    [
        ({"duration": "PT1H"}, "Otherwise the step times out at "),
        ({"duration": "PT1H", "timeoutHandlerStepId": "late"}, "Otherwise the step goes on at late at "),
        (None, "arrives."),
    ],
)
def test_an_event_and_what_follows_when_it_does_not_come(
    client: APIClient, alice: User, timeout: dict[str, str] | None, otherwise: str
) -> None:
    wait = {"stepId": "paid", "type": "EVENT_WAIT", "eventPattern": "order.paid", "next": "done"}
    steps = [{"stepId": "done", "type": "END"}, {"stepId": "late", "type": "END", "status": "FAILED"}]
    published(flow(wait | ({"eventTimeout": timeout} if timeout else {}), *steps))
    said = explanation(client, started(alice, "flow"))
    assert said["sentence"].startswith("Waits at paid for an event order.paid")
    assert said["movesWhen"].startswith("An event order.paid arrives.")
    assert otherwise in said["movesWhen"]
    assert said["status"] == "WAITING_FOR_EVENT"


def test_a_task_that_lies_ready(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    said = explanation(client, started(alice, "errand", {"n": 1}))
    assert said["sentence"] == "run is ready to be run by a worker."


def test_a_task_that_no_worker_comes_for(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    pass_time(125)
    said = explanation(client, run)
    assert said["sentence"] == (
        "run has been ready for 2 min and no worker has taken it; no worker is at any task, so perhaps none is running."
    )
    assert said["movesWhen"] == "A worker becomes free, or one is started."


def test_a_task_that_all_workers_are_too_busy_for(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    started(alice, "errand", {"n": 1})
    Outside().claim()
    run = started(alice, "errand", {"n": 1})
    ReadyTask.objects.filter(worker__isnull=True).update(ready_at=timezone.now() - timedelta(minutes=2))
    assert "the workers are at 1 other task." in explanation(client, run)["sentence"]


def test_a_task_that_a_worker_is_at(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    Outside().claim()
    assert explanation(client, run)["sentence"] == "The worker test-worker is at run."


def test_a_task_whose_worker_is_lost(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    Outside().claim()
    ReadyTask.objects.update(leased_until=timezone.now() - timedelta(seconds=5))
    said = explanation(client, run)
    assert said["sentence"].startswith("The worker test-worker ran run and has not been heard of since ")
    assert "given to another worker" in said["movesWhen"]


def test_what_failed_and_when_it_is_tried_again(client: APIClient, alice: User) -> None:
    document = errand()
    document["steps"][0]["retryPolicy"] = {"maxAttempts": 3, "delay": "PT10M", "retryableErrors": ["TOO_MUCH"]}
    published(document, worker_task())
    run = started(alice, "errand", {"n": 5_000})
    Outside().fail("run", {"type": "PERMANENT", "code": "TOO_MUCH", "message": "That is too much."})
    said = explanation(client, run)
    assert said["sentence"].startswith("run failed (That is too much.) and is tried again at 20")
    assert said["movesWhen"].startswith("Attempt 2 begins at 20")


def test_open_branches_each_with_what_it_waits_for(client: APIClient, alice: User) -> None:
    branches = [{"name": name, "steps": [{"stepId": name, "type": "DELAY", "duration": "PT1H"}]} for name in "abcd"]
    published(nap(workflowId="both", steps=[{"stepId": "fork", "type": "PARALLEL", "branches": branches}]))
    said = explanation(client, started(alice, "both"))
    assert said["sentence"].startswith("4 branches are open. Waits at a until ")
    assert said["sentence"].endswith(" And 1 more.")
    assert said["movesWhen"] == "Any of them moves. The time comes."
    assert [each["stepId"] for each in said["waitingFor"]] == ["a", "b", "c", "d"]
    assert said["waitingFor"][3]["sentence"].startswith("Waits at d until ")


def test_who_let_a_run_rest_since_when_and_why(client: APIClient, alice: User) -> None:
    published(nap())
    run = started(alice, "nap")
    client.post(f"{HERE}/{run.id}/suspend", {"reason": "lunch"})
    said = explanation(client, run)
    assert said["sentence"].startswith("The run is suspended by alice: lunch. The timer of sleep stands still with ")
    assert said["movesWhen"] == "Somebody resumes it."
    at = HistoryRecord.objects.filter(instance_id=run.id).order_by("-first_seq")[0].at
    assert said["since"] == at.isoformat().replace("+00:00", "Z")


def test_what_came_in_while_a_run_rests(client: APIClient, alice: User) -> None:
    published(approval())
    run = started(alice, "approval")
    client.post(f"{HERE}/{run.id}/suspend", {"reason": "What now?"})
    assert "“Approve it” stays open, and its answer is kept." in explanation(client, run)["sentence"]
    Outside().answer(Task.objects.get(), {}, "approve")
    assert "What now? 1 thing that came in since is kept." in explanation(client, run)["sentence"]


def test_how_far_undoing_has_come(client: APIClient, alice: User) -> None:
    document = errand(
        compensationSteps=[{"stepId": "undo", "compensationFor": "run", "taskId": "undo", "input": {"n": 1}}]
    )
    document["steps"][1] = {"stepId": "done", "type": "DELAY", "duration": "PT1H"}
    published(document, worker_task(), worker_task("undo"))
    run = started(alice, "errand", {"n": 1})
    Outside().complete("run", {"n": 2})
    client.post(f"{HERE}/{run.id}/cancel", {"reason": "no need", "shouldCompensate": True})
    said = explanation(client, run)
    assert said["status"] == "COMPENSATING"
    assert said["sentence"] == (
        "What was done is being undone: 0 of 1 step so far. undo is ready to be run by a worker."
    )


def test_how_a_run_ended(client: APIClient, alice: User) -> None:
    published(greeting())
    published(nap())
    published(nap(workflowId="broken", steps=[{"stepId": "b", "type": "TRANSFORM", "output": "${input.none}"}]))
    assert explanation(client, started(alice, "greeting", {"name": "A"}))["sentence"] == "The run is complete."
    failed = started(alice, "broken")
    assert explanation(client, failed)["sentence"].startswith("The run failed at b: ")
    assert failed.completed_at is not None
    assert explanation(client, failed)["since"] == failed.completed_at.isoformat().replace("+00:00", "Z")
    run = started(alice, "nap")
    client.post(f"{HERE}/{run.id}/cancel", {"reason": "no need"})
    assert explanation(client, run)["sentence"] == "The run was cancelled by alice: no need"


def test_a_run_that_no_worker_has_begun(client: APIClient) -> None:
    published(nap())
    [run_id] = client.post(f"{HERE}/batch", {"instances": [{"workflowId": "nap"}]}).json()["ids"]
    assert client.get(f"{HERE}/{run_id}/explain").json()["sentence"] == "The run is accepted and has not begun."
    WorkflowInstance.objects.update(started_at=timezone.now() - timedelta(minutes=3))
    said = client.get(f"{HERE}/{run_id}/explain").json()
    assert said["sentence"] == "The run is accepted, and for 3 min no worker has begun it."
    assert said["movesWhen"] == "A worker becomes free, or one is started."


def test_what_happened_and_no_worker_took_in(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    task = Outside().claim()[0]
    ReadyTask.objects.all().delete()
    Task.objects.update(status="COMPLETED", completed_at=timezone.now())
    assert explanation(client, run)["sentence"] == "The result of run is in and is about to be taken over."
    StepExecution.objects.filter(id=task.task_id).update(status="COMPLETED", completed_at=timezone.now())
    store.post([(run.id, Signal(SignalKind.TASK_COMPLETED, task.task_id, {"output": 1}))])
    assert explanation(client, run)["sentence"] == "1 thing that happened to the run waits for a worker to take in."


def test_when_the_whole_run_has_to_be_over(client: APIClient, alice: User) -> None:
    published(nap(timeout="PT2H"))
    assert explanation(client, started(alice, "nap"))["endsBy"] > timezone.now().isoformat()
    published(nap(workflowId="long"))
    assert explanation(client, started(alice, "long"))["endsBy"] is None
