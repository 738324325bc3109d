"""SUB_WORKFLOW steps on Postgres: a child has a history of its own, and each end hears of the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.events.tests.statements import counted_statements
from apps.tasks.runtime.outcomes import deliver
from apps.tasks.runtime.worker import Worker
from apps.validation.problems import Unprocessable
from apps.workflows.engine import steps as engine_steps
from apps.workflows.models import InboxSignal, StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import plans
from apps.workflows.selectors.instances import history
from apps.workflows.services import definitions, instances, steering
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import (
    approval,
    errand,
    flow,
    greeting,
    nap,
    published,
    started,
    worker_task,
)
from apps.workflows.tests.live import Outside, advance, fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "/api/v1/workflows/instances"


def calling(workflow_id: str, step: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A workflow that starts another with `input.n`, and gives what that gave."""
    call = {"stepId": "call", "type": "SUB_WORKFLOW", "workflowId": workflow_id, "input": {"n": "${input.n}"}}
    return flow(call | (step or {}), workflowId="caller", output="${steps.call.output}") | more


def child_of(run: WorkflowInstance) -> WorkflowInstance:
    return WorkflowInstance.objects.get(parent_instance_id=run.id)


def test_the_childs_output_is_the_steps(alice: User) -> None:
    published(errand(), worker_task())
    published(calling("errand"))
    run = started(alice, "caller", {"n": 4}, correlation_id="order-7")
    child = child_of(run)
    assert child.status == "CREATED"  # a worker begins it
    advance()
    outside = Outside()
    outside.complete("run", {"n": 8})
    advance()
    run, child = fresh(run), fresh(child)
    assert (run.status, run.output) == ("COMPLETED", {"n": 8})
    assert (child.input, child.started_by_id, child.correlation_id) == ({"n": 4}, alice.pk, "order-7")
    told, _ = history(child.id)
    assert [each["seq"] for each in told] == list(range(1, child.seq + 1))


def test_the_childs_error_is_the_steps(alice: User) -> None:
    published(errand(), worker_task())
    published(calling("errand"))
    run = started(alice, "caller", {"n": 4})
    advance()
    Outside().fail("run", {"type": "PERMANENT", "code": "TOO_MUCH", "message": "That is too much."})
    advance()
    step = StepExecution.objects.get(instance_id=run.id)
    assert step.error == {
        "type": "PERMANENT",
        "code": "TOO_MUCH",
        "message": "That is too much.",
        "details": {
            "instanceId": str(child_of(run).id),
            "workflowId": "errand",
            "cause": {"stepId": "run"},
        },
    }
    error = fresh(run).error or {}
    assert (fresh(run).status, error["code"], error["details"]["stepId"]) == ("FAILED", "TOO_MUCH", "call")


def test_input_that_the_child_does_not_take_fails_the_step_and_starts_nothing(alice: User) -> None:
    published(errand(), worker_task())
    published(calling("errand"))
    run = started(alice, "caller", {"n": "four"})
    error = run.error or {}
    assert (run.status, error["type"], error["code"]) == ("FAILED", "VALIDATION", "CHILD_INPUT_INVALID")
    assert [each["pointer"] for each in error["details"]["violations"]] == ["/input/n"]
    assert not WorkflowInstance.objects.filter(parent_instance_id=run.id).exists()


def test_cancelling_a_run_cancels_what_it_waits_for_at_any_depth(alice: User) -> None:
    published(approval())
    published(calling("approval", workflowId="middle"))
    published(calling("middle"))
    run = started(alice, "caller", {"n": 1})
    advance()
    instances.cancel(actor=alice, instance_id=run.id, reason="no need")
    advance()
    middle = child_of(run)
    inner = child_of(middle)
    assert [each.status for each in (fresh(run), middle, inner)] == ["CANCELLED"] * 3
    assert (inner.cancellation or {})["reason"] == "no need"
    assert (inner.cancellation or {})["source"] == "SYSTEM"


def test_a_child_undoes_its_work_when_its_parent_does(alice: User) -> None:
    undo = [{"stepId": "undo", "compensationFor": "run", "taskId": "errand", "input": {"n": 1}}]
    steps = [
        {"stepId": "run", "taskId": "errand", "input": {"n": 1}, "next": "rest"},
        {"stepId": "rest", "type": "DELAY", "duration": "PT1H"},
    ]
    published(flow(*steps, workflowId="child", compensationSteps=undo), worker_task())
    published(calling("child"))
    for compensate, then in ((True, "COMPENSATING"), (False, "CANCELLED")):
        run = started(alice, "caller", {"n": 1})
        advance()
        Outside().complete("run", {"n": 2})
        instances.cancel(actor=alice, instance_id=run.id, reason="x", should_compensate=compensate)
        advance()
        assert (fresh(run).status, child_of(run).status) == ("CANCELLED", then)


