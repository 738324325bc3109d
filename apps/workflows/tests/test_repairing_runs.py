"""Skip, move, and retry on another version: what they do through the API, when they are refused, what they leave on record."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.tasks.models import ReadyTask, Task
from apps.workflows.models import StepExecution, Timer, WorkflowInstance
from apps.workflows.selectors.instances import history
from apps.workflows.tests.factories import approval, errand, flow, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, fresh

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"
BROKEN = {"type": "PERMANENT", "code": "BROKEN", "message": "It broke."}


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    published(approval())
    schema = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    published(errand(), worker_task(inputSchema=schema, outputSchema=schema))
    return api(alice)


def steer(client: APIClient, run: WorkflowInstance, verb: str, **body: Any) -> Any:
    return client.post(f"{HERE}/{run.id}/{verb}", body)


def test_a_skipped_task_is_withdrawn_and_the_run_goes_on_with_the_output_given(client: APIClient, alice: User) -> None:
    run = started(alice, "errand", {"n": 1})
    answer = steer(client, run, "skip", stepId="run", output={"n": 5}, reason="known")
    assert answer.status_code == 200
    assert answer.headers["ETag"]
    shown = answer.json()
    assert (shown["status"], shown["output"]) == ("COMPLETED", {"n": 5})
    assert shown["state"]["steps"]["run"]["status"] == "SKIPPED"
    assert not ReadyTask.objects.exists()
    assert Task.objects.get().status == "CANCELLED"


def test_the_step_need_not_be_named_where_the_run_stands_at_one(client: APIClient, alice: User) -> None:
    run = started(alice, "approval")
    shown = steer(client, run, "skip", outcome="reject").json()
    assert (shown["status"], shown["output"]) == ("COMPLETED", {"approved": False})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"output": {"n": "five"}}, "/output/n"),
        ({"output": {}}, "/output"),
        ({"stepId": "done"}, "/stepId"),
        ({"stepId": "rnu"}, "/stepId"),
        ({"executionId": "01890000-0000-7000-8000-000000000001"}, "/executionId"),
        ({"stepID": "run"}, "/stepID"),
    ],
)
def test_a_skip_that_does_not_fit_is_422_with_its_pointer_and_changes_nothing(
    client: APIClient, alice: User, body: Any, pointer: str
) -> None:
    run = started(alice, "errand", {"n": 1})
    answer = steer(client, run, "skip", **body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["violations"]] == [pointer]
    assert fresh(run).seq == run.seq


def test_a_form_is_what_a_skipped_person_would_have_filled_in(client: APIClient, alice: User) -> None:
    run = started(alice, "approval")
    answer = steer(client, run, "skip", outcome="approve", output={"note": 7})
    assert [each["pointer"] for each in answer.json()["violations"]] == ["/output/note"]
    without = steer(client, run, "skip")
    [violation] = without.json()["violations"]
    assert (without.status_code, violation["pointer"]) == (422, "/outcome")
    assert "approve, reject" in violation["hint"]


def test_where_the_run_stands_at_two_places_one_has_to_be_named(client: APIClient, alice: User) -> None:
    branches = [{"name": n, "steps": [{"stepId": n, "type": "DELAY", "duration": "PT1H"}]} for n in ("a", "b")]
    published(flow({"stepId": "fork", "type": "PARALLEL", "branches": branches}))
    run = started(alice, "flow")
    answer = steer(client, run, "skip")
    [violation] = answer.json()["violations"]
    assert answer.status_code == 422
    a = StepExecution.objects.get(step_id="a")
    assert str(a.id) in violation["hint"]
    assert steer(client, run, "skip", executionId=str(a.id)).status_code == 200
    assert Timer.objects.count() == 1


def test_a_failed_run_goes_on_past_the_step_that_failed(client: APIClient, alice: User) -> None:
    run = started(alice, "errand", {"n": 1})
    Outside().fail("run", BROKEN)
    shown = steer(client, run, "skip", output={"n": 9}, reason="did it by hand").json()
    assert (shown["status"], shown["output"], shown["error"]) == ("COMPLETED", {"n": 9}, None)


def test_a_moved_run_leaves_its_task_and_goes_on_at_the_other_step(client: APIClient, alice: User) -> None:
    run = started(alice, "approval")
    answer = steer(client, run, "move", to="yes", reason="the law says so")
    assert answer.headers["ETag"]
    shown = answer.json()
    assert (shown["status"], shown["output"]) == ("COMPLETED", {"approved": True})
    assert Task.objects.get().status == "CANCELLED"
    moved = next(entry for entry in history(run.id)[0] if entry["type"] == "STEP_MOVED")
    assert moved["data"] == {"to": "yes", "reason": "the law says so", "requestedBy": "alice"}


def test_a_run_that_waits_for_an_event_counts_as_running_once_it_is_moved(client: APIClient, alice: User) -> None:
    published(
        flow(
            {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "a.b", "eventTimeout": {"duration": "PT1H"}},
            {"stepId": "sleep", "type": "DELAY", "duration": "PT2H"},
        )
    )
    run = started(alice, "flow")
    assert run.status == "WAITING_FOR_EVENT"
    shown = steer(client, run, "move", to="sleep").json()
    assert shown["status"] == "RUNNING"
    assert [each["kind"] for each in shown["state"]["waitingFor"]] == ["TIMER"]
    assert Timer.objects.get().purpose == "delay"
    assert steer(client, run, "signal", name="a.b").status_code == 409
    assert steer(client, run, "move", to="wait").json()["status"] == "WAITING_FOR_EVENT"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "nowhere"}, "/to"),
        ({}, "/to"),
        ({"to": "done", "from": "done"}, "/from"),
        ({"to": "done", "input": {"n": 1}}, "/input"),
        ({"to": "run", "input": {"n": "x"}}, "/input/n"),
    ],
)
def test_a_move_that_does_not_fit_is_422_with_its_pointer_and_changes_nothing(
    client: APIClient, alice: User, body: Any, pointer: str
) -> None:
    run = started(alice, "errand", {"n": 1})
    answer = steer(client, run, "move", **body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["violations"]] == [pointer]
    assert fresh(run).seq == run.seq


def test_a_move_to_the_same_step_begins_it_anew_with_another_input(client: APIClient, alice: User) -> None:
    run, outside = started(alice, "errand", {"n": 1}), Outside()
    outside.claim()
    steer(client, run, "move", to="run", input={"n": 3})
    assert not outside.complete("run", {"n": 2})  # the first is not taken any more
    [claimed] = outside.claim()
    assert claimed.input == {"n": 3}


def test_a_failed_run_is_retried_on_a_version_with_the_mistake_mended(client: APIClient, alice: User) -> None:
    run = started(alice, "errand", {"n": 5_000})
    outside = Outside()
    outside.fail("run", BROKEN)
    mended = errand(version="1.1.0")
    mended["steps"][0]["input"] = {"n": 1}
    mended["steps"][1]["output"] = {"n": "${steps.run.output.n + 100}"}
    published(mended)
    shown = steer(client, run, "retry", version="latest", reason="mended").json()
    assert (shown["status"], shown["definitionVersion"]) == ("RUNNING", "1.1.0")
    [claimed] = outside.claim()
    assert claimed.input == {"n": 1}
    outside.held[claimed.step_id] = claimed
    outside.complete("run", {"n": 2})
    assert fresh(run).output == {"n": 102}
    kinds = [(entry["seq"], entry["type"]) for entry in history(run.id)[0]]
    assert [seq for seq, _ in kinds] == list(range(1, fresh(run).seq + 1))
    assert "INSTANCE_MIGRATED" in [kind for _, kind in kinds]
    details = AuditEntry.objects.get(action="workflow.retry").details
    assert details["version"] == {"from": "1.0.0", "to": "1.1.0"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"version": "9.9.9"}, "/version"),
        ({"version": "2.0.0"}, "/stepId"),
        ({"version": "2.0.0", "stepId": "run"}, "/stepId"),
        ({"input": {"n": "x"}}, "/input/n"),
        ({"stepId": "done", "input": {}}, "/input"),
    ],
)
def test_a_retry_that_does_not_fit_is_422_and_leaves_the_run_on_its_version(
    client: APIClient, alice: User, body: Any, pointer: str
) -> None:
    run = started(alice, "errand", {"n": 1})
    Outside().fail("run", BROKEN)
    published(nap(workflowId="errand", version="2.0.0"))
    answer = steer(client, run, "retry", **body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["violations"]] == [pointer]
    assert (fresh(run).definition_version, fresh(run).status) == ("1.0.0", "FAILED")


def test_a_version_in_which_the_branches_differ_does_the_fork_again(client: APIClient, alice: User) -> None:
    def fork(names: tuple[str, ...], version: str) -> dict[str, Any]:
        branches = [{"name": n, "steps": [{"stepId": n, "taskId": "errand", "input": {"n": 1}}]} for n in names]
        return flow({"stepId": "fork", "type": "PARALLEL", "branches": branches}, version=version)

    published(fork(("a", "b"), "1.0.0"))
    run, outside = started(alice, "flow"), Outside()
    outside.claim()
    outside.complete("a", {"n": 1})
    outside.fail("b", BROKEN)
    published(fork(("b", "a"), "1.1.0"))
    refused = steer(client, run, "retry", version="1.1.0", stepId="b")
    assert (refused.status_code, refused.json()["violations"][0]["pointer"]) == (422, "/stepId")
    steer(client, run, "retry", version="1.1.0")
    assert sorted(task.step_id for task in outside.claim()) == ["a", "b"]


def test_what_people_answered_in_a_branch_is_not_asked_again(client: APIClient, api: Any, alice: User) -> None:
    ask = {**approval()["steps"][0], "transitions": {}, "stepId": "ask"}
    branches = [
        {"name": "person", "steps": [ask]},
        {"name": "machine", "steps": [{"stepId": "work", "taskId": "errand", "input": {"n": 1}}]},
    ]
    published(flow({"stepId": "fork", "type": "PARALLEL", "branches": branches}))
    run, outside = started(alice, "flow"), Outside()
    outside.answer(Task.objects.get(type="MANUAL"), {"note": "fine"}, "approve")
    outside.fail("work", BROKEN)
    assert fresh(run).status == "FAILED"
    steer(client, run, "retry")
    assert Task.objects.filter(type="MANUAL").count() == 1
    outside.complete("work", {"n": 2})
    assert fresh(run).status == "COMPLETED"


def test_each_repair_leaves_who_and_why_in_audit_and_history(client: APIClient, alice: User) -> None:
    first, second = started(alice, "approval"), started(alice, "approval")
    steer(client, first, "skip", outcome="approve", reason="because skip")
    steer(client, second, "move", to="no", reason="because move")
    for run, verb, kind in ((first, "skip", "STEP_SKIPPED"), (second, "move", "STEP_MOVED")):
        entry = AuditEntry.objects.get(action=f"workflow.{verb}")
        assert (entry.actor_name, entry.resource_id) == ("alice", str(run.id))
        assert entry.details["reason"] == f"because {verb}"
        assert (entry.details["before"], entry.details["after"]) == ("RUNNING", "COMPLETED")
        [written] = [each for each in history(run.id)[0] if each["type"] == kind]
        assert (written["data"]["requestedBy"], written["data"]["reason"]) == ("alice", f"because {verb}")


@pytest.mark.parametrize(
    ("before", "verb"),
    [("suspend", "skip"), ("suspend", "move"), ("cancel", "skip"), ("cancel", "move")],
)
def test_a_status_that_does_not_allow_it_is_409_and_says_what_would_have_to_be_different(
    client: APIClient, alice: User, before: str, verb: str
) -> None:
    run = started(alice, "approval")
    steer(client, run, before)
    answer = steer(client, run, verb, **({"to": "yes"} if verb == "move" else {}))
    assert answer.status_code == 409
    assert {"suspend": "Resume it", "cancel": "Retry it"}[before] in answer.json()["detail"]


def test_a_repair_under_one_key_is_done_once(client: APIClient, alice: User) -> None:
    run = started(alice, "approval")
    answers = [client.post(f"{HERE}/{run.id}/move", {"to": "ask"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert StepExecution.objects.filter(instance_id=run.id).count() == 2
