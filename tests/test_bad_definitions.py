"""Definitions that must not be saved, published or run as they are, over HTTP: the answer the design asks for, in time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.workflows.models import WorkflowInstance
from apps.workflows.tests.factories import greeting, nap

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/definitions"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def publish(client: APIClient, document: dict[str, Any]) -> Any:
    """The answer to saving and publishing; the first refusal, if there is one."""
    saved = client.post(HERE, document)
    if saved.status_code >= 400:
        return saved
    return client.post(f"{HERE}/{document['workflowId']}/publish", {})


def transform(name: str, **more: Any) -> dict[str, Any]:
    return {"stepId": name, "type": "TRANSFORM", "output": {}, **more}


CHILD_OF_ITSELF = {"stepId": "a", "type": "SUB_WORKFLOW", "workflowId": "greeting"}
LOOP = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        pytest.param(
            greeting(steps=[transform("a", next="b"), transform("b", next="a")]), "/steps", id="endless circle"
        ),
        pytest.param(greeting(steps=[transform("a"), transform("b")]), "/steps/1", id="unreachable step"),
        pytest.param(
            greeting(steps=[transform(f"s{n}", next=f"s{n + 1}") for n in range(501)] + [transform("s501")]),
            "/steps",
            id="over 500 steps",
        ),
        pytest.param(greeting(steps=[CHILD_OF_ITSELF]), "/steps/0", id="a child that calls itself"),
        pytest.param(greeting(steps=[transform("a", inptu={})]), "/steps/0/inptu", id="unknown field"),
        pytest.param(
            greeting(
                inputSchema={"type": "object", "properties": {"a": {"pattern": "^(a+)+$", "$ref": "http://x.y/z"}}}
            ),
            "/inputSchema/properties/a",
            id="remote $ref",
        ),
        pytest.param(greeting(inputSchema=LOOP), "/inputSchema", id="looping $ref"),
        pytest.param(greeting(inputSchema={"type": "strnig"}), "/inputSchema/type", id="no JSON Schema"),
        pytest.param(
            greeting(inputSchema={"type": "string", "pattern": "(unclosed"}), "/inputSchema/pattern", id="bad pattern"
        ),
    ],
)
def test_a_definition_that_must_not_run_is_422_with_pointer_and_reason(
    client: APIClient, document: dict[str, Any], pointer: str
) -> None:
    answer = publish(client, document)
    assert answer.status_code == 422
    found = answer.json()["violations"]
    assert any(each["pointer"].startswith(pointer) for each in found), found
    assert all(each["message"] for each in found)
    assert client.post("/api/v1/workflows/instances", {"workflowId": "greeting"}).status_code in (404, 409)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 40 + "!"),
        ({"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}, "a" * 60),
        ({"type": "array", "uniqueItems": True}, [{"n": n, "t": "x" * 20} for n in range(4_000)]),
    ],
    ids=["^(a+)+$", "nested repeats", "uniqueItems on 4,000 objects"],
)
def test_a_schema_meant_to_take_forever_is_refused_or_answers_soon(client: APIClient, schema: Any, value: Any) -> None:
    document = greeting(inputSchema={"type": "object", "properties": {"v": schema}}, steps=[transform("a")])
    published = publish(client, document)
    if published.status_code == 422:
        return
    body = {"workflowId": "greeting", "input": {"v": value}}
    began = time.process_time()
    answer = client.post("/api/v1/workflows/instances", body)
    assert answer.status_code in (201, 422)
    assert time.process_time() - began < 1.0


BOMBS = {
    "20,000 terms": " + ".join(["1"] * 20_000),
    "nested comprehensions": "[1,2,3,4,5,6,7,8,9]" + "".join(f".map(x{n}, [1,2,3,4,5,6,7,8,9])" for n in range(12)),
    "comprehensions inside each other": "input.l.all(a, input.l.all(b, input.l.all(c, input.l.all(d, a + b + c + d > 0))))",
    "500 brackets": "(" * 500 + "1" + ")" * 500,
    "a text that doubles": "[1,2,3,4,5,6,7,8,9,10].map(a, input.s + input.s).map(b, b + b + b + b)",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_an_expression_bomb_is_refused_or_fails_its_run_soon(client: APIClient, bomb: str) -> None:
    schema = {"type": "object", "properties": {"l": {"type": "array"}, "s": {"type": "string"}}, "required": ["l", "s"]}
    document = greeting(inputSchema=schema, steps=[transform("a", output={"x": "${" + bomb + "}"})])
    began = time.process_time()
    published = publish(client, document)
    assert time.process_time() - began < 3.0
    if published.status_code == 422:
        assert published.json()["violations"]
        return
    began = time.process_time()
    start = {"workflowId": "greeting", "input": {"l": list(range(60)), "s": "x" * 1_000}}
    answer = client.post("/api/v1/workflows/instances", start)
    assert time.process_time() - began < 1.0
    assert answer.status_code == 201
    assert answer.json()["status"] in ("FAILED", "COMPLETED")


def test_a_run_that_never_stops_fails_with_the_reason(client: APIClient, settings: Any) -> None:
    """A circle with a wait in it is a legal definition; a duration of nothing makes it endless."""
    settings.AUGMENTED_MAX_TRANSITIONS = 300
    steps = [{"stepId": "a", "type": "DELAY", "duration": "PT0S", "next": "b"}, transform("b", next="a")]
    published = publish(client, nap(steps=steps))
    if published.status_code == 422:
        return
    client.post("/api/v1/workflows/instances", {"workflowId": "nap"})
    run = WorkflowInstance.objects.get()
    assert run.status == "FAILED"
    assert "300" in (run.error or {})["message"]


def test_markup_in_a_name_comes_back_as_text(client: APIClient) -> None:
    name = "<script>alert(1)</script>"
    assert publish(client, greeting(name=name)).json()["name"] == name
    assert client.get(HERE).headers["Content-Type"] == "application/json"
    assert client.get(HERE).headers["X-Content-Type-Options"] == "nosniff"
