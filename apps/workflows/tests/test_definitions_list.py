"""The list of workflows: newest versions, search, counts, pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.workflows.models import WorkflowDefinition
from apps.workflows.tests.factories import WorkflowDefinitionFactory, approval, greeting, nap, started

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/definitions"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def keys(page: dict[str, Any]) -> list[str]:
    return [item["workflowId"] for item in page["items"]]


def make(count: int) -> None:
    for number in range(count):
        WorkflowDefinitionFactory(document=greeting(workflowId=f"flow-{number:02}", name=f"Flow {number}"))


def test_a_workflow_is_listed_once_with_its_latest_and_its_published_version(client: APIClient) -> None:
    WorkflowDefinitionFactory(document=greeting(version="1.2.0"))
    WorkflowDefinitionFactory(
        document=greeting(version="1.10.0"), status=WorkflowDefinition.Status.DRAFT, published_at=None
    )
    [item] = client.get(HERE).json()["items"]
    assert (item["latestVersion"], item["publishedVersion"], item["status"]) == ("1.10.0", "1.2.0", "draft")


def test_search_finds_parts_of_id_name_and_description(client: APIClient) -> None:
    WorkflowDefinitionFactory(document=greeting())
    WorkflowDefinitionFactory(document=nap())
    WorkflowDefinitionFactory(document=approval(description="Needs a MANAGER"))
    assert keys(client.get(HERE, {"search": "reet"}).json()) == ["greeting"]
    assert keys(client.get(HERE, {"search": "says HELLO"}).json()) == ["greeting"]
    assert keys(client.get(HERE, {"search": "manager"}).json()) == ["approval"]
    assert keys(client.get(HERE, {"search": "%"}).json()) == []
    assert keys(client.get(HERE, {"search": "' OR 1=1 --"}).json()) == []


def test_status_filters_by_the_newest_version(client: APIClient) -> None:
    WorkflowDefinitionFactory()
    WorkflowDefinitionFactory(document=nap(), status=WorkflowDefinition.Status.DRAFT, published_at=None)
    assert keys(client.get(HERE, {"status": "draft"}).json()) == ["nap"]
    assert keys(client.get(HERE, {"status": "published"}).json()) == ["greeting"]


def test_pages_hold_every_workflow_once_forwards_and_backwards(client: APIClient) -> None:
    make(7)
    page = client.get(HERE, {"limit": 3}).json()
    pages = [keys(page)]
    while page["next"]:
        page = client.get(page["next"]).json()
        pages.append(keys(page))
    wanted = [f"flow-{number:02}" for number in range(7)]
    assert pages == [wanted[:3], wanted[3:6], wanted[6:]]
    back = client.get(page["previous"]).json()
    assert keys(back) == wanted[3:6]


def test_a_page_is_where_it_was_when_rows_come_in_before_it(client: APIClient) -> None:
    make(4)
    first = client.get(HERE, {"limit": 2}).json()
    WorkflowDefinitionFactory(document=greeting(workflowId="a-new-one"))
    assert keys(client.get(first["next"]).json()) == ["flow-02", "flow-03"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=-1", "cursor=forged", "ordering=document", "cursor=%00"]
)
def test_a_bad_page_request_is_400(client: APIClient, query: str) -> None:
    make(1)
    answer = client.get(f"{HERE}?{query}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_search_for_nul_is_no_server_error(client: APIClient) -> None:
    assert client.get(f"{HERE}?search=%00").status_code in (200, 400)
    assert client.get(f"{HERE}?status=%00").status_code in (200, 400)
    assert client.get(f"{HERE}/a%00b").status_code in (400, 404)


def test_ordering_by_name_descending(client: APIClient) -> None:
    make(3)
    assert keys(client.get(HERE, {"ordering": "-name"}).json()) == ["flow-02", "flow-01", "flow-00"]


def test_counts_of_runs_stand_beside_each_workflow(client: APIClient, alice: User) -> None:
    WorkflowDefinitionFactory()
    WorkflowDefinitionFactory(document=nap())
    started(alice, "greeting", {"name": "Ada"})
    started(alice, "nap")
    started(alice, "nap")
    counts = {item["workflowId"]: item["instances"] for item in client.get(HERE).json()["items"]}
    assert counts["greeting"] == {"running": 0, "failed": 0, "recent": 1}
    assert counts["nap"] == {"running": 2, "failed": 0, "recent": 2}
    assert client.get(f"{HERE}/nap").json()["instances"] == counts["nap"]


def test_a_longer_list_costs_no_more_queries(client: APIClient) -> None:
    make(2)
    client.get(HERE)  # reads the caller's roles
    with CaptureQueriesContext(connection) as few:
        client.get(HERE)
    for number in range(20):
        WorkflowDefinitionFactory(document=greeting(workflowId=f"more-{number}"))
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(HERE).json()["items"]) == 22
    assert len(many) == len(few)
