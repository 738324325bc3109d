"""A run as it was: `history?at=` gives the entries up to a point and the state they lead to."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.tasks.models import Task
from apps.workflows.models import HistoryRecord, WorkflowInstance
from apps.workflows.selectors import past
from apps.workflows.tests.factories import approval, errand, greeting, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, fresh

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def at(client: APIClient, run: WorkflowInstance, point: Any, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{HERE}/{run.id}/history", {"at": point, **query})
    assert answer.status_code == 200, answer.json()
    return answer.json()


def picture(client: APIClient, run: WorkflowInstance) -> dict[str, Any]:
    """What the run's own page shows, in the terms of a past state."""
    shown = client.get(f"{HERE}/{run.id}").json()
    return {
        "seq": shown["seq"],
        "status": shown["status"],
        "definitionVersion": shown["definitionVersion"],
        "variables": shown["state"]["variables"],
        "currentStepId": shown["state"]["currentStepId"],
        "output": shown["output"],
        "error": shown["error"],
        "cancellation": shown["cancellation"],
        "steps": {
            name: {field: step[field] for field in ("visit", "attempts", "output", "outcome", "executionId")}
            for name, step in shown["state"]["steps"].items()
        },
    }


def as_then(state: dict[str, Any]) -> dict[str, Any]:
    steps = {
        name: {field: step[field] for field in ("visit", "attempts", "output", "outcome", "executionId")}
        for name, step in state["steps"].items()
    }
    kept = ("seq", "status", "definitionVersion", "variables", "currentStepId", "output", "error", "cancellation")
    return {field: state[field] for field in kept} | {"steps": steps}


def test_every_state_a_run_was_ever_seen_in_can_be_had_again(client: APIClient, alice: User) -> None:
    document = approval(variables={"asked": {"initial": 0}})
    document["steps"][0] |= {
        "setVariables": {"asked": "vars.asked + 1"},
        "transitions": {"reject": "no", "approve": "do"},
    }
    document["steps"].append(
        {"stepId": "do", "taskId": "errand", "input": {"n": 1}, "retryPolicy": {"maxAttempts": 2, "delay": "PT0S"},
         "next": "yes"}
    )  # fmt: skip
    published(document, worker_task())
    outside = Outside()
    run = started(alice, "approval")
    seen = [picture(client, run)]

    def look() -> None:
        seen.append(picture(client, run))

    client.post(f"{HERE}/{run.id}/suspend", {"reason": "lunch"})
    look()
    client.post(f"{HERE}/{run.id}/resume", {})
    look()
    outside.answer(Task.objects.get(), {"note": "go on"}, "approve")
    look()
    outside.fail("do", {"type": "TRANSIENT", "code": "BUSY", "message": "Later.", "retryable": True})
    look()
    outside.fail("do", {"type": "PERMANENT", "code": "BROKEN", "message": "No."})
    look()
    client.post(f"{HERE}/{run.id}/retry", {"stepId": "do", "reason": "mended"})
    look()
    client.post(f"{HERE}/{run.id}/cancel", {"reason": "no need"})
    look()
    assert [each["status"] for each in seen] == [
        "RUNNING", "SUSPENDED", "RUNNING", "RUNNING", "RUNNING", "FAILED", "RUNNING", "CANCELLED",
    ]  # fmt: skip
    for each in seen:
        assert as_then(at(client, run, each["seq"])["state"]) == each


def test_the_entries_end_at_the_point_and_come_in_pages(client: APIClient, alice: User) -> None:
    published(greeting())
    run = started(alice, "greeting", {"name": "Ada"})
    page = at(client, run, 4, limit=3)
    assert [item["seq"] for item in page["items"]] == [1, 2, 3]
    assert page["state"]["seq"] == 4
    page = client.get(page["next"]).json()
    assert ([item["seq"] for item in page["items"]], page["next"]) == ([4], None)
    assert "state" not in page


def test_a_step_that_had_not_ended_shows_no_result_yet(client: APIClient, alice: User) -> None:
    published(greeting())
    run = started(alice, "greeting", {"name": "Ada"})
    before, after = at(client, run, 2)["state"], at(client, run, 3)["state"]
    assert (before["steps"]["greet"]["status"], before["steps"]["greet"]["output"]) == ("RUNNING", None)
    assert [each["stepId"] for each in before["positions"]] == ["greet"]
    assert (after["steps"]["greet"]["status"], after["steps"]["greet"]["output"]) == (
        "COMPLETED",
        {"text": "Hello Ada"},
    )
    assert (after["positions"], after["open"]) == ([], 0)


def test_a_point_can_be_a_time(client: APIClient, alice: User) -> None:
    published(nap())
    run = started(alice, "nap")
    begun = HistoryRecord.objects.get(instance_id=run.id)
    HistoryRecord.objects.filter(instance_id=run.id).update(at="2026-05-01T10:00:00Z")
    client.post(f"{HERE}/{run.id}/suspend", {"reason": "lunch"})
    HistoryRecord.objects.filter(instance_id=run.id, first_seq__gt=begun.last_seq).update(at="2026-05-01T10:32:00Z")
    assert at(client, run, "2026-05-01T09:59:59Z")["state"]["status"] == "CREATED"
    assert at(client, run, "2026-05-01T10:31:00Z")["state"]["status"] == "RUNNING"
    later = at(client, run, "2026-05-01T12:32:00+02:00")["state"]
    assert later["status"] == "SUSPENDED"
    assert (later["suspension"]["reason"], later["suspension"]["requestedBy"]) == ("lunch", "alice")
    assert at(client, run, "2027-01-01T00:00:00Z")["state"]["seq"] == fresh(run).seq


@pytest.mark.parametrize("point", ["yesterday", "-1", "1.5", "2026-05-01", "2026-05-01T10:00:00", "99999999999999"])
def test_a_point_that_is_none_is_refused(client: APIClient, alice: User, point: str) -> None:
    published(nap())
    answer = client.get(f"{HERE}/{started(alice, 'nap').id}/history", {"at": point})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_before_a_migration_the_run_is_on_its_old_version(client: APIClient, alice: User) -> None:
    published(nap())
    renamed = nap(version="1.1.0")
    renamed["steps"][0]["stepId"] = "rest"
    run = started(alice, "nap")
    published(renamed)
    body = {"version": "1.1.0", "mapping": {"sleep": "rest"}, "reason": "a better name"}
    assert client.post(f"{HERE}/{run.id}/migrate", body).status_code == 200
    now, then = at(client, run, fresh(run).seq)["state"], at(client, run, fresh(run).seq - 1)["state"]
    assert (now["definitionVersion"], list(now["steps"]), now["currentStepId"]) == ("1.1.0", ["rest"], "rest")
    assert "document" not in now
    assert (then["definitionVersion"], list(then["steps"]), then["currentStepId"]) == ("1.0.0", ["sleep"], "sleep")
    assert then["document"]["version"] == "1.0.0"


def test_looking_back_takes_no_more_statements_the_longer_the_run(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    short, long = started(alice, "errand", {"n": 1}), started(alice, "errand", {"n": 1})
    for _ in range(30):
        client.post(f"{HERE}/{long.id}/suspend", {})
        client.post(f"{HERE}/{long.id}/resume", {})
    counts = []
    for run in (short, long):
        run = fresh(run)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert past.state_at(run, run.seq)["status"] == "RUNNING"
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_who_may_not_see_a_run_may_not_see_its_past(api: Any, alice: User, charlie: User) -> None:
    published(nap())
    assert api(charlie).get(f"{HERE}/{started(alice, 'nap').id}/history", {"at": 1}).status_code in (403, 404)
