"""Starting runs over HTTP: alone, in batches, once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.workflows.models import InboxSignal, WorkflowDefinition, WorkflowInstance
from apps.workflows.tests.factories import (
    WorkflowDefinitionFactory,
    approval,
    errand,
    greeting,
    nap,
    published,
    worker_task,
)

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/instances"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    published(greeting())
    published(nap())
    published(errand(), worker_task())
    return api(alice)


def start(client: APIClient, workflow_id: str, start_input: Any = None, query: str = "", **more: Any) -> Any:
    body = {"workflowId": workflow_id} | ({} if start_input is None else {"input": start_input})
    return client.post(f"{HERE}{query}", body, **more)


def test_a_run_that_needs_nobody_has_ended_when_the_answer_comes(client: APIClient) -> None:
    answer = start(client, "greeting", {"name": "Ada"})
    assert answer.status_code == 201
    run = answer.json()
    assert (run["status"], run["output"]) == ("COMPLETED", {"text": "Hello Ada"})
    assert answer.headers["Location"] == f"{HERE}/{run['id']}"
    assert client.get(answer.headers["Location"]).json() == run


def test_a_run_that_waits_is_accepted_with_202(client: APIClient) -> None:
    answer = start(client, "nap")
    assert answer.status_code == 202
    assert answer.json()["status"] == "RUNNING"


def test_wait_gives_up_after_its_time_and_answers_202(client: APIClient) -> None:
    answer = start(client, "nap", query="?wait=0.05")
    assert answer.status_code == 202
    assert answer.json()["status"] == "RUNNING"


@pytest.mark.parametrize("wait", ["x", "-1", "31", "nan", "inf", "1e999", ""])
def test_a_wait_that_is_no_number_of_seconds_is_400(client: APIClient, wait: str) -> None:
    assert start(client, "nap", query=f"?wait={wait}").status_code == 400
    assert not WorkflowInstance.objects.exists()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "/input"),
        ({"name": 1}, "/input/name"),
        ({"name": ""}, "/input/name"),
        ({"name": "Ada", "more": 1}, "/input/more"),
        ([], "/input"),
        ("text", "/input"),
    ],
)
def test_an_input_that_does_not_fit_is_422_with_its_pointer(client: APIClient, given: Any, pointer: str) -> None:
    answer = start(client, "greeting", given)
    assert answer.status_code == 422
    assert pointer in [each["pointer"] for each in answer.json()["violations"]]
    assert all(each["message"] for each in answer.json()["violations"])
    assert not WorkflowInstance.objects.exists()


def test_an_unknown_workflow_is_404_and_one_without_a_published_version_409(client: APIClient) -> None:
    WorkflowDefinitionFactory(document=approval(), status=WorkflowDefinition.Status.DRAFT, published_at=None)
    assert start(client, "nothing").status_code == 404
    assert start(client, "approval").status_code == 409
    assert client.post(HERE, {"workflowId": "nap", "version": "9.0.0"}).status_code in (404, 409)


def test_a_misspelt_field_is_refused_by_name(client: APIClient) -> None:
    answer = client.post(HERE, {"workflowId": "nap", "corelationId": "x"})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["violations"]] == ["/corelationId"]


def test_a_version_can_be_named_and_a_run_stays_on_it(client: APIClient) -> None:
    WorkflowDefinitionFactory(
        document=greeting(version="2.0.0", steps=[{"stepId": "done", "type": "END", "output": {"text": "Moin"}}])
    )
    old = client.post(HERE, {"workflowId": "greeting", "version": "1.0.0", "input": {"name": "Ada"}}).json()
    new = client.post(HERE, {"workflowId": "greeting", "input": {"name": "Ada"}}).json()
    assert (old["definitionVersion"], old["output"]) == ("1.0.0", {"text": "Hello Ada"})
    assert (new["definitionVersion"], new["output"]) == ("2.0.0", {"text": "Moin"})
    assert old["document"]["version"] == "1.0.0"


def test_a_new_version_does_not_move_runs_that_wait(client: APIClient) -> None:
    run = start(client, "nap").json()
    WorkflowDefinitionFactory(document=nap("PT2H", version="2.0.0"))
    again = client.get(f"{HERE}/{run['id']}").json()
    assert again["definitionVersion"] == "1.0.0"
    assert again["document"]["steps"][0]["duration"] == "PT1H"


def test_an_idempotency_key_starts_one_run(client: APIClient) -> None:
    first = start(client, "nap", headers={"Idempotency-Key": "order-1"})
    again = start(client, "nap", headers={"Idempotency-Key": "order-1"})
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert WorkflowInstance.objects.count() == 1


def test_a_key_with_another_input_is_422(client: APIClient) -> None:
    start(client, "greeting", {"name": "Ada"}, headers={"Idempotency-Key": "k"})
    other = start(client, "greeting", {"name": "Bo"}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 422
    assert WorkflowInstance.objects.count() == 1


def test_a_refused_start_frees_its_key(client: APIClient) -> None:
    assert start(client, "greeting", {}, headers={"Idempotency-Key": "k"}).status_code == 422
    assert start(client, "greeting", {"name": "Ada"}, headers={"Idempotency-Key": "k"}).status_code == 201


def test_waiting_with_a_key_starts_one_run_too(client: APIClient) -> None:
    ids = {start(client, "nap", query="?wait=0.05", headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)}
    assert len(ids) == 1


def test_a_start_leaves_an_audit_row_of_who_did_it(client: APIClient) -> None:
    run = start(client, "nap").json()
    row = AuditEntry.objects.get(action="workflow.start")
    assert (row.actor.username, row.resource_id) == ("alice", run["id"])
    assert row.details == {"workflowId": "nap", "version": "1.0.0"}


def test_a_batch_is_accepted_whole_and_begun_by_workers(client: APIClient) -> None:
    body = {"instances": [{"workflowId": "errand", "input": {"n": n}, "correlationId": f"c-{n}"} for n in range(50)]}
    answer = client.post(f"{HERE}/batch", body)
    assert answer.status_code == 202
    ids = answer.json()["ids"]
    assert len(set(ids)) == 50
    runs = {str(run.id): run for run in WorkflowInstance.objects.all()}
    assert [runs[each].input["n"] for each in ids] == list(range(50))
    assert {run.status for run in runs.values()} == {"CREATED"}
    assert InboxSignal.objects.filter(kind="START").count() == 50


def test_one_bad_input_refuses_the_whole_batch(client: APIClient) -> None:
    body = {"instances": [{"workflowId": "errand", "input": {"n": 1}}, {"workflowId": "errand", "input": {"n": "x"}}]}
    answer = client.post(f"{HERE}/batch", body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["violations"]] == ["/instances/1/input/n"]
    assert not WorkflowInstance.objects.exists()


def test_an_unknown_workflow_refuses_the_whole_batch(client: APIClient) -> None:
    body = {"instances": [{"workflowId": "nap"}, {"workflowId": "nothing"}]}
    assert client.post(f"{HERE}/batch", body).status_code == 404
    assert not WorkflowInstance.objects.exists()


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_batch_holds_1_to_1000_starts(client: APIClient, count: int) -> None:
    answer = client.post(f"{HERE}/batch", {"instances": [{"workflowId": "nap"}] * count})
    assert answer.status_code == 422
    assert not WorkflowInstance.objects.exists()


def test_a_batch_is_accepted_once_under_one_key(client: APIClient) -> None:
    body = {"instances": [{"workflowId": "nap"}] * 3}
    first = client.post(f"{HERE}/batch", body, headers={"Idempotency-Key": "b"})
    again = client.post(f"{HERE}/batch", body, headers={"Idempotency-Key": "b"})
    assert again.json() == first.json()
    assert WorkflowInstance.objects.count() == 3


def test_an_unknown_run_is_404_and_an_address_that_is_no_id_too(client: APIClient) -> None:
    assert client.get(f"{HERE}/{uuid.uuid4()}").status_code == 404
    assert client.get(f"{HERE}/not-an-id").status_code == 404
