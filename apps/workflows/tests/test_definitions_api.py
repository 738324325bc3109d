"""Workflow definitions over HTTP: drafts, checks, publishing, versions, archives."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.workflows.models import WorkflowDefinition
from apps.workflows.tests.factories import WorkflowDefinitionFactory, greeting, started

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/definitions"
BROKEN_REFERENCE = [{"stepId": "a", "type": "TRANSFORM", "output": {}, "next": "nowhere"}]


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def pointers(response: Any) -> list[str]:
    return [violation["pointer"] for violation in response.json()["violations"]]


def test_a_first_save_creates_a_draft_and_the_next_replaces_it(client: APIClient) -> None:
    first = client.post(HERE, greeting())
    assert first.status_code == 201
    assert first.json()["status"] == "draft"
    assert first.json()["workflowId"] == "greeting"
    second = client.post(HERE, greeting(name="Salute"))
    assert second.status_code == 200
    assert second.json()["name"] == "Salute"
    assert second.headers["ETag"] != first.headers["ETag"]
    assert WorkflowDefinition.objects.count() == 1


def test_put_saves_under_the_address_and_refuses_another_id(client: APIClient) -> None:
    document = greeting()
    del document["workflowId"]
    assert client.put(f"{HERE}/greeting", document).status_code == 201
    other = client.put(f"{HERE}/other", greeting())
    assert other.status_code == 422
    assert pointers(other) == ["/workflowId"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_addresses_answer_with_and_without_a_trailing_slash(client: APIClient, slash: str) -> None:
    assert client.post(f"{HERE}{slash}", greeting()).status_code == 201
    assert client.get(f"{HERE}{slash}").status_code == 200
    assert client.get(f"{HERE}/greeting{slash}").status_code == 200
    assert client.post(f"{HERE}/validate{slash}", greeting()).status_code == 200
    assert client.post(f"{HERE}/greeting/publish{slash}", {}).status_code == 200
    assert client.get(f"{HERE}/greeting/versions{slash}").status_code == 200
    assert client.get(f"{HERE}/greeting/versions/1.0.0{slash}").status_code == 200
    assert client.delete(f"{HERE}/greeting{slash}").status_code == 204


def test_if_match_guards_a_draft_against_overwriting_a_change_of_somebody_else(client: APIClient) -> None:
    tag = client.post(HERE, greeting()).headers["ETag"]
    assert client.get(f"{HERE}/greeting").headers["ETag"] == tag
    mine = client.put(f"{HERE}/greeting", greeting(name="Mine"), headers={"If-Match": tag})
    assert mine.status_code == 200
    theirs = client.put(f"{HERE}/greeting", greeting(name="Theirs"), headers={"If-Match": tag})
    assert theirs.status_code == 412
    assert client.get(f"{HERE}/greeting").json()["name"] == "Mine"


def test_if_match_on_what_does_not_exist_is_412_and_saves_nothing(client: APIClient) -> None:
    assert client.put(f"{HERE}/greeting", greeting(), headers={"If-Match": '"1"'}).status_code == 412
    assert not WorkflowDefinition.objects.exists()


def test_a_document_that_does_not_fit_the_schema_is_422_with_pointers_and_not_kept(client: APIClient) -> None:
    steps = [{"stepId": "a", "type": "TRANSFROM"}, {"type": "END", "stauts": "COMPLETED"}]
    answer = client.post(HERE, greeting(steps=steps, discription="x"))
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = {violation["pointer"]: violation for violation in answer.json()["violations"]}
    assert "/steps/0/type" in found
    assert "description" in found["/discription"]["hint"]
    assert any(pointer.startswith("/steps/1") for pointer in found)
    assert not WorkflowDefinition.objects.exists()


def test_a_draft_with_a_faulty_reference_is_kept_with_its_violations(client: APIClient) -> None:
    answer = client.post(HERE, greeting(steps=BROKEN_REFERENCE))
    assert answer.status_code == 201
    assert pointers(answer) == ["/steps/0/next"]
    again = client.get(f"{HERE}/greeting")
    assert again.json()["violations"] == answer.json()["violations"]
    assert again.json()["versions"][0]["violations"] == 1


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        (greeting(), True),
        (greeting(steps=BROKEN_REFERENCE), False),
        ({"workflowId": "UPPER", "steps": "none"}, False),
        ({}, False),
    ],
)
def test_validate_always_answers_200_and_saves_nothing(client: APIClient, document: Any, valid: bool) -> None:
    answer = client.post(f"{HERE}/validate", document)
    assert answer.status_code == 200
    assert answer.json()["valid"] is valid
    assert bool(answer.json()["violations"]) is not valid
    assert not WorkflowDefinition.objects.exists()


def test_every_problem_of_a_document_is_told_at_once(client: APIClient) -> None:
    steps = [
        {"stepId": "a", "type": "TRANSFORM", "output": {"x": "${input.nmae}"}, "next": "nowhere"},
        {"stepId": "b", "type": "TASK", "taskId": "unknown-task", "condition": "steps.zzz.output.x >"},
    ]
    answer = client.post(f"{HERE}/validate", greeting(steps=steps))
    found = pointers(answer)
    assert "/steps/0/next" in found
    assert "/steps/0/output/x" in found
    assert "/steps/1/taskId" in found
    assert "/steps/1/condition" in found


def test_publishing_a_draft_with_errors_is_422_and_names_them(client: APIClient) -> None:
    client.post(HERE, greeting(steps=BROKEN_REFERENCE))
    answer = client.post(f"{HERE}/greeting/publish", {})
    assert answer.status_code == 422
    assert pointers(answer) == ["/steps/0/next"]
    assert client.get(f"{HERE}/greeting").json()["status"] == "draft"


def test_a_published_version_cannot_change_and_a_higher_one_can_be_saved(client: APIClient) -> None:
    client.post(HERE, greeting())
    published = client.post(f"{HERE}/greeting/publish", {})
    assert published.status_code == 200
    assert published.json()["status"] == "published"
    assert client.post(HERE, greeting(name="Other")).status_code == 409
    assert client.put(f"{HERE}/greeting", greeting(name="Other")).status_code == 409
    assert client.post(HERE, greeting(name="Other", version="1.1.0")).status_code == 201
    assert client.get(f"{HERE}/greeting/versions/1.0.0").json()["name"] == "Greeting"


def test_publishing_twice_is_the_same_as_once_and_without_a_draft_409(client: APIClient) -> None:
    client.post(HERE, greeting())
    client.post(f"{HERE}/greeting/publish", {"version": "1.0.0"})
    assert client.post(f"{HERE}/greeting/publish", {"version": "1.0.0"}).status_code == 200
    assert client.post(f"{HERE}/greeting/publish", {}).status_code == 409
    assert client.post(f"{HERE}/greeting/publish", {"version": "9.9.9"}).status_code == 404
    assert client.post(f"{HERE}/nothing/publish", {}).status_code == 404


def test_versions_are_listed_newest_first_as_semver_orders_them(client: APIClient) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1", "0.9.9"):
        assert client.post(HERE, greeting(version=version)).status_code == 201
    client.post(f"{HERE}/greeting/publish", {"version": "1.9.0"})
    versions = client.get(f"{HERE}/greeting/versions").json()["items"]
    assert [each["version"] for each in versions] == ["1.10.0", "1.10.0-rc.1", "1.9.0", "0.9.9"]
    assert [each["status"] for each in versions] == ["draft", "draft", "published", "draft"]
    assert versions[2]["publishedBy"] == "alice"
    assert client.get(f"{HERE}/greeting").json()["version"] == "1.10.0"


def test_an_archived_workflow_is_gone_from_lists_and_starts_and_its_runs_stay(client: APIClient, alice: User) -> None:
    WorkflowDefinitionFactory()
    run = started(alice, "greeting", {"name": "Ada"})
    assert client.delete(f"{HERE}/greeting").status_code == 204
    assert client.get(HERE).json()["items"] == []
    assert client.get(f"{HERE}/greeting").status_code == 404
    start = client.post("/api/v1/workflows/instances", {"workflowId": "greeting", "input": {"name": "Bo"}})
    assert start.status_code == 409
    assert client.get(f"/api/v1/workflows/instances/{run.id}").json()["status"] == "COMPLETED"
    assert client.delete(f"{HERE}/greeting").status_code == 404


def test_each_change_leaves_an_audit_row(client: APIClient) -> None:
    client.post(HERE, greeting())
    client.post(f"{HERE}/greeting/publish", {})
    client.delete(f"{HERE}/greeting")
    rows = AuditEntry.objects.filter(resource="workflow").order_by("at", "id")
    assert [row.action for row in rows] == ["workflow.save_draft", "workflow.publish", "workflow.archive"]
    assert {row.actor.username for row in rows} == {"alice"}


def test_an_idempotency_key_saves_once(client: APIClient) -> None:
    first = client.post(HERE, greeting(), headers={"Idempotency-Key": "k1"})
    again = client.post(HERE, greeting(), headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["ETag"] == first.headers["ETag"]
    assert WorkflowDefinition.objects.get().revision == 1


def test_an_unknown_workflow_or_version_is_404(client: APIClient) -> None:
    client.post(HERE, greeting())
    assert client.get(f"{HERE}/nothing").status_code == 404
    assert client.get(f"{HERE}/nothing/versions").status_code == 404
    assert client.get(f"{HERE}/greeting/versions/3.0.0").status_code == 404
    assert client.get(f"{HERE}/greeting/versions/not-semver").status_code == 404
