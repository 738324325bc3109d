"""One run over HTTP: its picture, its history, what it waits for."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.workflows.engine.history import fold
from apps.workflows.tests.factories import approval, greeting, nap, published, started

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


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


def test_the_history_comes_from_its_end_too(client: APIClient, alice: User) -> None:
    published(greeting())
    run = started(alice, "greeting", {"name": "Ada"})
    page = client.get(f"{HERE}/{run.id}/history?before=7&limit=4").json()
    assert [item["seq"] for item in page["items"]] == [3, 4, 5, 6]
    page = client.get(page["next"]).json()
    assert [item["seq"] for item in page["items"]] == [1, 2]
    assert page["next"] is None
    assert client.get(f"{HERE}/{run.id}/history?before=1").json() == {"items": [], "next": None}


def test_the_history_of_one_step_comes_in_pages_from_either_end(client: APIClient, alice: User) -> None:
    published(greeting())
    run = started(alice, "greeting", {"name": "Ada"})
    whole = client.get(f"{HERE}/{run.id}/history").json()["items"]
    step = whole[1]["stepId"]
    wanted = [item["seq"] for item in whole if item.get("stepId") == step]
    assert len(wanted) == 2
    for query in ("limit=1", "limit=1&before=99"):
        found, link = [], f"{HERE}/{run.id}/history?stepId={step}&{query}"
        while link:
            page = client.get(link).json()
            found += [item["seq"] for item in page["items"]]
            link = page["next"]
        assert sorted(found) == wanted
    assert client.get(f"{HERE}/{run.id}/history?stepId=nowhere").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        "before=-1",
        "before=3&after=1",
        "before=3&at=2",
        "after=-1",
        "after=x",
        "limit=x",
        "limit=1e3",
        "after=99999999999",
    ],
)
def test_a_bad_page_of_history_is_400(client: APIClient, alice: User, query: str) -> None:
    published(nap())
    assert client.get(f"{HERE}/{started(alice, 'nap').id}/history?{query}").status_code == 400