def test_a_step_that_takes_too_long_cancels_its_child(alice: User) -> None:
    published(approval())
    published(calling("approval", {"timeout": "PT1M"}))
    run = started(alice, "caller", {"n": 1})
    advance()
    pass_time(61)
    advance()
    assert (fresh(run).error or {})["code"] == "STEP_TIMED_OUT"
    assert child_of(run).status == "CANCELLED"


def test_the_child_of_a_branch_that_lost_is_cancelled(alice: User) -> None:
    published(approval())
    branches = [
        {"name": "ask", "steps": [{"stepId": "ask", "type": "SUB_WORKFLOW", "workflowId": "approval"}]},
        {"name": "wait", "steps": [{"stepId": "wait", "type": "DELAY", "duration": "PT1M"}]},
    ]
    published(flow({"stepId": "p", "type": "PARALLEL", "join": "ANY", "branches": branches}))
    run = started(alice, "flow")
    advance()
    pass_time(61)
    advance()
    assert (fresh(run).status, child_of(run).status) == ("COMPLETED", "CANCELLED")


def test_a_child_that_nobody_waits_for_goes_on_when_its_parent_is_cancelled(alice: User) -> None:
    published(nap())
    steps = [
        {"stepId": "call", "type": "SUB_WORKFLOW", "workflowId": "nap", "wait": False, "next": "rest"},
        {"stepId": "rest", "type": "DELAY", "duration": "PT2H"},
    ]
    published(flow(*steps))
    run = started(alice, "flow")
    advance()
    child = child_of(run)
    assert StepExecution.objects.get(instance_id=run.id, step_id="call").output == {"instanceId": str(child.id)}
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    advance()
    assert fresh(child).status == "RUNNING"
    pass_time(3_601)
    advance()
    assert fresh(child).status == "COMPLETED"


def test_a_child_that_is_cancelled_fails_the_step_with_its_reason(alice: User) -> None:
    published(nap())
    published(calling("nap"))
    run = started(alice, "caller", {"n": 1})
    advance()
    instances.cancel(actor=alice, instance_id=child_of(run).id, reason="it rains")
    advance()
    error = fresh(run).error or {}
    assert (fresh(run).status, error["code"], error["message"]) == ("FAILED", "CANCELLED", "it rains")


def test_the_run_that_waits_and_the_one_it_waits_for_rest_together(alice: User) -> None:
    published(nap())
    published(calling("nap"))
    run = started(alice, "caller", {"n": 1})
    advance()
    instances.suspend(actor=alice, instance_id=run.id, reason="lunch")
    advance()
    child = child_of(run)
    assert child.status == "SUSPENDED"
    pass_time(7_200)
    instances.resume(actor=alice, instance_id=run.id, reason="")
    advance()
    assert (fresh(run).status, fresh(child).status) == ("RUNNING", "RUNNING")
    pass_time(3_601)
    advance()
    assert (fresh(run).status, fresh(child).status) == ("COMPLETED", "COMPLETED")


def test_a_child_that_is_retried_after_its_parent_gave_up_tells_nobody(alice: User) -> None:
    published(errand(), worker_task())
    published(calling("errand"))
    run = started(alice, "caller", {"n": 4})
    advance()
    Outside().fail("run", {"type": "PERMANENT", "code": "X", "message": ""})
    advance()
    child = child_of(run)
    before = fresh(run).seq
    steering.retry(actor=alice, instance_id=child.id)
    Outside().complete("run", {"n": 8})
    advance()
    assert (fresh(child).status, fresh(run).status, fresh(run).seq) == ("COMPLETED", "FAILED", before)
    assert not InboxSignal.objects.exists()


def test_a_retry_of_the_parent_starts_another_child(alice: User) -> None:
    published(errand(), worker_task())
    published(calling("errand"))
    run = started(alice, "caller", {"n": 4})
    advance()
    Outside().fail("run", {"type": "PERMANENT", "code": "X", "message": ""})
    advance()
    steering.retry(actor=alice, instance_id=run.id)
    advance()
    Outside().complete("run", {"n": 8})
    advance()
    assert fresh(run).status == "COMPLETED"
    assert WorkflowInstance.objects.filter(parent_instance_id=run.id).count() == 2


def test_runs_start_each_other_only_so_deep(alice: User) -> None:
    # A version that publishing would refuse: it starts itself.
    published(calling("caller", workflowId="caller"))
    run = started(alice, "caller", {"n": 1})
    advance()
    assert WorkflowInstance.objects.count() == engine_steps.MAX_DEPTH + 1
    assert (fresh(run).error or {})["code"] == "CHILD_TOO_DEEP"
    assert set(WorkflowInstance.objects.values_list("status", flat=True)) == {"FAILED"}


