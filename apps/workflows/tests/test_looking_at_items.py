"""A run that goes through a list, over HTTP: how far it is, in as few words for ten thousand items as for three."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.workflows.models import WorkflowInstance
from apps.workflows.tests.factories import flow, published, started, worker_task
from apps.workflows.tests.live import Outside, advance

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


@pytest.fixture
def outside() -> Outside:
    return Outside()


def lines(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    each = {"stepId": "lines", "name": "Check lines", "type": "FOR_EACH", "items": "input.items", "steps": list(steps)}
    return flow(each | {"concurrency": 2, "onItemFailure": "CONTINUE"} | more)


CALL = {"stepId": "check", "type": "TASK", "taskId": "errand", "input": {"n": "${item}"}}
SIGN = {"stepId": "sign", "type": "HUMAN_TASK", "taskDefinition": {"title": "Sign ${item}", "candidateUsers": ["bob"]}}


def shown(client: APIClient, run: WorkflowInstance) -> dict[str, Any]:
    return client.get(f"{HERE}/{run.id}").json()["state"]


def explained(client: APIClient, run: WorkflowInstance) -> dict[str, Any]:
    return client.get(f"{HERE}/{run.id}/explain").json()


def test_it_says_how_many_items_are_left_and_how_many_failed(client: APIClient, alice: User, outside: Outside) -> None:
    published(lines(CALL), worker_task())
    run = started(alice, "flow", {"items": list(range(1_200))})
    assert explained(client, run)["sentence"] == "Waits for 1,200 of 1,200 items of “Check lines”."
    outside.complete("check", {"n": 1})
    outside.fail("check", {"type": "PERMANENT", "code": "X", "message": "no"})
    told = explained(client, run)
    assert told["sentence"] == "Waits for 1,198 of 1,200 items of “Check lines”; 1 failed."
    assert told["movesWhen"] == "Any of its items goes on. The first: The worker test-worker is at check."
    assert [each["stepId"] for each in told["waitingFor"]] == ["check", "check"]


def test_the_picture_counts_what_is_inside(client: APIClient, alice: User, outside: Outside) -> None:
    published(lines(CALL), worker_task())
    run = started(alice, "flow", {"items": list(range(300))})
    outside.complete("check", {"n": 1})
    outside.fail("check", {"type": "PERMANENT", "code": "X", "message": "no"})
    state = shown(client, run)
    counts = {"COMPLETED": 1, "FAILED": 1, "RUNNING": 2, "PENDING": 296}
    assert state["steps"]["lines"]["items"] == {"total": 300, "byStatus": counts}
    assert state["steps"]["lines"]["status"] == "RUNNING"
    check = state["steps"]["check"]
    assert check["status"] == "PENDING"  # two wait for a worker
    assert check["visits"] == {"total": 4, "byStatus": {"COMPLETED": 1, "FAILED": 1, "PENDING": 2}}
    assert check["startedAt"]
    assert check["completedAt"] is None
    assert len(state["waitingFor"]) == 2


def test_people_who_are_waited_for_inside_items_are_named(client: APIClient, alice: User) -> None:
    published(lines(SIGN, concurrency=100))
    run = started(alice, "flow", {"items": list(range(60))})
    waiting = shown(client, run)["waitingFor"]
    assert len(waiting) == 20  # the first few; the others are counted
    assert waiting[0] | {"since": "", "taskId": ""} == {
        "kind": "HUMAN", "stepId": "sign", "since": "", "taskId": "", "title": "Sign 0", "candidates": ["bob"],
    }  # fmt: skip


def test_a_retried_run_counts_the_items_of_its_last_visit(client: APIClient, alice: User, outside: Outside) -> None:
    published(lines(CALL, onItemFailure="FAIL"), worker_task())
    run = started(alice, "flow", {"items": [1, 2, 3]})
    outside.complete("check", {"n": 1})
    outside.fail("check", {"type": "PERMANENT", "code": "X", "message": "no"})
    assert shown(client, run)["steps"]["lines"]["items"]["byStatus"] == {"COMPLETED": 1, "FAILED": 1, "CANCELLED": 1}
    client.post(f"{HERE}/{run.id}/retry", {"reason": "once more"}, format="json")
    advance()
    steps = shown(client, run)["steps"]
    assert steps["lines"]["visit"] == 2
    assert steps["lines"]["items"] == {"total": 3, "byStatus": {"COMPLETED": 1, "RUNNING": 2}}
    assert steps["check"]["visits"]["total"] == 2


def test_the_picture_takes_as_many_queries_for_many_items_as_for_few(
    client: APIClient, alice: User, django_assert_max_num_queries: Any
) -> None:
    published(lines(CALL), worker_task())
    for count in (1, 1_000):
        run = started(alice, "flow", {"items": list(range(count))})
        with django_assert_max_num_queries(16):
            answer = client.get(f"{HERE}/{run.id}")
        assert len(answer.content) < 4_000 + len(str(list(range(count))))
