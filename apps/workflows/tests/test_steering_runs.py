"""Cancel, suspend, resume, retry: what they do, when they are refused, what they leave behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.tasks.models import ReadyTask, Task
from apps.workflows.models import InboxSignal, StepExecution, Timer, WorkflowInstance
from apps.workflows.tests.factories import approval, errand, greeting, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, advance, pass_time

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    published(greeting())
    published(nap())
    published(approval())
    published(errand(), worker_task())
    return api(alice)


def steer(client: APIClient, run: WorkflowInstance, verb: str, **body: Any) -> Any:
    return client.post(f"{HERE}/{run.id}/{verb}", body)


def test_cancelling_ends_the_run_and_says_who_and_why(client: APIClient, alice: User) -> None:
    answer = steer(client, started(alice, "nap"), "cancel", reason="no need")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["status"] == "CANCELLED"
    assert shown["cancellation"]["reason"] == "no need"
    assert shown["cancellation"]["requestedBy"] == "alice"
    assert shown["cancellation"]["source"] == "USER"
    assert shown["cancellation"]["requestedAt"]
    assert shown["completedAt"]
    assert shown["state"]["steps"]["sleep"]["status"] == "CANCELLED"
    assert not Timer.objects.exists()


def test_cancelling_withdraws_the_persons_task(client: APIClient, api: Any, alice: User, bob: User) -> None:
    run = started(alice, "approval")
    steer(client, run, "cancel", reason="no need")
    task = Task.objects.get()
    assert task.status == "CANCELLED"
    assert task.completed_at
    assert api(bob).get("/api/v1/tasks", {"box": "group"}).json()["items"] == []
    answered = api(bob).post(f"/api/v1/tasks/{task.id}/complete", {"action": "approve", "output": {}})
    assert answered.status_code in (404, 409)


def test_cancelling_takes_the_work_out_of_the_queue(client: APIClient, alice: User) -> None:
    steer(client, started(alice, "errand", {"n": 1}), "cancel", reason="x")
    assert not ReadyTask.objects.exists()
    assert Task.objects.get().status == "CANCELLED"


def test_cancelling_with_compensation_undoes_what_was_done(client: APIClient, alice: User) -> None:
    document = errand(
        workflowId="paid",
        compensationSteps=[
            {"stepId": "refund", "compensationFor": "run", "taskId": "errand", "input": {"n": "${steps.run.output.n}"}}
        ],
    )
    document["steps"][0]["next"] = "wait"
    document["steps"].append({"stepId": "wait", "type": "DELAY", "duration": "PT1H", "next": "done"})
    published(document)
    run = started(alice, "paid", {"n": 3})
    outside = Outside()
    outside.complete("run", {"n": 6})
    answer = steer(client, run, "cancel", reason="sorry", shouldCompensate=True)
    assert answer.json()["status"] == "COMPENSATING"
    assert steer(client, run, "cancel", reason="again").status_code == 409
    [claimed] = outside.claim()
    assert claimed.input == {"n": 6}
    outside.complete("refund", {})
    shown = client.get(f"{HERE}/{run.id}").json()
    assert shown["status"] == "CANCELLED"
    assert shown["compensationState"]["status"] == "COMPLETED"
    assert shown["compensationState"]["completed"] == ["refund"]


def test_suspending_stops_the_timer_and_resuming_gives_it_the_time_it_had_left(client: APIClient, alice: User) -> None:
    run = started(alice, "nap")
    pass_time(600)
    assert steer(client, run, "suspend", reason="lunch").json()["status"] == "SUSPENDED"
    timer = Timer.objects.get()
    assert timer.due_at is None
    assert timer.remaining == timedelta(minutes=50)
    pass_time(100_000)
    advance()
    assert client.get(f"{HERE}/{run.id}").json()["status"] == "SUSPENDED"
    assert steer(client, run, "resume").json()["status"] == "RUNNING"
    pass_time(49 * 60)
    advance()
    assert client.get(f"{HERE}/{run.id}").json()["status"] == "RUNNING"
    pass_time(61)
    advance()
    assert client.get(f"{HERE}/{run.id}").json()["status"] == "COMPLETED"


def test_a_suspended_runs_work_is_not_begun_before_it_is_resumed(client: APIClient, alice: User) -> None:
    run, outside = started(alice, "errand", {"n": 1}), Outside()
    steer(client, run, "suspend")
    assert outside.claim() == []
    steer(client, run, "resume")
    assert [task.step_id for task in outside.claim()] == ["run"]


def test_a_result_that_comes_while_a_run_is_suspended_is_kept_for_later(client: APIClient, alice: User) -> None:
    run, outside = started(alice, "errand", {"n": 1}), Outside()
    outside.claim()
    steer(client, run, "suspend")
    assert outside.complete("run", {"n": 2})
    assert InboxSignal.objects.get().held
    advance()
    assert client.get(f"{HERE}/{run.id}").json()["status"] == "SUSPENDED"
    steer(client, run, "resume")
    advance()
    shown = client.get(f"{HERE}/{run.id}").json()
    assert (shown["status"], shown["output"]) == ("COMPLETED", {"n": 2})


def test_a_failed_run_goes_on_from_where_it_failed(client: APIClient, alice: User) -> None:
    run, outside = started(alice, "errand", {"n": 1}), Outside()
    outside.fail("run", {"type": "PERMANENT", "code": "BROKEN", "message": "It broke."})
    failed = client.get(f"{HERE}/{run.id}").json()
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "BROKEN")
    answer = steer(client, run, "retry", reason="mended")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["completedAt"], answer.json()["error"]) == ("RUNNING", None, None)
    outside.complete("run", {"n": 2})
    shown = client.get(f"{HERE}/{run.id}").json()
    assert (shown["status"], shown["output"], shown["state"]["steps"]["run"]["visit"]) == ("COMPLETED", {"n": 2}, 2)


def test_a_retry_may_give_the_step_another_input(client: APIClient, alice: User) -> None:
    run, outside = started(alice, "errand", {"n": 5_000}), Outside()
    outside.fail("run", {"type": "PERMANENT", "code": "TOO_MUCH", "message": "x"})
    steer(client, run, "retry", stepId="run", input={"n": 5})
    [claimed] = outside.claim()
    assert claimed.input == {"n": 5}


def test_a_retry_from_an_unknown_step_is_422_with_its_pointer(client: APIClient, alice: User) -> None:
    run = started(alice, "nap")
    steer(client, run, "cancel", reason="x")
    answer = steer(client, run, "retry", stepId="slep")
    assert answer.status_code == 422
    [violation] = answer.json()["violations"]
    assert violation["pointer"] == "/stepId"
    assert "sleep" in violation["hint"]


def test_a_cancelled_run_can_be_retried(client: APIClient, alice: User) -> None:
    run = started(alice, "nap")
    steer(client, run, "cancel", reason="x")
    assert steer(client, run, "retry", stepId="sleep").json()["status"] == "RUNNING"
    assert Timer.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("running", ["resume", "retry"]),
        ("suspended", ["suspend", "retry"]),
        ("completed", ["cancel", "suspend", "resume", "retry"]),
        ("cancelled", ["cancel", "suspend", "resume"]),
    ],
)
def test_what_the_state_does_not_allow_is_409_and_changes_nothing(
    client: APIClient, alice: User, state: str, refused: list[str]
) -> None:
    run = started(alice, "greeting", {"name": "A"}) if state == "completed" else started(alice, "nap")
    before = {"suspended": "suspend", "cancelled": "cancel"}.get(state)
    if before:
        steer(client, run, before, reason="x")
    seq = client.get(f"{HERE}/{run.id}").json()["seq"]
    audited = AuditEntry.objects.count()
    for verb in refused:
        answer = steer(client, run, verb)
        assert answer.status_code == 409, verb
        assert answer.json()["detail"]
    assert client.get(f"{HERE}/{run.id}").json()["seq"] == seq
    assert AuditEntry.objects.count() == audited


def test_each_verb_leaves_an_audit_row_with_the_reason_and_both_states(client: APIClient, alice: User) -> None:
    run = started(alice, "nap")
    for verb in ("suspend", "resume", "cancel", "retry"):
        steer(client, run, verb, reason=f"because {verb}")
    rows = AuditEntry.objects.filter(resource="instance", resource_id=str(run.id)).order_by("at", "id")[1:]
    seen = [(row.action, row.details["reason"], row.details["before"], row.details["after"]) for row in rows]
    assert seen == [
        ("workflow.suspend", "because suspend", "RUNNING", "SUSPENDED"),
        ("workflow.resume", "because resume", "SUSPENDED", "RUNNING"),
        ("workflow.cancel", "because cancel", "RUNNING", "CANCELLED"),
        ("workflow.retry", "because retry", "CANCELLED", "RUNNING"),
    ]


def test_a_verb_under_one_key_is_done_once(client: APIClient, alice: User) -> None:
    run = started(alice, "nap")
    first = client.post(f"{HERE}/{run.id}/cancel", {"reason": "x"}, headers={"Idempotency-Key": "k"})
    again = client.post(f"{HERE}/{run.id}/cancel", {"reason": "x"}, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "body", [{"reson": "x"}, {"reason": "x" * 1_001}, {"reason": {"a": 1}}, {"shouldCompensate": "?"}]
)
def test_a_misspelt_or_wrong_field_is_422(client: APIClient, alice: User, body: Any) -> None:
    run = started(alice, "nap")
    assert steer(client, run, "cancel", **body).status_code == 422
    assert client.get(f"{HERE}/{run.id}").json()["status"] == "RUNNING"


def test_who_may_see_a_run_but_not_steer_it_is_told_so(api: Any, client: APIClient, alice: User, bob: User) -> None:
    run = started(alice, "approval")
    Task.objects.update(assignee=bob, status="ASSIGNED")
    for verb in ("cancel", "suspend", "resume", "retry"):
        assert steer(api(bob), run, verb, reason="x").status_code == 403
    assert StepExecution.objects.get().status in StepExecution.ACTIVE


def test_a_run_that_one_may_not_see_is_like_none(api: Any, client: APIClient, alice: User, bob: User) -> None:
    run = started(alice, "nap")
    for verb in ("cancel", "suspend", "resume", "retry"):
        answer = steer(api(bob), run, verb, reason="x")
        missing = api(bob).post(f"{HERE}/01890000-0000-7000-8000-000000000001/{verb}", {"reason": "x"})
        assert (answer.status_code, missing.status_code) == (404, 404)