def test_one_worker_goes_through_parents_and_children_without_being_called_again(alice: User, worker: Worker) -> None:
    published(errand(), worker_task())
    published(calling("errand", workflowId="middle"))
    published(calling("middle"))
    run = started(alice, "caller", {"n": 4})
    worker.drain(5)
    assert (fresh(run).status, fresh(run).output) == ("COMPLETED", {"n": 8})


def test_a_hundred_children_of_one_wave_take_as_many_statements_as_one(alice: User) -> None:
    published(nap())
    published(calling("nap"))
    counts = []
    for size in (1, 1, 100):  # the first compiles the definition
        instances.start_batch(actor=alice, requests=[Start("caller", {"n": n}) for n in range(size)])
        with transaction.atomic(), counted_statements() as statements:
            deliver([], pump=size)
        counts.append(len(statements))
        advance()
        pass_time(3_601)
        with transaction.atomic():
            advance()
    assert 0 < counts[1] == counts[2]
    assert WorkflowInstance.objects.exclude(status="COMPLETED").count() == 0


# Versions


def test_a_published_workflow_starts_the_version_that_its_publication_found(alice: User) -> None:
    published(greeting(inputSchema={"type": "object"}, output={"text": "one"}))
    caller = calling("greeting", {"input": {}})
    definitions.save(actor=alice, document=caller)
    definitions.publish(actor=alice, workflow_id="caller")
    published(greeting(version="2.0.0", inputSchema={"type": "object"}, output={"text": "two"}))
    assert WorkflowDefinition.objects.get(key="caller").workflow_pins == {"greeting": "1.0.0"}
    assert child_of(started(alice, "caller", {"n": 1})).definition_version == "1.0.0"


def test_a_version_that_the_step_names_wins(alice: User) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    published(calling("nap", {"version": "1.0.0"}))
    assert child_of(started(alice, "caller", {"n": 1})).definition_version == "1.0.0"


@pytest.mark.parametrize("step", [{}, {"version": "1.0.0"}])
def test_a_workflow_whose_child_is_a_draft_cannot_be_published(alice: User, step: dict[str, Any]) -> None:
    definitions.save(actor=alice, document=nap())
    definitions.save(actor=alice, document=calling("nap", {"input": {}} | step))
    with pytest.raises(Unprocessable) as refused:
        definitions.publish(actor=alice, workflow_id="caller")
    [violation] = refused.value.violations
    pointer = "/steps/0/version" if step else "/steps/0/workflowId"
    assert (violation.code, violation.pointer) == ("workflow-not-published", pointer)
    assert violation.hint == "Publish that workflow first."
    definitions.publish(actor=alice, workflow_id="nap")
    definitions.publish(actor=alice, workflow_id="caller")


# Over HTTP


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    made: APIClient = api(alice)
    return made


def test_both_ends_show_the_way_to_the_other(client: APIClient, alice: User) -> None:
    published(nap())
    published(calling("nap"))
    run = started(alice, "caller", {"n": 1})
    child = child_of(run)
    shown = client.get(f"{HERE}/{run.id}").json()
    [waiting] = shown["state"]["waitingFor"]
    assert (waiting["kind"], waiting["instanceId"], waiting["workflowId"]) == ("CHILD", str(child.id), "nap")
    assert shown["state"]["steps"]["call"]["childInstanceId"] == str(child.id)
    said = client.get(f"{HERE}/{run.id}/explain").json()
    assert said["sentence"] == "Waits at call for the run of nap that it has started."
    assert said["movesWhen"] == "The run of nap ends."
    assert client.get(f"{HERE}/{child.id}").json()["parentInstanceId"] == str(run.id)
    listed = client.get(f"{HERE}?parentInstanceId={run.id}").json()["items"]
    assert [each["id"] for each in listed] == [str(child.id)]
    assert client.get(f"{HERE}?parentInstanceId=nonsense").status_code == 400


def test_a_dry_run_asks_for_a_mock_of_the_child_and_takes_it(client: APIClient) -> None:
    published(nap())
    document = calling("nap", {"input": {}})
    plans._kept.clear()
    there = "/api/v1/workflows/definitions/dry-run"
    tried = client.post(there, {"definition": document, "input": {"n": 1}}, format="json").json()
    assert (tried["status"], tried["waitsAt"]) == ("RUNNING", ["call"])
    mocks = [{"workflowId": "nap", "response": {"slept": True}, "delay": "PT1H"}]
    tried = client.post(there, {"definition": document, "input": {"n": 1}, "mocks": mocks}, format="json").json()
    assert (tried["status"], tried["output"], tried["seconds"]) == ("COMPLETED", {"slept": True}, 3_600)
    both = [{"workflowId": "nap", "stepId": "call", "response": {}}]
    assert client.post(there, {"definition": document, "mocks": both}, format="json").status_code in (400, 422)
    assert not WorkflowInstance.objects.exists()
