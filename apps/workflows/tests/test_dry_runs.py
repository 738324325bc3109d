"""Dry runs: what a definition would do, played on a virtual clock; nothing is kept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps as installed
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.events.models import EventDefinition
from apps.validation.schemas import is_valid
from apps.validation.schemas.example import example_of
from apps.workflows.selectors.mocks import mock_suggestions
from apps.workflows.tests.factories import approval, errand, flow, nap, published, worker_task

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/definitions/dry-run"
PAY = {
    "taskId": "pay",
    "name": "Pay",
    "version": "1.0.0",
    "type": "AUTOMATED",
    "implementation": {
        "kind": "HTTP",
        "endpoint": "https://pay.example.com/orders/${input.orderId}",
        "parameters": {
            "method": "POST",
            "query": {"lang": "en", "api_key": "hidden-1"},
            "headers": {"Authorization": "Bearer hidden-2", "X-Shop": "main"},
            "body": {"amount": "${input.amount}", "password": "hidden-3"},
        },
    },
    "inputSchema": {
        "type": "object",
        "properties": {"orderId": {"type": "string"}, "amount": {"type": "number", "exclusiveMinimum": 0}},
        "required": ["orderId", "amount"],
    },
    "outputSchema": {
        "type": "object",
        "properties": {"paymentId": {"type": "string"}, "status": {"const": "PAID"}},
        "required": ["paymentId", "status"],
    },
}


def order(**more: Any) -> dict[str, Any]:
    """Pays, asks a manager, announces it."""
    [ask, *_] = approval()["steps"]
    ask["taskDefinition"] |= {"dueIn": "P1D", "title": "Approve ${input.orderId}"}
    return flow(
        {"stepId": "rest", "type": "DELAY", "duration": "PT1H", "next": "charge"},
        {"stepId": "charge", "taskId": "pay", "input": {"orderId": "${input.orderId}", "amount": "${input.amount}"},
         "retryPolicy": {"maxAttempts": 3, "delay": "PT10M"}, "next": "ask"},
        ask | {"input": {"paid": "${steps.charge.output.paymentId}"}, "transitions": {"default": "tell"}},
        {"stepId": "tell", "type": "EMIT_EVENT", "pattern": "order.done", "payload": {"id": "${input.orderId}"}},
        **more,
    )  # fmt: skip


INPUT = {"orderId": "O 1", "amount": 5}
PAID = {"taskId": "pay", "response": {"paymentId": "P-1", "status": "PAID"}, "delay": "PT2S"}
APPROVED = {"stepId": "ask", "response": {"note": "fine"}, "action": "approve", "delay": "PT30M"}


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    published(errand(), worker_task(), PAY)
    return api(alice)


def dry(client: APIClient, definition: dict[str, Any], *mocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = client.post(HERE, {"definition": definition, "mocks": list(mocks), **more})
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_the_whole_way_is_told_with_its_data_and_its_times(client: APIClient) -> None:
    told = dry(client, order(), PAID, APPROVED, input=INPUT)
    assert told["status"] == "COMPLETED"
    assert told["path"] == ["rest", "charge", "ask", "tell"]
    assert told["waitsAt"] == []
    assert told["steps"]["charge"]["output"] == {"paymentId": "P-1", "status": "PAID"}
    assert told["steps"]["ask"]["outcome"] == "approve"
    assert [(each["stepId"], each["seconds"]) for each in told["timings"]] == [
        ("rest", 3600), ("charge", 2), ("ask", 1800), ("tell", 0),
    ]  # fmt: skip
    assert told["seconds"] == 3600 + 2 + 1800
    assert told["history"][0]["at"] == told["startedAt"]


def test_each_task_is_told_with_the_input_it_would_get(client: APIClient) -> None:
    charge, ask = dry(client, order(), PAID, APPROVED, input=INPUT)["tasks"]
    assert (charge["stepId"], charge["taskId"], charge["kind"]) == ("charge", "pay", "AUTOMATED")
    assert charge["input"] == INPUT
    assert charge["seconds"] == 3600
    assert charge["answer"]["output"]["paymentId"] == "P-1"
    assert (ask["kind"], ask["input"]) == ("MANUAL", {"paid": "P-1"})


def test_a_persons_task_is_told_with_who_gets_it_and_by_when(client: APIClient) -> None:
    told = dry(client, order(), PAID, APPROVED, input=INPUT)
    person = told["tasks"][1]["person"]
    assert person["title"] == "Approve O 1"
    assert person["candidateGroups"] == ["manager"]
    assert person["assignee"] is None
    assert [each["actionKey"] for each in person["actions"]] == ["approve", "reject"]
    opened, due = told["tasks"][1]["at"], person["dueAt"]
    assert (due[8:10], due[10:]) != (opened[8:10], "") and due[10:19] == opened[10:19]  # a day later


def test_somebody_who_does_not_exist_is_told(client: APIClient) -> None:
    document = approval()
    document["steps"][0]["taskDefinition"] |= {"assignee": "nobody-at-all"}
    person = dry(client, document)["tasks"][0]["person"]
    assert "nobody-at-all" in person["problem"]


def test_outside_calls_are_told_and_credentials_are_not(client: APIClient) -> None:
    told = dry(client, order(), PAID, APPROVED, input=INPUT)
    assert told["effects"]["sentence"] == "Live it would make 1 outside call, open 1 task for people and emit 1 event."
    [call] = told["effects"]["calls"]
    assert call["method"] == "POST"
    assert call["endpoint"] == "https://pay.example.com/orders/${input.orderId}"
    assert call["url"] == "https://pay.example.com/orders/O%201?lang=en&api_key=•••"
    assert call["headers"] == {"Authorization": "•••", "X-Shop": "main"}
    assert call["body"] == {"amount": 5, "password": "•••"}
    assert "hidden" not in str(told)
    assert [each["pattern"] for each in told["effects"]["events"]] == ["order.done"]
    assert told["events"][0]["payload"] == {"id": "O 1"}
    assert told["effects"]["tasks"][0]["for"] == ["manager"]


def test_errors_and_retries_take_their_time(client: APIClient) -> None:
    busy = {"taskId": "pay", "error": {"type": "TRANSIENT", "code": "BUSY"}, "times": 2, "delay": "PT1S"}
    told = dry(client, order(), busy, PAID, APPROVED, input=INPUT)
    tries = [each for each in told["tasks"] if each["stepId"] == "charge"]
    assert [each["attempt"] for each in tries] == [1, 2, 3]
    assert [each["input"] for each in tries] == [INPUT] * 3
    assert [each["seconds"] for each in tries] == [3600, 3600 + 601, 3600 + 1202]
    assert (tries[0]["error"]["code"], tries[2]["error"]) == ("BUSY", None)
    assert len(told["effects"]["calls"]) == 3


def test_a_mock_that_the_task_could_never_give_fails_as_it_would_live(client: APIClient) -> None:
    wrong = PAID | {"response": {"paymentId": 7}}
    told = dry(client, order(), wrong, input=INPUT)
    assert (told["status"], told["error"]["code"]) == ("FAILED", "OUTPUT_INVALID")


def test_an_input_that_the_task_refuses_fails_before_any_call(client: APIClient) -> None:
    told = dry(client, order(), PAID, input=INPUT | {"amount": -1})
    assert (told["status"], told["error"]["code"]) == ("FAILED", "INPUT_INVALID")
    assert told["effects"]["calls"] == []


def test_what_no_mock_answers_is_where_it_stops(client: APIClient) -> None:
    told = dry(client, order(), PAID, input=INPUT)
    assert (told["status"], told["waitsAt"]) == ("RUNNING", ["ask"])


def test_examples_answer_what_no_mock_answers(client: APIClient) -> None:
    told = dry(client, order(), APPROVED | {"action": "reject"}, input=INPUT, examples=True)
    assert told["status"] == "COMPLETED"
    assert told["steps"]["charge"]["output"] == {"paymentId": "text", "status": "PAID"}
    assert told["steps"]["ask"]["outcome"] == "reject"


def test_an_event_is_mocked_by_the_step_that_waits_for_it(client: APIClient) -> None:
    wait = {"stepId": "paid", "type": "EVENT_WAIT", "eventPattern": "order.*", "eventCondition": "event.payload.n > 1",
            "eventTimeout": {"duration": "PT1H"}}  # fmt: skip
    told = dry(client, flow(wait), {"stepId": "paid", "response": {"n": 2}, "delay": "PT5M"})
    assert (told["status"], told["seconds"]) == ("COMPLETED", 300)
    assert told["steps"]["paid"]["output"] == {"n": 2}
    told = dry(client, flow(wait), {"stepId": "paid", "response": {"n": 1}, "delay": "PT5M"})
    assert (told["error"]["code"], told["seconds"]) == ("EVENT_TIMED_OUT", 3600)
    del wait["eventTimeout"]
    told = dry(client, flow(wait))
    assert (told["status"], told["waitsAt"]) == ("WAITING_FOR_EVENT", ["paid"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"definition": nap(steps=[{"stepId": "a", "type": "DELAY", "duration": "soon"}])}, "/steps/0/duration"),
        ({"definition": errand(), "input": {"n": "x"}}, "/input/n"),
    ],
)
def test_what_cannot_be_played_is_refused_with_the_place(client: APIClient, body: Any, pointer: str) -> None:
    answer = client.post(HERE, body)
    assert answer.status_code == 422
    assert pointer in [each["pointer"] for each in answer.json()["violations"]]


def test_a_mock_with_a_delay_that_is_none_is_refused(client: APIClient) -> None:
    answer = client.post(HERE, {"definition": errand(), "input": {"n": 1}, "mocks": [PAID | {"delay": "soon"}]})
    assert answer.status_code == 422


def test_nothing_is_written(client: APIClient) -> None:
    def rows() -> dict[str, int]:
        return {
            model.__name__: model._default_manager.count() for model in installed.get_models(include_auto_created=True)
        }

    before = rows()
    with CaptureQueriesContext(connection) as asked:
        dry(client, order(), PAID, APPROVED, input=INPUT)
    assert rows() == before
    writes = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|FOR UPDATE|nextval)\b", re.IGNORECASE)
    assert [each["sql"] for each in asked if writes.search(each["sql"])] == []


def test_what_a_dry_run_has_to_be_told_is_suggested(client: APIClient) -> None:
    charge, ask = mock_suggestions(order())
    assert charge == {
        "stepId": "charge", "name": "charge", "kind": "TASK", "taskId": "pay",
        "response": {"paymentId": "text", "status": "PAID"},
    }  # fmt: skip
    assert (ask["kind"], ask["response"], ask["action"]) == ("HUMAN", {"note": "text"}, "approve")
    assert ask["actions"] == ["approve", "reject"]
    assert mock_suggestions({"workflowId": "x", "steps": [{"stepId": "a", "taskId": "there-is-none"}]}) == []


@pytest.mark.parametrize(
    "schema",
    [
        PAY["outputSchema"],
        PAY["inputSchema"],
        {"type": "string", "format": "date-time", "minLength": 3},
        {"type": "string", "minLength": 12, "maxLength": 12},
        {"type": ["null", "integer"], "minimum": 7},
        {"type": "number", "exclusiveMaximum": 0},
        {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
        {"oneOf": [{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}, {"type": "null"}]},
        {"$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}], "properties": {"b": {"default": 2}}},
        True,
        {},
    ],
)
def test_an_example_fits_its_schema(schema: Any) -> None:
    assert is_valid(schema, example_of(schema))


def line_of(total: int, *steps: dict[str, Any]) -> dict[str, Any]:
    each = {"stepId": "each", "type": "FOR_EACH", "items": "${input.lines}", "steps": list(steps)}
    return flow(each, inputSchema={}), {"lines": list(range(total))}


def test_what_each_item_does_is_told_once_with_how_many_there_are(client: APIClient) -> None:
    charge = {"stepId": "charge", "taskId": "pay", "input": {"orderId": "O-${item}", "amount": 1},
              "retryPolicy": {"maxAttempts": 2, "delay": "PT1S"}}  # fmt: skip
    document, given = line_of(40, charge)
    told = dry(client, document, PAID, input=given)
    assert told["effects"]["each"] == [
        {"stepId": "charge", "kind": "CALL", "items": 40, "count": 40, "sentence": "Each of 40 items makes 1 call."}
    ]
    assert len(told["effects"]["calls"]) == 3
    assert told["effects"]["sentence"] == "Live it would make 40 outside calls."
    assert told["steps"]["each"]["items"] == {"total": 40, "byStatus": {"COMPLETED": 40}}
    assert told["steps"]["charge"]["visits"] == {"total": 40, "byStatus": {"COMPLETED": 40}}
    busy = {"taskId": "pay", "error": {"type": "TRANSIENT", "code": "BUSY"}, "times": 1}
    [each] = dry(client, document, busy, PAID, input=given)["effects"]["each"]
    assert each["sentence"] == "40 items make 41 calls."


def test_an_event_is_suggested_as_its_definition_shows_it(client: APIClient) -> None:
    wait = {"stepId": "paid", "type": "EVENT_WAIT", "eventPattern": "order.paid"}
    assert mock_suggestions(flow(wait))[0]["response"] == {}
    schema = {"type": "object", "properties": {"n": {"const": 5}}, "required": ["n"]}
    document = {"eventId": "Order.paid", "pattern": "order.paid", "version": "1.0.0", "payloadSchema": schema}
    EventDefinition.objects.create(
        key="Order.paid", version="1.0.0", version_key="1", name="Paid", document=document, status="published",
        published_at=timezone.now(),
    )  # fmt: skip
    assert mock_suggestions(flow(wait))[0]["response"] == {"n": 5}


def test_the_events_of_items_are_counted_too(client: APIClient) -> None:
    tell = {"stepId": "tell", "type": "EMIT_EVENT", "pattern": "line.seen", "payload": {"n": "${item}"}}
    document, given = line_of(5, tell)
    [each] = dry(client, document, input=given)["effects"]["each"]
    assert each["sentence"] == "Each of 5 items emits 1 event."


def test_runs_of_other_workflows_are_told_with_their_input(client: APIClient) -> None:
    published(
        {
            **nap(),
            "workflowId": "child",
            "outputSchema": {"type": "object", "properties": {"n": {"const": 7}}, "required": ["n"]},
        }
    )
    ask = {
        "stepId": "ask",
        "type": "SUB_WORKFLOW",
        "workflowId": "child",
        "input": {"id": "${input.id}"},
        "next": "tell",
    }
    document = flow(ask, {"stepId": "tell", "type": "SUB_WORKFLOW", "workflowId": "child", "wait": False})
    [suggested] = mock_suggestions(document)
    assert suggested == {"stepId": "ask", "name": "ask", "kind": "CHILD", "workflowId": "child", "response": {"n": 7}}
    told = dry(client, document, input={"id": 1}, examples=True)
    assert (told["status"], told["tasks"], told["waitsAt"]) == ("COMPLETED", [], [])
    assert told["steps"]["ask"]["output"] == {"n": 7}
    asked, let_go = told["effects"]["children"]
    assert (asked["stepId"], asked["workflowId"], asked["input"], asked["wait"]) == ("ask", "child", {"id": 1}, True)
    assert (let_go["stepId"], let_go["wait"]) == ("tell", False)
    assert told["effects"]["sentence"] == "Live it would start 2 runs of other workflows."
    assert dry(client, document, input={"id": 1})["waitsAt"] == ["ask"]


def test_what_tasks_would_tell_is_among_the_events(client: APIClient) -> None:
    tells = {"emit": [{"pattern": "payments.made", "payload": {"id": "${output.paymentId}", "by": "${task.taskId}"}}]}
    refuses = {"emit": [{"pattern": "payments.refused", "payload": {"why": "${error.code}"}}]}
    published(nap(), PAY | {"taskId": "tell", "onComplete": tells, "onFailure": refuses})
    step = {"stepId": "charge", "taskId": "tell", "input": {"orderId": "O 1", "amount": 5}}
    told = dry(client, flow(step), PAID | {"taskId": "tell"})
    [event] = told["events"]
    payload = {"id": "P-1", "by": "tell"}
    assert (event["pattern"], event["payload"], event["stepId"]) == ("payments.made", payload, "charge")
    assert told["effects"]["sentence"] == "Live it would make 1 outside call and emit 1 event."
    told = dry(client, flow(step), {"taskId": "tell", "error": {"type": "PERMANENT", "code": "POOR", "message": ""}})
    assert [(each["pattern"], each["payload"]) for each in told["events"]] == [("payments.refused", {"why": "POOR"})]
    told = dry(
        client,
        flow({"stepId": "all", "type": "FOR_EACH", "items": "[1, 2, 3]", "steps": [step]}),
        PAID | {"taskId": "tell"},
    )
    assert "Each of 3 items emits 1 event." in [each["sentence"] for each in told["effects"]["each"]]
