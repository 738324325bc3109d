"""A share of new starts on each of several versions: who gets which, what stays, who may say so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.workflows.models import WorkflowInstance
from apps.workflows.rules.traffic import choose
from apps.workflows.tests.factories import WorkflowDefinitionFactory, greeting, published, started

HERE = "/api/v1/workflows/definitions/greeting"
NAME = {"name": "Ada"}


@pytest.fixture
def client(db: None, api: Any, alice: User) -> APIClient:
    published(greeting())
    published(greeting(version="1.1.0"))
    return api(alice)


def split(client: APIClient, **body: Any) -> Any:
    return client.put(f"{HERE}/traffic", {"versions": {"1.1.0": 10, "1.0.0": 90}} | body)


def begun(alice: User, count: int) -> Counter[str]:
    """Versions of runs started with the correlation ids 0, 1, 2, …"""
    return Counter(
        started(alice, "greeting", NAME, correlation_id=str(each)).definition_version for each in range(count)
    )


def test_shares_are_kept_to_over_many_seeds() -> None:
    found = Counter(choose([("2", 10), ("1", 90)], str(each)) for each in range(10_000))
    assert 900 < found["2"] < 1_100


def test_who_got_the_newest_version_keeps_it_while_its_share_grows() -> None:
    few = {each for each in range(1_000) if choose([("2", 10), ("1", 90)], str(each)) == "2"}
    many = {each for each in range(1_000) if choose([("2", 30), ("1", 70)], str(each)) == "2"}
    assert few < many


@pytest.mark.parametrize(("shares", "expected"), [([("2", 0), ("1", 100)], "1"), ([("2", 100), ("1", 0)], "2")])
def test_a_share_of_nothing_gets_nothing(shares: list[tuple[str, int]], expected: str) -> None:
    assert {choose(shares, str(each)) for each in range(500)} == {expected}


def test_without_a_split_all_go_to_the_newest(client: APIClient, alice: User) -> None:
    assert client.get(f"{HERE}/traffic").json() == {"split": False, "versions": {"1.1.0": 100}}
    assert begun(alice, 3) == {"1.1.0": 3}


def test_starts_go_by_the_split_and_the_same_correlation_always_to_the_same_version(
    client: APIClient, alice: User
) -> None:
    answer = split(client, versions={"1.1.0": 50, "1.0.0": 50})
    assert answer.status_code == 200
    assert answer.json() == {"split": True, "versions": {"1.1.0": 50, "1.0.0": 50}}
    first = begun(alice, 12)
    assert set(first) == {"1.0.0", "1.1.0"}
    assert begun(alice, 12) == first
    wanted = {str(each): choose([("1.1.0", 50), ("1.0.0", 50)], f"greeting\0{each}") for each in range(12)}
    assert dict(WorkflowInstance.objects.values_list("correlation_id", "definition_version")) == wanted


def test_a_start_without_a_correlation_goes_by_its_own_id(client: APIClient, alice: User) -> None:
    split(client, versions={"1.1.0": 50, "1.0.0": 50})
    run = started(alice, "greeting", NAME)
    assert run.definition_version == choose([("1.1.0", 50), ("1.0.0", 50)], f"greeting\0{run.id}")


def test_a_batch_is_split_like_single_starts(client: APIClient, alice: User) -> None:
    split(client, versions={"1.1.0": 50, "1.0.0": 50})
    begun(alice, 8)
    single = dict(WorkflowInstance.objects.values_list("correlation_id", "definition_version"))
    instances = [{"workflowId": "greeting", "input": NAME, "correlationId": str(each)} for each in range(8)]
    ids = client.post("/api/v1/workflows/instances/batch", {"instances": instances}).json()["ids"]
    found = WorkflowInstance.objects.filter(id__in=ids).values_list("correlation_id", "definition_version")
    assert dict(found) == single


def test_who_asks_for_a_version_gets_it(client: APIClient, alice: User) -> None:
    split(client, versions={"1.1.0": 100})
    assert started(alice, "greeting", NAME, version="1.0.0").definition_version == "1.0.0"
    assert started(alice, "greeting", NAME).definition_version == "1.1.0"


def test_a_split_stays_when_another_version_is_published_which_gets_nothing(client: APIClient, alice: User) -> None:
    split(client)
    client.post("/api/v1/workflows/definitions", greeting(version="2.0.0"))
    answer = client.post(f"{HERE}/publish", {}).json()
    shares = {each["version"]: each["share"] for each in answer["versions"]}
    assert shares == {"2.0.0": 0, "1.1.0": 10, "1.0.0": 90}
    assert "2.0.0" not in begun(alice, 10)


def test_taking_the_split_away_gives_all_to_the_newest_again(client: APIClient, alice: User) -> None:
    split(client)
    assert client.delete(f"{HERE}/traffic").status_code == 204
    assert client.get(f"{HERE}/traffic").json() == {"split": False, "versions": {"1.1.0": 100}}
    assert begun(alice, 3) == {"1.1.0": 3}
    client.post("/api/v1/workflows/definitions", greeting(version="2.0.0"))
    client.post(f"{HERE}/publish", {})
    assert begun(alice, 3) == {"2.0.0": 3}


@pytest.mark.parametrize(
    ("versions", "code", "pointer"),
    [
        ({"1.1.0": 10, "1.0.0": 80}, "shares-must-add-to-100", "/versions"),
        ({"9.9.9": 10, "1.0.0": 90}, "version-not-published", "/versions/9.9.9"),
        ({"1.2.0": 10, "1.0.0": 90}, "version-not-published", "/versions/1.2.0"),
    ],
)
def test_a_split_that_cannot_be_is_422_with_a_pointer(
    client: APIClient, versions: dict[str, int], code: str, pointer: str
) -> None:
    WorkflowDefinitionFactory(document=greeting(version="1.2.0"), status="draft", published_at=None)
    answer = split(client, versions=versions)
    assert answer.status_code == 422
    [violation] = answer.json()["violations"]
    assert (violation["code"], violation["pointer"]) == (code, pointer)
    assert client.get(f"{HERE}/traffic").json()["split"] is False


@pytest.mark.parametrize(
    "versions", [{}, {"1.1.0": "many"}, {"1.1.0": 10.5, "1.0.0": 89.5}, {"1.1.0": -10, "1.0.0": 110}, [100], None]
)
def test_what_is_no_split_at_all_is_422(client: APIClient, versions: Any) -> None:
    assert split(client, versions=versions).status_code == 422


def test_splitting_an_unknown_workflow_is_404(client: APIClient) -> None:
    unknown = "/api/v1/workflows/definitions/nothing/traffic"
    assert client.get(unknown).status_code == 404
    assert client.put(unknown, {"versions": {"1.0.0": 100}}).status_code == 404
    assert client.delete(unknown).status_code == 404


def test_a_split_is_audited_with_what_was_before_and_why(client: APIClient) -> None:
    split(client, reason="try it out")
    client.delete(f"{HERE}/traffic")
    first, second = AuditEntry.objects.filter(action="workflow.split_starts").order_by("at", "id")
    assert first.details == {"before": {}, "after": {"1.1.0": 10, "1.0.0": 90}, "reason": "try it out"}
    assert (second.details["before"], second.details["after"]) == ({"1.1.0": 10, "1.0.0": 90}, {})
    assert second.actor.username == "alice"


def test_without_a_split_a_start_costs_no_statement_more(client: APIClient, alice: User) -> None:
    started(alice, "greeting", NAME)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        started(alice, "greeting", NAME)
    about = [each["sql"] for each in queries if "workflows_workflowdefinition" in each["sql"]]
    assert len(about) == 1
