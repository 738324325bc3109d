"""The list of runs: filters, search, pages, and who sees which."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.tasks.models import Task
from apps.workflows.models import WorkflowInstance
from apps.workflows.tests.factories import approval, greeting, nap, published, started

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    published(greeting())
    published(nap())
    return api(alice)


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


def listed(client: APIClient, **query: Any) -> list[str]:
    return ids(client.get(HERE, query).json())


def test_runs_are_listed_the_latest_first(client: APIClient, alice: User) -> None:
    runs = [started(alice, "nap") for _ in range(3)]
    assert listed(client) == [str(run.id) for run in reversed(runs)]


def test_runs_are_filtered_by_status_several_at_once(client: APIClient, alice: User) -> None:
    done, waits = started(alice, "greeting", {"name": "A"}), started(alice, "nap")
    assert listed(client, status="COMPLETED") == [str(done.id)]
    assert listed(client, status="RUNNING") == [str(waits.id)]
    assert len(listed(client, status=["RUNNING", "COMPLETED"])) == 2
    assert listed(client, status="NO_SUCH") == []


def test_runs_are_filtered_by_workflow_and_correlation(client: APIClient, alice: User) -> None:
    mine = started(alice, "nap", correlation_id="order-1")
    started(alice, "nap", correlation_id="order-2")
    started(alice, "greeting", {"name": "A"}, correlation_id="order-1")
    assert listed(client, workflowId="nap", correlationId="order-1") == [str(mine.id)]


def test_search_finds_an_id_a_correlation_and_how_a_workflow_begins(client: APIClient, alice: User) -> None:
    run = started(alice, "nap", correlation_id="order-1")
    started(alice, "greeting", {"name": "A"})
    for text in (str(run.id), "order-1", "na", f" {run.id} "):
        assert listed(client, search=text) == [str(run.id)], text
    assert listed(client, search="order") == []
    assert listed(client, search="%") == []


def test_runs_are_filtered_by_when_they_started(client: APIClient, alice: User) -> None:
    old, new = started(alice, "nap"), started(alice, "nap")
    WorkflowInstance.objects.filter(id=old.id).update(started_at=old.started_at - timedelta(days=2))
    yesterday = (new.started_at - timedelta(days=1)).isoformat()
    assert listed(client, startedAfter=yesterday) == [str(new.id)]
    assert listed(client, startedBefore=yesterday) == [str(old.id)]


@pytest.mark.parametrize(
    "query",
    ["startedAfter=yesterday", "startedAfter=2026-01-01T00:00:00", "startedBefore=2026-13-01T00:00:00Z", "search=%00",
     "status=%00", "limit=0", "cursor=x", "ordering=input"],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_is_400(client: APIClient, query: str) -> None:
    answer = client.get(f"{HERE}?{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_pages_hold_every_run_once_although_new_ones_come_in_between(client: APIClient, alice: User) -> None:
    runs = [str(started(alice, "nap").id) for _ in range(5)]
    page = client.get(HERE, {"limit": 2, "status": "RUNNING"}).json()
    found = ids(page)
    while page["next"]:
        started(alice, "nap")
        page = client.get(page["next"]).json()
        found += ids(page)
    assert found == list(reversed(runs))


def test_a_longer_list_costs_no_more_queries(client: APIClient, alice: User) -> None:
    started(alice, "nap")
    client.get(HERE)
    with CaptureQueriesContext(connection) as few:
        client.get(HERE)
    for _ in range(10):
        started(alice, "nap")
    with CaptureQueriesContext(connection) as many:
        assert len(listed(client)) == 11
    assert len(many) == len(few)


def test_a_manager_sees_the_runs_that_they_have_or_had_a_task_in(api: Any, alice: User, bob: User) -> None:
    published(approval())
    theirs, free, done = (started(alice, "approval") for _ in range(3))
    Task.objects.filter(workflow_instance_id=theirs.id).update(assignee=bob, status="ASSIGNED")
    task = Task.objects.get(workflow_instance_id=done.id)
    api(bob).post(f"/api/v1/tasks/{task.id}/claim")
    assert api(bob).post(f"/api/v1/tasks/{task.id}/complete", {"action": "approve", "output": {}}).status_code == 200
    assert set(listed(api(bob))) == {str(theirs.id), str(done.id)}
    assert api(bob).get(f"{HERE}/{free.id}").status_code == 404


def test_a_service_sees_only_the_runs_that_it_started(api: Any, alice: User) -> None:
    published(nap())
    robot = UserFactory(username="robot", roles=["service"])
    own, other = started(robot, "nap"), started(alice, "nap")
    assert listed(api(robot)) == [str(own.id)]
    assert api(robot).get(f"{HERE}/{own.id}").status_code == 200
    assert api(robot).get(f"{HERE}/{other.id}").status_code == 404
    assert listed(api(robot), search=str(other.id)) == []


def test_an_outsider_sees_none(api: Any, alice: User, charlie: User) -> None:
    published(nap())
    started(alice, "nap")
    assert listed(api(charlie)) == []
