"""One run over HTTP: its picture, its history, what it waits for."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.workflows.engine.history import fold
from apps.workflows.models import WorkflowInstance
from apps.workflows.tests.factories import approval, errand, greeting, nap, published, started, worker_task
from apps.workflows.tests.live import Outside

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def explanation(client: APIClient, run: WorkflowInstance) -> dict[str, Any]:
    return client.get(f"{HERE}/{run.id}/explain").json()


def test_the_picture_of_a_finished_run_has_every_field(client: APIClient, alice: User) -> None:
    published(greeting(variables={"mood": {"initial": "good"}}))
    run = started(alice, "greeting", {"name": "Ada"}, correlation_id="order-7")
    shown = client.get(f"{HERE}/{run.id}").json()
    assert set(shown) == {
        "id", "workflowDefinitionId", "workflowName", "definitionVersion", "status", "input", "output", "error",
        "correlationId", "version", "seq", "state", "currentStepId", "startedBy", "startedAt", "updatedAt", "completedAt",
        "parentInstanceId", "triggerEventId", "cancellation", "compensationState", "document",
    }  # fmt: skip
    assert shown["workflowDefinitionId"] == "greeting"
    assert shown["workflowName"] == "Greeting"
    assert shown["startedBy"] == "alice"
    assert shown["correlationId"] == "order-7"
    assert shown["input"] == {"name": "Ada"}
    assert shown["error"] is None
    assert shown["state"]["variables"] == {"mood": "good"}
    assert shown["state"]["waitingFor"] == []
    greet = shown["state"]["steps"]["greet"]
    assert greet["status"] == "COMPLETED"
    assert greet["output"] == {"text": "Hello Ada"}
    assert (greet["visit"], greet["attempts"], greet["error"], greet["taskId"]) == (1, 1, None, None)
    assert greet["startedAt"]
    assert greet["completedAt"]


def test_a_persons_task_is_what_the_run_waits_for(client: APIClient, alice: User) -> None:
    published(approval())
    run = started(alice, "approval")
    shown = client.get(f"{HERE}/{run.id}").json()
    [waiting] = shown["state"]["waitingFor"]
    assert waiting["kind"] == "HUMAN"
    assert waiting["stepId"] == "ask"
    assert waiting["title"] == "Approve it"
    assert waiting["taskId"] == shown["state"]["steps"]["ask"]["taskId"]
    assert shown["state"]["currentStepId"] == "ask"


def test_a_timer_is_what_the_run_waits_for(client: APIClient, alice: User) -> None:
    published(nap())
    [waiting] = client.get(f"{HERE}/{started(alice, 'nap').id}").json()["state"]["waitingFor"]
    assert (waiting["kind"], waiting["stepId"]) == ("TIMER", "sleep")
    assert waiting["dueAt"] > waiting["since"]


def test_the_etag_changes_with_the_run(client: APIClient, alice: User) -> None:
    published(nap())
    run = started(alice, "nap")
    before = client.get(f"{HERE}/{run.id}").headers["ETag"]
    client.post(f"{HERE}/{run.id}/suspend", {})
    assert client.get(f"{HERE}/{run.id}").headers["ETag"] != before


def test_the_history_is_numbered_without_a_gap_and_folds_to_the_state(client: APIClient, alice: User) -> None:
    published(greeting())
    run = started(alice, "greeting", {"name": "Ada"})
    items = client.get(f"{HERE}/{run.id}/history").json()["items"]
    assert [item["seq"] for item in items] == list(range(1, run.seq + 1))
    assert [item["type"] for item in items] == [
        "INSTANCE_STARTED", "STEP_STARTED", "STEP_COMPLETED", "STEP_STARTED", "STEP_COMPLETED", "INSTANCE_COMPLETED",
    ]  # fmt: skip
    assert all(item["at"] for item in items)
    assert fold(items).status == run.status


def test_the_history_comes_in_pages(client: APIClient, alice: User) -> None:
    published(greeting())
    run = started(alice, "greeting", {"name": "Ada"})
    page = client.get(f"{HERE}/{run.id}/history?limit=4").json()
    found = [item["seq"] for item in page["items"]]
    assert found == [1, 2, 3, 4]
    page = client.get(page["next"]).json()
    assert [item["seq"] for item in page["items"]] == [5, 6]
    assert page["next"] is None
    assert client.get(f"{HERE}/{run.id}/history?after=6").json() == {"items": [], "next": None}


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=x", "limit=1e3", "after=99999999999"])
def test_a_bad_page_of_history_is_400(client: APIClient, alice: User, query: str) -> None:
    published(nap())
    assert client.get(f"{HERE}/{started(alice, 'nap').id}/history?{query}").status_code == 400


def test_explain_names_the_person_who_has_the_task(client: APIClient, alice: User) -> None:
    document = approval()
    document["steps"][0]["taskDefinition"] |= {"assignee": "bob"}
    published(document)
    said = explanation(client, started(alice, "approval"))
    assert said["sentence"] == "Waits for bob to complete “Approve it”."
    assert said["movesWhen"] == "bob completes the task."
    assert said["since"]


def test_explain_names_those_who_may_take_a_task(client: APIClient, alice: User) -> None:
    published(approval())
    said = explanation(client, started(alice, "approval"))
    assert said["sentence"] == "“Approve it” is open to manager; nobody has taken it yet."


def test_explain_says_until_when_a_timer_runs(client: APIClient, alice: User) -> None:
    published(nap())
    assert explanation(client, started(alice, "nap"))["sentence"].startswith("Waits at sleep until ")


def test_explain_tells_a_task_that_no_worker_has_done(client: APIClient, alice: User) -> None:
    published(errand(), worker_task())
    assert explanation(client, started(alice, "errand", {"n": 1}))["sentence"] == "A worker is to run run, or is at it."


def test_explain_tells_what_failed_and_is_tried_again(client: APIClient, alice: User) -> None:
    document = errand()
    document["steps"][0]["retryPolicy"] = {"maxAttempts": 3, "delay": "PT10M", "retryableErrors": ["TOO_MUCH"]}
    published(document, worker_task())
    run = started(alice, "errand", {"n": 5_000})
    Outside().fail("run", {"type": "PERMANENT", "code": "TOO_MUCH", "message": "That is too much."})
    said = explanation(client, run)
    assert "That is too much." in said["sentence"]
    assert "again" in said["sentence"]
    assert "2" in said["movesWhen"]


def test_explain_counts_open_branches(client: APIClient, alice: User) -> None:
    branches = [{"name": name, "steps": [{"stepId": name, "type": "DELAY", "duration": "PT1H"}]} for name in ("a", "b")]
    published(nap(workflowId="both", steps=[{"stepId": "fork", "type": "PARALLEL", "branches": branches}]))
    said = explanation(client, started(alice, "both"))
    assert said["sentence"] == "2 branches are open: a, b."
    assert [each["stepId"] for each in said["waitingFor"]] == ["a", "b"]


def test_explain_tells_how_a_run_ended(client: APIClient, alice: User) -> None:
    published(greeting())
    published(nap())
    published(nap(workflowId="broken", steps=[{"stepId": "b", "type": "TRANSFORM", "output": "${input.none}"}]))
    assert explanation(client, started(alice, "greeting", {"name": "A"}))["sentence"] == "The run is complete."
    failed = explanation(client, started(alice, "broken"))
    assert failed["sentence"].startswith("The run failed at b: ")
    run = started(alice, "nap")
    client.post(f"{HERE}/{run.id}/suspend", {"reason": "lunch"})
    assert explanation(client, run)["sentence"].startswith("The run is suspended")
    client.post(f"{HERE}/{run.id}/cancel", {"reason": "no need"})
    assert explanation(client, run)["sentence"] == "The run was cancelled: no need"


def test_explain_tells_of_a_run_that_no_worker_has_begun(client: APIClient) -> None:
    published(nap())
    [run_id] = client.post(f"{HERE}/batch", {"instances": [{"workflowId": "nap"}]}).json()["ids"]
    assert client.get(f"{HERE}/{run_id}/explain").json()["sentence"] == "The run is accepted and has not begun."
