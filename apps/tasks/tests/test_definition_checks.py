"""What saving a task definition finds: all at once, each with its place."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.tests.factories import Cast, UserFactory
from apps.events.kind import EVENT
from apps.events.tests.factories import EventDefinitionFactory
from apps.tasks.checks import check_people, check_task
from apps.tasks.emitting import check_events
from apps.validation.definitions.impact import impact
from apps.validation.schemas import check_document

from .factories import TaskDefinitionFactory, expression_document, http_document, human_document

PARAMETERS = "/implementation/parameters"
DOUBLED = {
    "eventId": "orders-doubled",
    "name": "Doubled",
    "pattern": "orders.doubled",
    "version": "1.0.0",
    "payloadSchema": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "more": {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "integer"}}}},
        },
        "required": ["id"],
        "additionalProperties": False,
    },
}


def found(document: dict[str, Any]) -> dict[str, str]:
    """pointer → code"""
    assert check_document("task", document) == []
    return {violation.pointer: violation.code for violation in check_task(document)}


@pytest.mark.parametrize(
    "document",
    [
        expression_document(outcome="input.amount > 1 ? 'a' : 'b'"),
        http_document("https://api.example.com/orders/${input.id}", method="POST", body={"a": ["${input.a}"]}),
        human_document(assignee="${input.manager}", dueIn="P2D", priority="${input.urgent ? 'HIGH' : 'LOW'}"),
    ],
)
def test_a_sound_definition_has_no_findings(document: dict[str, Any]) -> None:
    assert found(document) == {}


def test_every_expression_that_does_not_compile_is_found_with_its_column() -> None:
    document = http_document(
        "https://api.example.com/${input.id",
        query={"a": "${input.}", "b": ["x", "${nowhere.a}"]},
        headers={"X-A": "${response.status}"},
        response={"ok": "${response.body +}"},
        outcome="1 +",
        success="response.status ==",
        errors=[{"condition": "&&", "code": "A"}, {"status": 404, "code": "B", "message": "${steps.x.output}"}],
    )
    assert set(found(document)) == {
        "/implementation/endpoint",
        f"{PARAMETERS}/query/a",
        f"{PARAMETERS}/query/b/1",
        f"{PARAMETERS}/headers/X-A",
        f"{PARAMETERS}/response/ok",
        f"{PARAMETERS}/outcome",
        f"{PARAMETERS}/success",
        f"{PARAMETERS}/errors/0/condition",
        f"{PARAMETERS}/errors/1/message",
    }
    assert all(violation.column for violation in check_task(document))


def test_a_field_that_the_input_cannot_have_is_found() -> None:
    open_schema = {
        "type": "object",
        "properties": {"order": {"type": "object", "properties": {"id": {"type": "string"}}}},
    }
    closed = open_schema | {"additionalProperties": False}
    document = expression_document(
        output={"a": "${input.order.id}", "b": "${input.odrer.id}", "c": "${input.order.nr}"}
    )
    violations = check_task(document | {"inputSchema": closed})
    assert {(each.pointer, each.code, each.severity) for each in violations} == {
        (f"{PARAMETERS}/output/b", "unknown-input-field", "error"),
        (f"{PARAMETERS}/output/c", "unknown-input-field", "warning"),
    }
    assert {each.severity for each in check_task(document | {"inputSchema": open_schema})} == {"warning"}
    assert check_task(document | {"inputSchema": {"anyOf": [open_schema, {}]}}) == []
    assert check_task(expression_document(output="${input.?odrer}") | {"inputSchema": closed}) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"inputSchema": {"type": "strnig"}}, "/inputSchema/type"),
        ({"outputSchema": {"pattern": "(?<=a)b"}}, "/outputSchema/pattern"),
        ({"inputSchema": {"$ref": "https://example.com/schema.json"}}, "/inputSchema/$ref"),
    ],
)
def test_schemas_of_authors_are_checked_with_the_document(change: dict[str, Any], pointer: str) -> None:
    assert [each.pointer for each in check_document("task", expression_document() | change)] == [pointer]


def test_a_form_in_place_is_checked_with_the_document() -> None:
    document = human_document(taskForm={"type": "object", "properties": {"a": {"type": "txt"}}})
    assert [each.pointer for each in check_document("task", document)] == [f"{PARAMETERS}/taskForm/properties/a/type"]


def test_kind_and_type_must_agree() -> None:
    document = human_document() | {"type": "AUTOMATED"}
    violation = check_task(document)[0]
    assert (violation.pointer, violation.code) == ("/type", "type-mismatch")
    assert violation.fix == [{"op": "replace", "path": "/type", "value": "MANUAL"}]


def test_a_kind_that_cannot_run_here_is_said() -> None:
    document = expression_document() | {"implementation": {"kind": "SCRIPT", "parameters": {"source": "1"}}}
    assert found(document)["/implementation/kind"] == "kind-unavailable"


def test_host_patterns_that_mean_nothing_are_found() -> None:
    document = http_document("https://a.example.com/", allowHosts=["a.example.com", "https://b", "*"])
    assert set(found(document)) == {f"{PARAMETERS}/allowHosts/1", f"{PARAMETERS}/allowHosts/2"}


@pytest.mark.parametrize("policy", [{"maxRetries": 3, "retryInterval": 500}, {"maxAttempts": 2}, {"delay": "PT1S"}])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_retried_call_that_is_not_idempotent_is_told(method: str, policy: dict[str, Any]) -> None:
    document = http_document("https://api.example.com/orders", method=method) | {"retryPolicy": policy}
    assert found(document) == {"/retryPolicy": "retry-not-idempotent"}


@pytest.mark.parametrize(
    ("parameters", "policy"),
    [
        ({"method": "POST", "idempotent": True}, {"maxRetries": 3}),
        ({"method": "POST"}, {"maxRetries": 0}),
        ({"method": "POST"}, {"maxAttempts": 1}),
        ({"method": "PUT"}, {"maxRetries": 3}),
        ({}, {"maxRetries": 3}),
    ],
)
def test_retries_that_do_no_harm_are_not_told(parameters: dict[str, Any], policy: dict[str, Any]) -> None:
    assert found(http_document("https://api.example.com/orders", **parameters) | {"retryPolicy": policy}) == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parameters", "pointers"),
    [
        ({"assigneeRole": "managr"}, ["/implementation/parameters/assigneeRole"]),
        ({"candidateUsers": ["nobody"]}, ["/implementation/parameters/candidateUsers"]),
        ({"assigneeRole": "managr", "candidateUsers": ["ada"]}, []),
        ({"assignee": "${input.who}", "assigneeRole": "managr"}, []),
        ({}, []),
    ],
)
def test_a_task_that_nobody_may_take_is_told(parameters: dict[str, Any], pointers: list[str]) -> None:
    UserFactory(username="ada")
    document = {"taskId": "t", "type": "MANUAL", "implementation": {"kind": "HUMAN", "parameters": parameters}}
    assert check_document("task", document) == []
    assert [each.pointer for each in check_people(document)] == pointers


def telling(payload: Any, **more: Any) -> dict[str, Any]:
    """A task that tells of itself with this payload."""
    return expression_document() | {"onComplete": {"emit": [{"pattern": "orders.doubled", "payload": payload}]}} | more


def test_the_events_of_a_task_see_what_it_was_given_and_what_came_of_it() -> None:
    payload = {"a": "${input.amount}", "b": "${output.doubled}", "c": "${task.id + task.taskId + task.version}"}
    failed = {"emit": [{"pattern": "orders.failed", "payload": {"why": "${error.code + error.message}"}}]}
    assert found(telling(payload, onFailure=failed)) == {}


def test_expressions_in_the_events_of_a_task_are_checked() -> None:
    closed = {"type": "object", "properties": {"doubled": {"type": "number"}}, "additionalProperties": False}
    payload = {"a": "${input.}", "b": "${error.code}", "c": "${output.tripled}", "d": "${steps.x.output}"}
    failed = {"emit": [{"pattern": "a"}, {"pattern": "b", "payload": {"x": "${output.doubled}", "y": "${error.kode}"}}]}
    assert set(found(telling(payload, outputSchema=closed, onFailure=failed)).items()) == {
        ("/onComplete/emit/0/payload/a", "expression-syntax"),
        ("/onComplete/emit/0/payload/b", "expression-root"),
        ("/onComplete/emit/0/payload/c", "unknown-output-field"),
        ("/onComplete/emit/0/payload/d", "expression-root"),
        ("/onFailure/emit/1/payload/x", "expression-root"),
        ("/onFailure/emit/1/payload/y", "expression-field"),
    }


def test_events_are_recorded_under_whole_names() -> None:
    document = expression_document() | {"onFailure": {"emit": [{"pattern": "orders.*"}, {"event": "orders.failed"}]}}
    violations = check_document("task", document)
    assert [each.pointer for each in violations] == ["/onFailure/emit/0/pattern", "/onFailure/emit/1/event"]
    [fix] = violations[1].fix
    assert (fix["op"], fix["path"]) == ("move", "/onFailure/emit/1/pattern")
    renamed = check_document("task", expression_document() | {"onError": {"emit": []}})
    assert renamed[0].fix == [{"op": "move", "from": "/onError", "path": "/onFailure"}]


@pytest.mark.django_db
def test_events_that_tasks_may_not_record_are_refused() -> None:
    EventDefinitionFactory(document=DOUBLED | {"sourceTypes": ["workflow", "external"]})
    [violation] = check_events(telling({"id": 1}))
    assert (violation.code, violation.pointer) == ("source-type", "/onComplete/emit/0/pattern")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        ({"id": "${output.doubled}", "more": {"n": [1, "${input.amount}"]}}, {}),
        ("${output}", {}),
        ({"id": "one"}, {"/id": "type"}),
        ({"id": "one", "note": "${input.amount}"}, {"/id": "type", "/note": "unknown-field"}),
        ({"more": {"n": ["x", "${input.amount}"]}}, {"": "required", "/more/n/0": "type"}),
        ({"id": {"of": "${input.amount}"}}, {"/id": "type"}),
    ],
)
def test_what_certainly_does_not_fit_the_definition_of_the_event_is_found(payload: Any, wrong: dict[str, str]) -> None:
    EventDefinitionFactory(document=DOUBLED)
    place = "/onComplete/emit/0/payload"
    assert {each.pointer.removeprefix(place): each.code for each in check_events(telling(payload))} == wrong


@pytest.mark.django_db
def test_an_event_that_is_a_draft_or_unknown_binds_nobody() -> None:
    assert check_events(telling({"id": "one"})) == []
    EventDefinitionFactory(document=DOUBLED | {"status": "draft"})
    assert check_events(telling({"id": "one"})) == []


@pytest.mark.django_db
def test_an_events_dependents_are_the_tasks_that_record_it_and_what_a_change_breaks_is_told(cast: Cast) -> None:
    event = EventDefinitionFactory(document=DOUBLED)
    TaskDefinitionFactory(document=telling({"id": "${output.doubled}"}))
    [user] = impact(EVENT, event)["definitions"]
    assert (user["kind"], user["id"], user["pointer"]) == ("task", "double", "/onComplete/emit/0/pattern")
    assert impact(EVENT, event, DOUBLED | {"version": "1.1.0"})["breaks"] == []
    [broken] = impact(EVENT, event, DOUBLED | {"version": "2.0.0", "sourceTypes": ["workflow"]})["breaks"]
    assert [each["code"] for each in broken["violations"]] == ["source-type"]
