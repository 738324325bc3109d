"""One verb on many runs: which are taken in, each by its own, whoever dies over it."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import UserFactory
from apps.events import doorbell
from apps.events.tests.statements import counted_statements
from apps.tasks.models import Task
from apps.validation.problems import Unprocessable
from apps.workflows.models import BulkItem, BulkOperation, WorkflowInstance
from apps.workflows.services import bulk, instances
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import approval, greeting, nap, published, started
from apps.workflows.tests.live import advance, now

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"
NAPS = {"workflowId": "nap"}


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    published(nap())
    published(approval())
    published(greeting())
    return api(alice)


def naps(actor: User, count: int) -> list[UUID]:
    ids = instances.start_batch(actor=actor, requests=[Start("nap")] * count)
    advance()
    return ids


def statuses() -> dict[str, int]:
    found: dict[str, int] = {}
    for status in WorkflowInstance.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def begin(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{HERE}/bulk", body)
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"] == f"{HERE}/bulk/{answer.json()['id']}"
    shown: dict[str, Any] = answer.json()
    return shown


def progress(client: APIClient, shown: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{HERE}/bulk/{shown['id']}").json()
    return found


def test_every_matching_run_gets_the_verb(client: APIClient, alice: User) -> None:
    naps(alice, 45)
    other = started(alice, "approval")
    shown = begin(client, operation="cancel", filter=NAPS, reason="closed today")
    assert (shown["status"], shown["total"], shown["done"]) == ("RUNNING", 45, 0)
    bulk.work(30)
    ended = progress(client, shown)
    assert (ended["status"], ended["done"], ended["succeeded"], ended["failed"]) == ("COMPLETED", 45, 45, 0)
    assert ended["completedAt"]
    assert statuses() == {"CANCELLED": 45, "RUNNING": 1}
    assert WorkflowInstance.objects.get(id=other.id).status == "RUNNING"
    assert not BulkItem.objects.exists()


def test_a_run_started_after_it_began_is_not_swept_in(client: APIClient, alice: User) -> None:
    naps(alice, 3)
    begin(client, operation="cancel", filter=NAPS)
    late = started(alice, "nap")
    bulk.work(30)
    assert statuses() == {"CANCELLED": 3, "RUNNING": 1}
    assert WorkflowInstance.objects.get(id=late.id).status == "RUNNING"


def test_what_cannot_be_done_to_one_run_is_told_and_the_others_go_on(client: APIClient, alice: User) -> None:
    ids = naps(alice, 4)
    done = started(alice, "greeting", {"name": "A"})
    missing = "01890000-0000-7000-8000-000000000001"
    shown = begin(client, operation="suspend", ids=[*map(str, ids), str(done.id), missing])
    instances.cancel(actor=alice, instance_id=ids[2], reason="meanwhile")
    bulk.work(30)
    ended = progress(client, shown)
    assert (ended["total"], ended["succeeded"], ended["failed"]) == (6, 3, 3)
    problems = {each["instanceId"]: each["detail"] for each in ended["problems"]}
    assert set(problems) == {str(ids[2]), str(done.id), missing}
    assert "CANCELLED cannot be suspended" in problems[str(ids[2])]
    assert statuses() == {"SUSPENDED": 3, "CANCELLED": 1, "COMPLETED": 1}


def test_each_run_is_audited_with_who_why_and_the_operation(client: APIClient, alice: User) -> None:
    ids = naps(alice, 3)
    shown = begin(client, operation="suspend", filter=NAPS, reason="maintenance")
    bulk.work(30)
    rows = AuditEntry.objects.filter(action="workflow.suspend")
    assert sorted(row.resource_id for row in rows) == sorted(map(str, ids))
    assert {(row.actor_name, row.details["reason"], row.details["bulkId"]) for row in rows} == {
        ("alice", "maintenance", shown["id"])
    }
    [asked] = AuditEntry.objects.filter(action="workflow.bulk")
    assert (asked.resource_id, asked.details["total"]) == (shown["id"], 3)


@pytest.mark.parametrize(
    ("operation", "more", "status"),
    [
        ("skip", {"stepId": "ask", "outcome": "approve"}, "COMPLETED"),
        ("move", {"from": "ask", "to": "no"}, "COMPLETED"),
        ("cancel", {"shouldCompensate": True}, "CANCELLED"),
        ("migrate", {"version": "1.1.0"}, "RUNNING"),
    ],
)
def test_each_verb_takes_its_own_fields(
    client: APIClient, alice: User, operation: str, more: dict[str, Any], status: str
) -> None:
    runs = [started(alice, "approval") for _ in range(2)]
    published(approval(version="1.1.0"))
    shown = begin(client, operation=operation, filter={"workflowId": "approval", "version": "1.0.0"}, **more)
    bulk.work(30)
    assert progress(client, shown)["succeeded"] == 2
    found = WorkflowInstance.objects.filter(id__in=[run.id for run in runs])
    assert {each.status for each in found} == {status}
    if operation == "migrate":
        assert {each.definition_version for each in found} == {"1.1.0"}


def test_cancelled_runs_are_retried_on_the_latest_version(client: APIClient, alice: User) -> None:
    naps(alice, 2)
    begin(client, operation="cancel", filter=NAPS)
    bulk.work(30)
    published(nap(version="1.1.0"))
    begin(client, operation="retry", filter={"status": ["CANCELLED"]}, version="latest")
    bulk.work(30)
    assert statuses() == {"RUNNING": 2}
    assert set(WorkflowInstance.objects.values_list("definition_version", flat=True)) == {"1.1.0"}


def test_rights_are_asked_as_they_are_when_a_runs_turn_comes(client: APIClient, alice: User) -> None:
    naps(alice, 2)
    shown = begin(client, operation="cancel", filter=NAPS)
    User.objects.filter(pk=alice.pk).update(status="suspended")
    bulk.work(30)
    ended = BulkOperation.objects.get(id=shown["id"])
    assert (ended.succeeded, ended.failed) == (0, 2)
    assert statuses() == {"RUNNING": 2}


def test_who_may_steer_only_their_own_runs_takes_in_only_those(client: APIClient, api: Any, alice: User) -> None:
    robot = UserFactory(username="robot", roles=["service"])
    naps(alice, 2)
    mine = naps(robot, 1)
    shown = begin(api(robot), operation="cancel", filter=NAPS)
    assert shown["total"] == 1
    bulk.work(30)
    assert [each.id for each in WorkflowInstance.objects.filter(status="CANCELLED")] == mine
    assert api(robot).get(f"{HERE}/bulk").json()["items"][0]["id"] == shown["id"]
    assert client.get(f"{HERE}/bulk").json()["items"] == []


def test_a_bulk_operation_can_be_cancelled_and_what_it_has_done_stays(client: APIClient, alice: User) -> None:
    naps(alice, bulk.BATCH + 5)
    shown = begin(client, operation="suspend", filter=NAPS)
    with transaction.atomic():
        bulk._batch(bulk.BATCH)
    answer = client.post(f"{HERE}/bulk/{shown['id']}/cancel", {"reason": "enough"})
    assert answer.json()["status"] == "CANCELLED"
    assert bulk.work(30) is False
    assert statuses() == {"SUSPENDED": bulk.BATCH, "RUNNING": 5}
    assert progress(client, shown)["done"] == bulk.BATCH
    assert client.post(f"{HERE}/bulk/{shown['id']}/cancel", {}).status_code == 409


def test_a_preview_counts_what_would_be_done_and_what_not(client: APIClient, alice: User) -> None:
    naps(alice, 3)
    started(alice, "greeting", {"name": "A"})
    instances.suspend(actor=alice, instance_id=naps(alice, 1)[0], reason="")
    body = {"operation": "suspend", "filter": {"startedAfter": "2000-01-01T00:00:00Z"}}
    shown = client.post(f"{HERE}/bulk/preview", body).json()
    assert (shown["matched"], shown["allowed"]) == (5, 3)
    assert [(each["status"], each["count"]) for each in shown["refused"]] == [("COMPLETED", 1), ("SUSPENDED", 1)]
    assert all("cannot be suspended" in each["sentence"] for each in shown["refused"])
    assert shown["sentence"].startswith("3 runs of 5 will be suspended")
    assert begin(client, **body)["total"] == 3
    named = client.post(f"{HERE}/bulk/preview", {"operation": "suspend", "ids": [str(started(alice, "nap").id)]})
    assert named.json() == {"matched": 1, "allowed": 1, "refused": [], "sentence": "1 run will be suspended."}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"operation": "explode", "filter": NAPS}, "/operation"),
        ({"operation": "cancel"}, ""),
        ({"operation": "cancel", "filter": NAPS, "ids": ["01890000-0000-7000-8000-000000000001"]}, ""),
        ({"operation": "cancel", "filter": {}}, "/filter"),
        ({"operation": "cancel", "filter": {"workflow": "nap"}}, "/filter/workflow"),
        ({"operation": "cancel", "ids": []}, "/ids"),
        ({"operation": "cancel", "filter": NAPS, "to": "x"}, "/to"),
        ({"operation": "move", "filter": NAPS}, "/to"),
        ({"operation": "cancel", "filter": {"startedAfter": "soon"}}, "/filter/startedAfter"),
    ],
)
def test_what_does_not_fit_is_422_with_its_pointer_and_begins_nothing(
    client: APIClient, body: Any, pointer: str
) -> None:
    for path in ("bulk", "bulk/preview"):
        answer = client.post(f"{HERE}/{path}", body)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["violations"]] == [pointer]
    assert not BulkOperation.objects.exists()


def test_a_filter_of_nothing_ends_at_once(client: APIClient) -> None:
    shown = begin(client, operation="cancel", filter={"workflowId": "unheard-of"})
    assert (shown["status"], shown["total"]) == ("COMPLETED", 0)


def test_too_many_runs_are_refused_and_none_is_taken_in(
    client: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_RUNS", 2)
    naps(alice, 3)
    with pytest.raises(Unprocessable):
        bulk.begin(actor=alice, operation="cancel", filter=NAPS)
    assert not BulkOperation.objects.exists()
    assert not BulkItem.objects.exists()


def test_a_bulk_operation_under_one_key_begins_once(client: APIClient, alice: User) -> None:
    naps(alice, 1)
    body = {"operation": "cancel", "filter": NAPS}
    answers = [client.post(f"{HERE}/bulk", body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert BulkOperation.objects.count() == 1


def test_beginning_takes_as_many_statements_for_many_runs_as_for_few(client: APIClient, alice: User) -> None:
    counts = []
    for size in (2, 200):
        naps(alice, size)
        with counted_statements() as statements:
            bulk.begin(actor=alice, operation="cancel", filter=NAPS)
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_a_batch_whose_worker_is_killed_is_done_by_the_next(alice: User) -> None:
    published(nap())
    ids = sorted(naps(alice, 30))
    operation = bulk.begin(actor=alice, operation="cancel", filter=NAPS, reason="x")
    died: list[BaseException] = []

    def worker() -> None:
        try:
            with transaction.atomic():
                bulk._batch(bulk.BATCH)
        except DatabaseError as error:
            died.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        WorkflowInstance.objects.select_for_update().get(id=ids[14])
        thread = threading.Thread(target=worker)
        thread.start()
        kill_who_waits_for_a_lock()
        thread.join(30)
    assert died
    assert statuses() == {"RUNNING": 30}
    bulk.work(60)
    operation.refresh_from_db()
    assert (operation.status, operation.succeeded, operation.failed) == ("COMPLETED", 30, 0)
    audited = AuditEntry.objects.filter(action="workflow.cancel").values_list("resource_id", flat=True)
    assert sorted(audited) == [str(each) for each in ids]


@pytest.mark.django_db(transaction=True)
def test_a_run_that_somebody_holds_for_too_long_does_not_stop_the_others(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PATIENCE", ("50ms", "100ms"))
    published(nap())
    ids = sorted(naps(alice, 5))
    operation = bulk.begin(actor=alice, operation="cancel", filter=NAPS)

    def worker() -> None:
        bulk.work(30)
        connection.close()

    with transaction.atomic():
        WorkflowInstance.objects.select_for_update().get(id=ids[2])
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join(30)
    operation.refresh_from_db()
    assert (operation.status, operation.succeeded, operation.failed) == ("COMPLETED", 4, 1)
    item = BulkItem.objects.get()
    assert (item.instance_id, "busy" in (item.detail or "")) == (ids[2], True)


def kill_who_waits_for_a_lock() -> None:
    """End the database session that waits for the lock that this one holds, as the death of its process would."""
    until = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchall():
                return
    pytest.fail("Nobody waits for the lock.")


def test_the_tick_rings_for_an_operation_that_nobody_is_at(client: APIClient, alice: User) -> None:
    def rung() -> int:
        broker = doorbell.client()
        length = broker.llen("control")
        broker.delete("control")
        return int(length)

    naps(alice, 1)
    begin(client, operation="cancel", filter=NAPS)
    rung()
    bulk.ring_for_idle()
    assert rung() == 0  # somebody may be at it just now
    BulkOperation.objects.update(worked_at=now() - timedelta(seconds=10))
    bulk.ring_for_idle()
    assert rung() == 1
    bulk.work(30)
    bulk.ring_for_idle()
    assert rung() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_each_run_once(alice: User) -> None:
    published(approval())
    for _ in range(50):
        started(alice, "approval")
    operation = bulk.begin(actor=alice, operation="move", arguments={"to": "ask"}, filter={"workflowId": "approval"})

    def worker() -> None:
        while BulkOperation.objects.get(id=operation.pk).status == "RUNNING":
            bulk.work(30)
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    operation.refresh_from_db()
    assert (operation.succeeded, operation.failed) == (50, 0)
    assert AuditEntry.objects.filter(action="workflow.move").count() == 50
    assert Task.objects.filter(status__in=Task.OPEN).count() == 50
