"""`/api/v1/validation/…`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
BASE = "/api/v1/validation"


@pytest.fixture
def client(api: Api, alice: User) -> APIClient:
    return api(alice)


def test_schemas_are_listed_and_read(client: APIClient) -> None:
    items = client.get(f"{BASE}/schemas").json()["items"]
    workflow = next(item for item in items if item["id"] == "workflow")
    assert workflow["title"] == "Workflow" and workflow["description"]
    assert client.get(workflow["url"]).json()["$id"] == "https://augmented-os.dev/schemas/workflow.json"
    assert client.get(f"{BASE}/schemas/common/step").json()["title"] == "Step"
    assert "common/values" in client.get(f"{BASE}/schemas/task?bundled=true").json()["$defs"]


@pytest.mark.parametrize("schema_id", ["nothing", "../workflow", "common/..%2fworkflow", "common"])
def test_unknown_schema_is_404(client: APIClient, schema_id: str) -> None:
    assert client.get(f"{BASE}/schemas/{schema_id}").status_code == 404


def test_document_is_checked_and_always_answered(client: APIClient) -> None:
    good = {"taskId": "t", "implementation": {"kind": "HTTP", "endpoint": "https://example.com"}}
    answer = client.post(f"{BASE}/validate", {"schemaId": "task", "data": good})
    assert (answer.status_code, answer.json()) == (200, {"valid": True, "violations": []})
    answer = client.post(f"{BASE}/validate", {"schemaId": "task", "data": {**good, "inputShema": {}}})
    [found] = answer.json()["violations"]
    assert answer.status_code == 200 and answer.json()["valid"] is False
    assert found["fix"] == [{"op": "move", "from": "/inputShema", "path": "/inputSchema"}]


def test_own_schema_may_come_along(client: APIClient) -> None:
    body = {"schema": {"type": "integer", "minimum": 3}, "data": 2}
    assert [found["pointer"] for found in client.post(f"{BASE}/validate", body).json()["violations"]] == [""]
    assert client.post(f"{BASE}/validate", {"schema": True, "data": None}).json()["valid"] is True
    bomb = {"schema": {"$ref": "http://169.254.169.254/"}, "data": 2}
    assert [found["pointer"] for found in client.post(f"{BASE}/validate", bomb).json()["violations"]] == [
        "/schema/$ref"
    ]


def test_batch_answers_in_order(client: APIClient) -> None:
    items = [{"schema": {"type": "integer"}, "data": value} for value in (1, "x", 3)]
    answer = client.post(f"{BASE}/validate/batch", {"items": items}).json()
    assert (answer["valid"], [result["valid"] for result in answer["results"]]) == (False, [True, False, True])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("validate", {}),
        ("validate", {"data": 1}),
        ("validate", {"schemaId": "task"}),
        ("validate", {"schemaId": "task", "schema": {}, "data": 1}),
        ("validate", []),
        ("validate/batch", {"items": []}),
        ("validate/batch", {"items": [{"schemaId": "task", "data": 1}] * 101}),
        ("expressions", {}),
        ("expressions", {"expression": 3, "scope": "x"}),
        ("expressions", {"expression": "1", "scope": {}, "roots": "input"}),
    ],
)
def test_request_of_another_shape_is_422(client: APIClient, path: str, body: Any) -> None:
    answer = client.post(f"{BASE}/{path}", body)
    assert answer.status_code == 422
    assert answer.json()["violations"]


def test_expression_is_compiled_and_evaluated(client: APIClient) -> None:
    body = {"expression": "workflow.input.total * 1.5 > steps.pay.?limit.orValue(10)"}
    answer = client.post(f"{BASE}/expressions", {"expression": "workflow.input.total * 1.5 > 10"}).json()
    assert answer == {"valid": True, "violations": [], "reads": [{"path": ["input", "total"], "optional": False}]}
    scope = {"workflow": {"input": {"total": 8}, "state": {"steps": {"pay": {"output": {}}}}}}
    assert (
        client.post(f"{BASE}/expressions", {"expression": "workflow.input.total * 1.5 > 10", "scope": scope}).json()[
            "value"
        ]
        is True
    )
    assert client.post(f"{BASE}/expressions", {**body, "scope": scope}).json()["violations"][0]["column"] == 30
    template = {"expression": "Total ${input.total}, ${exists(steps.pay)}", "scope": scope}
    assert client.post(f"{BASE}/expressions", template).json()["value"] == "Total 8, true"


def test_expression_error_says_where(client: APIClient) -> None:
    answer = client.post(f"{BASE}/expressions", {"expression": "input.total +"}).json()
    assert answer["valid"] is False
    assert (answer["violations"][0]["code"], answer["violations"][0]["column"]) == ("expression-syntax", 14)
    answer = client.post(f"{BASE}/expressions", {"expression": "input.total + 1", "scope": {"input": {}}}).json()
    assert answer["error"] == {"code": "missing", "message": "`input.total` is missing: `input` has no field `total`."}
    assert client.post(f"{BASE}/expressions", {"expression": ""}).json()["valid"] is False
    answer = client.post(
        f"{BASE}/expressions", {"expression": "now() > timestamp('2020-01-01T00:00:00Z')", "scope": {}}
    ).json()
    assert answer["value"] is True


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "schemas"),
        ("get", "schemas/task"),
        ("post", "validate"),
        ("post", "validate/batch"),
        ("post", "expressions"),
    ],
)
def test_rights_are_needed(api: Api, charlie: User, method: str, path: str) -> None:
    assert getattr(api(None), method)(f"{BASE}/{path}").status_code == 401
    assert getattr(api(charlie), method)(f"{BASE}/{path}").status_code == 403
