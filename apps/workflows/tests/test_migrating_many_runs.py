"""Migrating all runs of a version at once: who moves, who stays, and who may say so."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import UserFactory
from apps.workflows.models import WorkflowInstance
from apps.workflows.services import bulk, instances
from apps.workflows.tests.factories import approval, flow, nap, published, started
from apps.workflows.tests.live import advance, fresh, pass_time

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows"
REST: dict[str, Any] = {"stepId": "rest", "type": "DELAY", "duration": "PT1H", "next": "ask"}
ASK: dict[str, Any] = {"stepId": "ask", "type": "HUMAN_TASK", "taskDefinition": {"assignee": "bob"}, "next": "end"}
END: dict[str, Any] = {"stepId": "end", "type": "END"}


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def migrate(client: APIClient, workflow_id: str, **body: Any) -> Any:
    return client.post(f"{HERE}/definitions/{workflow_id}/migrate", {"from": "1.0.0", "to": "2.0.0"} | body)


def worked_off(client: APIClient, answer: Any) -> Any:
    """The operation, once a worker has gone through its runs."""
    assert answer.status_code == 202
    bulk.work(30)
    return client.get(answer.headers["Location"]).json()


def versions() -> dict[str, str]:
    return dict(WorkflowInstance.objects.values_list("correlation_id", "definition_version"))


def test_all_runs_under_way_on_a_version_move_and_no_others(client: APIClient, alice: User) -> None:
    published(nap())
    published(nap(version="1.1.0"))
    published(nap(version="2.0.0"))
    for name in ("a", "b", "over"):
        started(alice, "nap", version="1.0.0", correlation_id=name)
    started(alice, "nap", version="1.1.0", correlation_id="other")
    over = WorkflowInstance.objects.get(correlation_id="over")
    instances.cancel(actor=alice, instance_id=over.id, reason="x")
    found = worked_off(client, migrate(client, "nap", reason="new rule"))
    assert (found["status"], found["total"], found["succeeded"], found["failed"]) == ("COMPLETED", 2, 2, 0)
    assert versions() == {"a": "2.0.0", "b": "2.0.0", "over": "1.0.0", "other": "1.1.0"}
    audited = AuditEntry.objects.filter(action="workflow.migrate")
    assert {row.details["reason"] for row in audited} == {"new rule"}
    assert {row.details["bulkId"] for row in audited} == {found["id"]}


def test_runs_that_cannot_go_on_stay_and_are_told_of(client: APIClient, alice: User) -> None:
    published(flow(REST, ASK, END))
    published(flow(ASK, END, version="2.0.0"))
    asking = started(alice, "flow", version="1.0.0")
    pass_time(4_000)
    advance()
    resting = started(alice, "flow", version="1.0.0")
    found = worked_off(client, migrate(client, "flow"))
    [problem] = found["problems"]
    assert (found["succeeded"], problem["instanceId"]) == (1, str(resting.id))
    assert "cannot go on" in problem["detail"]
    assert (fresh(asking).definition_version, fresh(resting).definition_version) == ("2.0.0", "1.0.0")


def test_the_mapping_is_used_for_each(client: APIClient, alice: User) -> None:
    published(approval())
    renamed = approval(version="2.0.0")
    renamed["steps"][0]["stepId"] = "decide"
    published(renamed)
    for _ in range(2):
        started(alice, "approval", version="1.0.0")
    found = worked_off(client, migrate(client, "approval", mapping={"ask": "decide"}))
    assert found["succeeded"] == 2
    assert set(WorkflowInstance.objects.values_list("current_step_id", flat=True)) == {"decide"}


def test_a_filter_takes_only_some(client: APIClient, alice: User) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    for name in ("a", "b"):
        started(alice, "nap", version="1.0.0", correlation_id=name)
    worked_off(client, migrate(client, "nap", filter={"correlationId": "a"}))
    assert versions() == {"a": "2.0.0", "b": "1.0.0"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mapping": {"sleep": "nothing"}}, 422),
        ({"mapping": {"nothing": "sleep"}}, 422),
        ({"to": "1.0.0"}, 422),
        ({"to": "3.0.0"}, 409),
        ({"from": "0.1.0"}, 404),
        ({"filter": {"workflowId": "another"}}, 422),
        ({"filtre": {}}, 422),
    ],
)
def test_what_makes_no_sense_begins_nothing(client: APIClient, alice: User, body: Any, status: int) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    started(alice, "nap", version="1.0.0", correlation_id="a")
    assert migrate(client, "nap", **body).status_code == status
    bulk.work(1)
    assert versions() == {"a": "1.0.0"}


def test_who_may_steer_only_their_own_runs_moves_only_those(api: Any, alice: User) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    robot = UserFactory(username="robot", roles=["service"])
    started(robot, "nap", version="1.0.0", correlation_id="own")
    started(alice, "nap", version="1.0.0", correlation_id="other")
    worked_off(api(robot), migrate(api(robot), "nap"))
    assert versions() == {"own": "2.0.0", "other": "1.0.0"}
