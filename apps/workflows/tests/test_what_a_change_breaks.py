"""Before a definition changes: who names it, who reads what of it, and what would break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.kind import EVENT
from apps.events.models import EventDefinition
from apps.events.tests.factories import EventDefinitionFactory, shipped
from apps.tasks.tests.factories import TaskDefinitionFactory
from apps.validation.definitions.impact import impact
from apps.workflows.tests.factories import errand, flow, greeting, nap, published, started, worker_task

pytestmark = pytest.mark.django_db
TASKS = "/api/v1/tasks/definitions"
FLOWS = "/api/v1/workflows/definitions"
N = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
def client(api: Callable[[User], APIClient], alice: User) -> APIClient:
    return api(alice)


def doubling(**more: Any) -> dict[str, Any]:
    return worker_task(inputSchema=N, outputSchema=N) | more


def renamed(field: str) -> dict[str, Any]:
    return {"type": "object", "properties": {field: {"type": "number"}}, "required": [field]}


def places(answer: Any) -> list[tuple[str, str, str]]:
    return [
        (each["id"], violation["code"], violation["pointer"])
        for each in answer.json()["breaks"]
        for violation in each["violations"]
    ]


def test_it_lists_which_expressions_read_which_fields(client: APIClient) -> None:
    published(errand(), doubling())
    answer = client.get(f"{TASKS}/errand/impact").json()
    assert answer["reads"] == [
        {
            "kind": "workflow",
            "id": "errand",
            "version": "1.0.0",
            "pointer": "/steps/1/output/n",
            "column": 20,
            "path": "steps.run.output.n",
            "expression": "${steps.run.output.n}",
        }
    ]
    assert [(each["id"], each["pointer"]) for each in answer["definitions"]] == [("errand", "/steps/0/taskId")]
    assert answer["proposed"] is None
    assert answer["breaks"] == []


def test_a_renamed_output_field_breaks_those_who_read_it(client: APIClient) -> None:
    published(errand(), doubling())
    answer = client.post(f"{TASKS}/errand/impact", doubling(version="1.1.0", outputSchema=renamed("doubled")))
    assert answer.status_code == 200
    assert places(answer) == [("errand", "unknown-field", "/steps/1/output/n")]
    (found,) = answer.json()["breaks"][0]["violations"]
    assert (found["column"], found["expected"], found["found"]) == (20, "doubled", "n")
    assert answer.json()["sentences"][0] == "Publishing this breaks 1 definition: 1 error."


def test_a_new_required_input_breaks_those_who_do_not_give_it(client: APIClient) -> None:
    published(errand(), doubling())
    wanted = {**N, "properties": {**N["properties"], "unit": {"type": "string"}}, "required": ["n", "unit"]}
    answer = client.post(f"{TASKS}/errand/impact", doubling(version="1.1.0", inputSchema=wanted))
    assert places(answer) == [("errand", "required", "/steps/0/input")]


def test_what_was_wrong_before_is_not_blamed_on_the_change(client: APIClient) -> None:
    document = errand()
    document["steps"][1]["output"] = {"n": "${steps.run.output.nn}"}
    published(document, doubling())
    assert places(client.post(f"{TASKS}/errand/impact", doubling(version="1.1.0", description="Said better."))) == []


def test_a_stored_version_is_looked_at_by_its_number(client: APIClient) -> None:
    published(errand(), doubling())
    draft = doubling(version="1.1.0", outputSchema=renamed("doubled"))
    TaskDefinitionFactory(document=draft, status="draft", published_at=None)
    answer = client.get(f"{TASKS}/errand/impact", {"version": "1.1.0"})
    assert answer.json()["proposed"] == "1.1.0"
    assert places(answer) == [("errand", "unknown-field", "/steps/1/output/n")]
    assert client.get(f"{TASKS}/errand/impact", {"version": "9.9.9"}).status_code == 404


def test_a_workflow_that_fixes_another_version_is_not_broken(client: APIClient) -> None:
    document = errand()
    document["steps"][0]["taskVersion"] = "1.0.0"
    published(document, doubling())
    answer = client.post(f"{TASKS}/errand/impact", doubling(version="1.1.0", outputSchema=renamed("doubled")))
    assert places(answer) == []
    assert answer.json()["definitions"][0]["pinned"] == "1.0.0"
    assert answer.json()["sentences"] == ["Nothing that names it breaks."]


def test_published_workflows_and_their_runs_stay_with_their_version(client: APIClient, alice: User) -> None:
    row = published(errand(), doubling())
    row.task_pins = {"errand": "1.0.0"}
    row.save()
    started(alice, "errand", {"n": 1})
    answer = client.post(f"{TASKS}/errand/impact", doubling(version="1.1.0", outputSchema=renamed("doubled"))).json()
    assert answer["breaks"][0]["pinned"] == "1.0.0"
    assert answer["breaks"][0]["running"] == answer["runs"] == 1
    assert answer["sentences"][1] == (
        "1 published definition stays with the version named there until published again, and so does 1 run under way."
    )


def test_a_child_that_gives_something_else_breaks_its_parents(client: APIClient) -> None:
    text = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    published(greeting(outputSchema=text))
    call = {"stepId": "call", "type": "SUB_WORKFLOW", "workflowId": "greeting", "input": {"name": "Ada"}}
    show = {"stepId": "show", "type": "TRANSFORM", "output": {"said": "${steps.call.output.text}"}}
    published(flow(call | {"next": "show"}, show))
    other = greeting(version="2.0.0", outputSchema=renamed("words"))
    answer = client.post(f"{FLOWS}/greeting/impact", other)
    assert places(answer) == [("flow", "unknown-field", "/steps/1/output/said")]
    assert answer.json()["breaks"][0]["pinned"] is None


def test_an_event_is_known_by_its_pattern(alice: User) -> None:
    document = {"eventId": "Orders.paid", "pattern": "orders.paid", "version": "1.0.0", "payloadSchema": N}
    row = EventDefinition.objects.create(
        key="Orders.paid", version="1.0.0", version_key="1", name="Paid", document=document, status="published",
        published_at=timezone.now(),
    )  # fmt: skip
    wait = {
        "stepId": "wait",
        "type": "EVENT_WAIT",
        "eventPattern": "orders.paid",
        "eventCondition": "event.payload.n > 1",
    }
    send = {"stepId": "send", "type": "EMIT_EVENT", "pattern": "orders.paid", "payload": {"n": 1}}
    published(flow(wait | {"next": "send"}, send))
    found = impact(EVENT, row, document | {"version": "2.0.0", "payloadSchema": renamed("m")})
    assert [each["pointer"] for each in found["definitions"]] == ["/steps/0/eventPattern", "/steps/1/pattern"]
    assert [(each["pointer"], each["path"]) for each in found["reads"]] == [
        ("/steps/0/eventCondition", "event.payload.n")
    ]
    assert [violation["pointer"] for violation in found["breaks"][0]["violations"]] == [
        "/steps/0/eventCondition",
        "/steps/1/payload",
    ]


def test_who_waits_for_many_events_waits_for_each_of_them(client: APIClient) -> None:
    EventDefinitionFactory(document=shipped())

    def wait(pattern: str) -> dict[str, Any]:
        return {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": pattern}

    for key, pattern in (("one", "orders.shipped"), ("any", "orders.*"), ("deep", "**.shipped"), ("none", "parcels.*")):
        published(flow(wait(pattern), workflowId=key))
    found = client.get("/api/v1/events/definitions/OrderEvents.shipped/impact").json()
    assert {(each["id"], each["pointer"]) for each in found["definitions"]} == {
        (key, "/steps/0/eventPattern") for key in ("one", "any", "deep")
    }


@pytest.mark.parametrize(
    ("document", "pointer"),
    [(doubling(taskId="other"), "/taskId"), (doubling(inputSchema=7), "/inputSchema"), ([], "")],
)
def test_a_document_that_cannot_be_meant_is_refused(client: APIClient, document: Any, pointer: str) -> None:
    published(errand(), doubling())
    answer = client.post(f"{TASKS}/errand/impact", document)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["violations"]] == [pointer]


def test_an_unknown_definition_is_not_found(client: APIClient) -> None:
    assert client.post(f"{TASKS}/nothing/impact", doubling(taskId="nothing")).status_code == 404


def test_whoever_may_not_see_workflows_learns_only_that_they_break(
    api: Callable[[User], APIClient],
) -> None:
    robot = UserFactory(roles=["service"])
    published(errand(), doubling())
    answer = api(robot).post(f"{TASKS}/errand/impact", doubling(version="1.1.0", outputSchema=renamed("doubled")))
    assert answer.status_code == 200
    body = answer.json()
    assert body["reads"] == []
    assert [(each["id"], each["violations"]) for each in body["breaks"]] == [("errand", [])]
    assert body["sentences"][0] == "Publishing this breaks 1 definition: 1 error."


def test_the_answer_asks_the_database_no_more_for_more_places(
    client: APIClient, django_assert_max_num_queries: Any
) -> None:
    steps = [
        {"stepId": f"s{n}", "taskId": "errand", "input": {"n": n}, **({"next": f"s{n + 1}"} if n < 29 else {})}
        for n in range(30)
    ]
    published(flow(*steps), doubling())
    with django_assert_max_num_queries(40):
        client.post(f"{TASKS}/errand/impact", doubling(version="1.1.0", outputSchema=renamed("doubled")))


def test_a_definition_that_nothing_names_breaks_nothing(client: APIClient) -> None:
    published(nap())
    answer = client.post(f"{FLOWS}/nap/impact", nap(version="2.0.0")).json()
    assert (answer["definitions"], answer["breaks"]) == ([], [])
