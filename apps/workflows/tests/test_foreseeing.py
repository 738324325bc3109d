"""A preview says what a verb will do: what it says is what then happens, and looking changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.events.models import Event
from apps.tasks.models import Task
from apps.workflows.models import StepExecution, Timer, WorkflowInstance
from apps.workflows.tests.factories import approval, errand, flow, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, fresh, pass_time

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"
BROKEN = {"type": "PERMANENT", "code": "BROKEN", "message": "It broke."}


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def preview(client: APIClient, run: WorkflowInstance, operation: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{HERE}/{run.id}/preview", {"operation": operation, **body})
    assert answer.status_code == 200, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def of_kind(shown: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in shown["consequences"] if each["kind"] == kind]


def busy() -> dict[str, Any]:
    """Does two errands that can be undone, then waits in three ways at once."""
    ask = {
        "stepId": "ask",
        "name": "Ask",
        "type": "HUMAN_TASK",
        "taskDefinition": {"title": "Approve it", "assignee": "bob"},
    }
    branches = [
        {"name": "person", "steps": [ask]},
        {"name": "time", "steps": [{"stepId": "sleep", "name": "Sleep", "type": "DELAY", "duration": "PT1H"}]},
        {"name": "worker", "steps": [{"stepId": "work", "name": "Work", "taskId": "errand", "input": {"n": 1}}]},
    ]
    return flow(
        {"stepId": "pay", "name": "Pay", "taskId": "errand", "input": {"n": 1}, "next": "book"},
        {"stepId": "book", "name": "Book", "taskId": "errand", "input": {"n": 2}, "next": "fork"},
        {"stepId": "fork", "name": "Fork", "type": "PARALLEL", "branches": branches, "next": "tell"},
        {"stepId": "tell", "name": "Tell", "type": "EMIT_EVENT", "pattern": "it.happened"},
        compensationSteps=[
            {"stepId": "refund", "name": "Refund", "compensationFor": "pay", "taskId": "errand", "input": {"n": 1}},
            {"stepId": "unbook", "name": "Unbook", "compensationFor": "book", "taskId": "errand", "input": {"n": 1}},
        ],
        timeout="PT5H",
    )  # fmt: skip


@pytest.fixture
def run(alice: User, bob: User) -> WorkflowInstance:
    published(busy(), worker_task())
    made, outside = started(alice, "flow"), Outside()
    outside.complete("pay", {"n": 2})
    outside.complete("book", {"n": 4})
    return fresh(made)


def what_happened(run: WorkflowInstance, before: dict[str, set[Any]]) -> dict[str, Any]:
    """What a preview tells, read off the tables after the verb."""
    after = snapshot(run)
    rows = {each.id: each for each in StepExecution.objects.filter(instance_id=run.id)}
    gone = before["active"] - after["active"]
    new = [each for each in rows.values() if each.id not in before["executions"]]
    now = fresh(run)
    return {
        "STEP_CANCELLED": sorted(rows[each].step_id for each in gone if rows[each].status == "CANCELLED"),
        "STEP_SKIPPED": sorted(rows[each].step_id for each in gone if rows[each].status == "SKIPPED"),
        "TASK_WITHDRAWN": sorted(
            Task.objects.filter(id__in=before["tasks"], status="CANCELLED").values_list("step_id", flat=True)
        ),
        "begun": sorted(each.step_id for each in new),
        "EVENT_EMITTED": Event.objects.count() - len(before["events"]),
        "timers gone": len(before["timers"] - after["timers"]),
        "endsAs": now.status if now.completed_at else None,
    }


def what_was_said(shown: dict[str, Any]) -> dict[str, Any]:
    steps = {
        kind: sorted(each["stepId"] for each in of_kind(shown, kind)) for kind in ("STEP_CANCELLED", "STEP_SKIPPED")
    }
    return {
        **steps,
        "TASK_WITHDRAWN": sorted(each["stepId"] for each in of_kind(shown, "TASK_WITHDRAWN")),
        "begun": sorted(each["stepId"] for kind in ("STEP_BEGINS", "STEP_AGAIN") for each in of_kind(shown, kind)),
        "EVENT_EMITTED": sum(each["count"] for each in of_kind(shown, "EVENT_EMITTED")),
        "timers gone": len(of_kind(shown, "TIMER_STOPPED")),
        "endsAs": shown["endsAs"],
    }


def snapshot(run: WorkflowInstance) -> dict[str, set[Any]]:
    rows = StepExecution.objects.filter(instance_id=run.id)
    return {
        "executions": set(rows.values_list("id", flat=True)),
        "active": set(rows.filter(status__in=StepExecution.ACTIVE).values_list("id", flat=True)),
        "tasks": set(Task.objects.filter(status__in=Task.OPEN).values_list("id", flat=True)),
        "timers": set(Timer.objects.filter(instance_id=run.id).values_list("id", flat=True)),
        "events": set(Event.objects.values_list("id", flat=True)),
    }


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("cancel", {}),
        ("skip", {"stepId": "ask", "output": {}}),
        ("skip", {"stepId": "work", "output": {"n": 1}}),
        ("skip", {"stepId": "fork"}),
        ("move", {"from": "fork", "to": "pay"}),
        ("move", {"from": "fork", "to": "tell"}),
        ("move", {"from": "sleep", "to": "sleep"}),
    ],
)
def test_what_is_said_before_is_what_then_happens(
    client: APIClient, run: WorkflowInstance, operation: str, body: dict[str, Any]
) -> None:
    before = snapshot(run)
    said = what_was_said(preview(client, run, operation, **body))
    assert client.post(f"{HERE}/{run.id}/{operation}", body).status_code == 200
    assert what_happened(run, before) == said


def test_a_retry_happens_as_it_was_said(client: APIClient, run: WorkflowInstance) -> None:
    outside = Outside()
    outside.answer(Task.objects.get(type="MANUAL"), {}, "complete")
    outside.fail("work", BROKEN)
    assert fresh(run).status == "FAILED"
    before = snapshot(run)
    shown = preview(client, run, "retry")
    said = what_was_said(shown)
    client.post(f"{HERE}/{run.id}/retry", {})
    assert what_happened(run, before) == said
    assert said["begun"] == ["fork", "sleep", "work"]
    assert [each["stepId"] for each in of_kind(shown, "KEPT")] == ["ask"]
    assert Task.objects.filter(type="MANUAL").count() == 1


def test_a_retry_from_before_a_persons_step_says_that_they_may_be_asked_again(
    client: APIClient, run: WorkflowInstance
) -> None:
    outside = Outside()
    outside.answer(Task.objects.get(type="MANUAL"), {}, "complete")
    outside.fail("work", BROKEN)
    shown = preview(client, run, "retry", stepId="book")
    assert of_kind(shown, "KEPT") == []
    assert {each["stepId"] for each in of_kind(shown, "STEP_AGAIN")} == {"book", "ask"}


def test_cancelling_is_foretold_in_sentences(client: APIClient, run: WorkflowInstance) -> None:
    shown = preview(client, run, "cancel", shouldCompensate=True)
    sentences = [each["sentence"] for each in shown["consequences"]]
    assert "Cancels the open task “Approve it” of bob." in sentences
    assert "Takes “Work” out of the queue." in sentences
    assert "Undoes 2 completed steps: Unbook, Refund." in sentences
    assert any(each.startswith("Stops the timer of “Sleep” that would fire at ") for each in sentences)
    assert "The run ends as CANCELLED once that is done." in sentences
    assert shown["endsAs"] == "CANCELLED"
    assert shown["sentence"] == "The run undoes what it has done, and then ends as CANCELLED."
    Outside().claim()
    again = preview(client, run, "cancel")
    assert [each["sentence"] for each in of_kind(again, "TASK_WITHDRAWN")][1].startswith("A worker is at “Work”")


def test_only_a_step_that_the_run_has_been_at_is_said_to_be_done_again(
    client: APIClient, run: WorkflowInstance
) -> None:
    forward = preview(client, run, "move", **{"from": "fork", "to": "tell"})
    back = preview(client, run, "move", **{"from": "fork", "to": "pay"})
    assert [each["stepId"] for each in of_kind(forward, "STEP_BEGINS")] == ["tell"]
    assert [each["stepId"] for each in of_kind(back, "STEP_AGAIN")] == ["pay"]


def test_looking_writes_nothing(client: APIClient, run: WorkflowInstance) -> None:
    def rows() -> list[Any]:
        tables = ("workflowinstance", "stepexecution", "historyrecord", "timer", "inboxsignal")
        with connection.cursor() as cursor:
            found = []
            for table in tables:
                cursor.execute(f"SELECT t::text FROM workflows_{table} t ORDER BY 1")
                found.append(cursor.fetchall())
        return found

    before = (rows(), Task.objects.count(), Event.objects.count(), AuditEntry.objects.count())
    for operation, body in {
        "cancel": {"shouldCompensate": True}, "suspend": {}, "resume": {}, "retry": {}, "signal": {"name": "a.b"},
        "skip": {"stepId": "ask"}, "move": {"from": "fork", "to": "pay"}, "migrate": {"version": "1.0.0"},
    }.items():  # fmt: skip
        preview(client, run, operation, **body)
    assert (rows(), Task.objects.count(), Event.objects.count(), AuditEntry.objects.count()) == before


@pytest.mark.parametrize(
    ("operation", "body", "remedy"),
    [
        ("resume", {}, "under way"),
        ("retry", {}, "skip the step it stands at"),
        ("move", {"to": "nowhere", "from": "fork"}, "pay"),
        ("skip", {"stepId": "pay"}, "It stands at"),
        ("signal", {"name": "a.b"}, "no event"),
        ("migrate", {"version": "9.9.9"}, "no published version"),
    ],
)
def test_what_would_be_refused_is_said_with_what_would_have_to_be_different(
    client: APIClient, run: WorkflowInstance, operation: str, body: dict[str, Any], remedy: str
) -> None:
    shown = preview(client, run, operation, **body)
    assert (shown["allowed"], shown["consequences"], shown["endsAs"]) == (False, [], None)
    assert remedy in shown["refusal"]


def test_a_field_that_does_not_fit_is_pointed_to(client: APIClient, run: WorkflowInstance) -> None:
    shown = preview(client, run, "move", **{"from": "ask", "to": "sleep"})
    assert [each["pointer"] for each in shown["violations"]] == ["/to"]
    answer = client.post(f"{HERE}/{run.id}/preview", {"operation": "cancel", "to": "x"})
    assert (answer.status_code, answer.json()["violations"][0]["pointer"]) == (422, "/to")
    assert client.post(f"{HERE}/{run.id}/preview", {"operation": "explode"}).status_code == 422


def test_a_skip_without_what_later_steps_read_is_warned_of(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    made = started(alice, "errand", {"n": 1})
    shown = preview(client, made, "skip")
    [warning] = shown["violations"]
    assert (warning["severity"], warning["pointer"]) == ("warning", "/output")
    assert "steps.run.output.n" in warning["message"]
    assert preview(client, made, "skip", output={"n": 3})["violations"] == []


def test_suspending_and_resuming_say_what_becomes_of_the_timers(client: APIClient, alice: User) -> None:
    published(nap())
    made = started(alice, "nap")
    [stopped] = of_kind(preview(client, made, "suspend"), "TIMER_STOPPED")
    assert "rests with the time it has left" in stopped["sentence"]
    client.post(f"{HERE}/{made.id}/suspend", {})
    pass_time(100)
    assert len(of_kind(preview(client, made, "resume"), "TIMER_RESUMED")) == 1


def test_a_migration_says_where_the_run_stays(client: APIClient, alice: User) -> None:
    published(nap())
    made = started(alice, "nap")
    renamed = nap(version="1.1.0")
    renamed["steps"][0]["stepId"] = "rest"
    published(renamed)
    shown = preview(client, made, "migrate", version="1.1.0")
    assert (shown["allowed"], shown["violations"][0]["pointer"]) == (False, "/mapping/sleep")
    shown = preview(client, made, "migrate", version="1.1.0", mapping={"sleep": "rest"})
    assert (shown["allowed"], of_kind(shown, "KEPT")[0]["stepId"]) == (True, "rest")
    assert fresh(made).definition_version == "1.0.0"


def test_a_retry_on_another_version_is_foretold_without_pinning_the_run_to_it(client: APIClient, alice: User) -> None:
    published(nap())
    made = started(alice, "nap")
    client.post(f"{HERE}/{made.id}/cancel", {})
    published(nap("PT9H", version="1.1.0"))
    shown = preview(client, made, "retry", version="latest")
    assert "The run goes on with version 1.1.0." in [each["sentence"] for each in shown["consequences"]]
    assert [each["stepId"] for each in of_kind(shown, "STEP_AGAIN")] == ["sleep"]
    assert (fresh(made).definition_version, fresh(made).status) == ("1.0.0", "CANCELLED")


def test_who_may_not_use_the_verb_may_not_look_at_what_it_would_do(
    api: Any, alice: User, bob: User, charlie: User
) -> None:
    published(approval())
    made = started(alice, "approval")
    Task.objects.update(assignee=bob, status="ASSIGNED")
    for actor, status in ((bob, 403), (charlie, 404)):
        answer = api(actor).post(f"{HERE}/{made.id}/preview", {"operation": "skip", "stepId": "x"})
        assert answer.status_code == status
        assert "ask" not in answer.content.decode()
