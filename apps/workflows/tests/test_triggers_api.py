"""Event triggers over HTTP: saved with every problem at once, paused, tried on events that nobody has recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import UserFactory
from apps.events.models import Event
from apps.events.routing import route
from apps.events.tests.factories import EventDefinitionFactory, new_event, recorded, shipped
from apps.tasks.models import Task
from apps.validation.definitions import bundles
from apps.validation.definitions.bundles import Document
from apps.workflows.models import Trigger, WorkflowInstance
from apps.workflows.services import triggers
from apps.workflows.tests.factories import WorkflowDefinitionFactory, flow, greeting, nap, published, started

pytestmark = pytest.mark.django_db
URL = "/api/v1/workflows/triggers"
Api = Callable[[User | None], APIClient]
PLAIN = {"workflowId": "nap", "eventPattern": "orders.shipped"}
GREET = {**PLAIN, "workflowId": "greeting"}
CANCEL = {**PLAIN, "triggerType": "CANCEL"}


@pytest.fixture
def client(api: Api, alice: User) -> APIClient:
    published(nap())
    published(greeting())
    EventDefinitionFactory(document=shipped(examples=[{"orderId": "ORD-1", "parcels": 2}, {"orderId": "ORD-2"}]))
    return api(alice)


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["pointer"]) for each in answer.json()["violations"]]


def test_a_trigger_is_saved_read_changed_and_deleted(client: APIClient) -> None:
    made = client.post(URL, {**PLAIN, "triggerId": "ship", "name": "When shipped"})
    assert (made.status_code, made.json()["state"], made.json()["triggerType"]) == (201, "ACTIVE", "START")
    one = client.get(f"{URL}/ship")
    assert one.json()["document"] == {**PLAIN, "triggerId": "ship", "name": "When shipped", "enabled": True}
    changed = {**PLAIN, "eventCondition": "event.payload.orderId == 'ORD-1'", "priority": 5}
    assert client.put(f"{URL}/ship", changed, headers={"If-Match": '"7"'}).status_code == 412
    fresh = client.put(f"{URL}/ship", changed, headers={"If-Match": one["ETag"]})
    assert (fresh.status_code, fresh.json()["priority"], fresh.json()["owner"]) == (200, 5, "alice")
    assert [each["triggerId"] for each in client.get(URL, {"search": "shipped"}).json()["items"]] == ["ship"]
    assert client.get(URL, {"workflowId": "greeting"}).json()["items"] == []
    assert len(client.get(URL, {"pattern": "orders.shipped", "state": "ACTIVE"}).json()["items"]) == 1
    assert client.delete(f"{URL}/ship").status_code == 204
    assert client.get(f"{URL}/ship").status_code == 404
    actions = AuditEntry.objects.filter(resource="trigger").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["trigger.save", "trigger.save", "trigger.delete"]


def test_a_trigger_without_a_name_gets_a_free_one(client: APIClient) -> None:
    keys = [client.post(URL, PLAIN).json()["triggerId"] for _ in range(2)]
    keys.append(client.post(URL, {**CANCEL, "correlationKey": "event.payload.orderId"}).json()["triggerId"])
    assert keys == ["nap", "nap-2", "cancel-nap"]


def test_it_is_paused_and_resumed(client: APIClient) -> None:
    client.post(URL, PLAIN)
    paused = client.post(f"{URL}/nap/pause", {"reason": "Stocktaking."})
    assert (paused.json()["state"], paused.json()["pausedBy"]) == ("PAUSED", "alice")
    assert client.post(f"{URL}/nap/pause", {}).status_code == 409
    assert client.get(URL, {"state": "ACTIVE"}).json()["items"] == []
    resumed = client.post(f"{URL}/nap/resume", {})
    assert (resumed.json()["state"], resumed.json()["pausedBy"]) == ("ACTIVE", None)
    assert client.post(f"{URL}/nap/resume", {}).status_code == 409


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({**PLAIN, "workflowId": "nep"}, ("unknown-workflow", "/workflowId")),
        ({**PLAIN, "workflowId": 7}, ("type", "/workflowId")),
        ({"workflowId": "nap"}, ("required", "")),
        ({**PLAIN, "eventPattern": "orders..x"}, ("pattern", "/eventPattern")),
        ({**PLAIN, "eventCondition": "event.payload.orderID == 'x'"}, ("unknown-field", "/eventCondition")),
        ({**PLAIN, "eventCondition": "event.payload.orderId"}, ("condition-not-boolean", "/eventCondition")),
        ({**PLAIN, "eventCondition": "event.payload."}, ("expression-syntax", "/eventCondition")),
        ({**PLAIN, "eventCondition": "input.x == 1"}, ("expression-root", "/eventCondition")),
        ({**PLAIN, "inputMapping": {"a": "${event.payload.oderId}"}}, ("unknown-field", "/inputMapping/a")),
        ({**PLAIN, "correlationKey": "event.payload.nope"}, ("unknown-field", "/correlationKey")),
        ({**PLAIN, "correlationKey": "event.payload"}, ("type", "/correlationKey")),
        ({**PLAIN, "workflowId": "greeting"}, ("required", "")),
        (
            {**PLAIN, "workflowId": "greeting", "inputMapping": {"name": "${event.payload.?parcels.orValue(0)}"}},
            ("type", "/inputMapping/name"),
        ),
        ({**PLAIN, "workflowId": "greeting", "inputMapping": {"nam": "x"}}, ("unknown-field", "/inputMapping/nam")),
        ({**PLAIN, "workflowId": "greeting", "inputMapping": {"name": ""}}, ("minLength", "/inputMapping/name")),
        (CANCEL, ("cancels-every-run", "/triggerType")),
        (
            {**CANCEL, "eventCondition": "event.payload.orderId == workflow.input.orderId"},
            ("needs-the-run", "/eventCondition"),
        ),
        ({**CANCEL, "correlationKey": "input.orderId"}, ("needs-the-run", "/correlationKey")),
        ({**PLAIN, "priority": 10**12}, ("maximum", "/priority")),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    document: dict[str, Any], expected: tuple[str, str], client: APIClient
) -> None:
    answer = client.post(URL, document)
    assert answer.status_code == 422, answer.json()
    assert expected in codes(answer)
    assert not Trigger.objects.exists()


def test_a_field_that_the_payload_does_not_have_is_shown_with_its_column_and_what_was_meant(client: APIClient) -> None:
    answer = client.post(URL, {**PLAIN, "eventCondition": "event.pattern != '' && event.payload.orderID == 'x'"})
    (found,) = answer.json()["violations"]
    assert (found["column"], found["hint"]) == (38, "Did you mean `event.payload.orderId`?")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({**PLAIN, "eventPattern": "orders.shiped"}, ("unknown-event", "/eventPattern")),
        ({**PLAIN, "inputMapping": {"a": "event.payload.orderId"}}, ("text-not-expression", "/inputMapping/a")),
        ({**PLAIN, "eventCondition": "event.payload.orderId == 'no'"}, ("matches-no-example", "/eventCondition")),
        ({**PLAIN, "inputMapping": {"a": "${event.payload.parcels}"}}, ("field-may-be-missing", "/inputMapping/a")),
        ({**GREET, "inputMapping": {"name": "${string(event.payload.parcels)}"}}, ("input", "/inputMapping")),
        ({**PLAIN, "eventCondition": "event.payload.parcels > 1"}, ("field-may-be-missing", "/eventCondition")),
        ({**PLAIN, "workflowId": "draft"}, ("workflow-not-published", "/workflowId")),
        ({**PLAIN, "workflowId": "echo"}, ("starts-itself", "/eventPattern")),
        ({**CANCEL, "correlationKey": "event.payload.orderId", "inputMapping": {}}, ("field-without-effect", "/inputMapping")),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_saved_with_a_warning(
    document: dict[str, Any], expected: tuple[str, str], client: APIClient
) -> None:
    steps = flow({"stepId": "a", "type": "END"}, workflowId="draft")
    WorkflowDefinitionFactory(document=steps, status="draft", published_at=None)
    echo = {"stepId": "a", "type": "EMIT_EVENT", "pattern": "orders.shipped", "payload": {"orderId": "x"}}
    published(flow(echo, workflowId="echo"))
    answer = client.post(URL, document)
    assert answer.status_code == 201, answer.json()
    assert expected in codes(answer)


def test_an_input_that_no_example_can_give_is_an_error(client: APIClient) -> None:
    long = greeting(workflowId="long", inputSchema={"properties": {"name": {"type": "string", "minLength": 20}}})
    published(long)
    answer = client.post(
        URL,
        {"workflowId": "long", "eventPattern": "orders.shipped", "inputMapping": {"name": "${event.payload.orderId}"}},
    )
    assert answer.status_code == 422
    assert codes(answer)[0] == ("minLength", "/inputMapping/name")
    assert "example 1 of orders.shipped" in answer.json()["violations"][0]["message"]
    several = {"workflowId": "long", "eventPattern": "orders.*", "inputMapping": {"name": "${event.payload.orderId}"}}
    assert ("minLength", "/inputMapping/name") in codes(client.post(URL, several))
    assert Trigger.objects.count() == 1


@pytest.mark.parametrize("body", [[], "x", 7, {"workflowId": 7}, {"event": {}}])
def test_what_is_no_trigger_is_refused(body: Any, client: APIClient) -> None:
    assert client.post(URL, body, format="json").status_code == 422


def test_who_may_not_cancel_runs_saves_no_trigger_that_does(api: Api, client: APIClient) -> None:
    dora = UserFactory(username="dora", permissions=["design:trigger", "start:workflow"])
    assert api(dora).post(URL, PLAIN).status_code == 201
    answer = api(dora).post(URL, {**CANCEL, "correlationKey": "event.payload.orderId"})
    assert answer.status_code == 403


def test_what_it_did_is_listed_the_latest_first_in_pages(client: APIClient) -> None:
    client.post(URL, {**PLAIN, "correlationKey": "event.payload.orderId"})
    assert client.get(f"{URL}/nap").json()["last"] is None
    for n in range(3):
        recorded(new_event(f"e-{n}", "orders.shipped", {"orderId": "A" if n < 2 else "B"}))
        while route():
            pass
    page = client.get(f"{URL}/nap/deliveries", {"limit": 2}).json()
    rest = client.get(page["next"]).json()
    found = page["items"] + rest["items"]
    assert {(each["eventId"], each["status"]) for each in found} == {
        ("e-2", "handled"),
        ("e-1", "skipped"),
        ("e-0", "handled"),
    }
    assert len(found) == 3
    assert client.get(f"{URL}/nap").json()["last"]["eventId"] in ("e-0", "e-1", "e-2")


# Would this event match?


def tried(client: APIClient, payload: Any, trigger: Any = None, pattern: str = "orders.shipped") -> dict[str, Any]:
    body = {"event": {"pattern": pattern, "payload": payload}} | ({"trigger": trigger} if trigger else {})
    answer = client.post(f"{URL}/test", body)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def test_it_is_said_what_each_trigger_would_do_and_nothing_is_done(client: APIClient, alice: User) -> None:
    for key, more in {
        "a": {},
        "b": {"eventCondition": "event.payload.parcels > 1 && event.payload.orderId.startsWith('ORD')", "priority": 1},
        "c": {
            "workflowId": "greeting",
            "eventPattern": "orders.*",
            "inputMapping": {"name": "${event.payload.orderId}"},
        },
    }.items():
        triggers.save(actor=alice, document={**PLAIN, "triggerId": key} | more)
    found = tried(client, {"orderId": "ORD-7", "parcels": 1})
    verdicts = [(each["triggerId"], each["matches"], each["would"]) for each in found["verdicts"]]
    assert verdicts == [("b", False, "skip"), ("a", True, "start"), ("c", True, "start")]
    assert found["verdicts"][0]["reason"] == "`event.payload.parcels > 1` is false: `event.payload.parcels` is 1."
    assert found["verdicts"][2]["input"] == {"name": "ORD-7"}
    assert found["verdicts"][1]["reason"] == "A run of nap 1.0.0 is started."
    assert not (WorkflowInstance.objects.exists() or Event.objects.exists() or Task.objects.exists())


def test_an_unsaved_trigger_is_tried_with_what_is_wrong_with_it(client: APIClient) -> None:
    (first,) = tried(client, {"orderId": "x"}, {**PLAIN, "correlationKey": "event.payload.orderId"})["verdicts"]
    assert (first["unsaved"], first["would"], first["correlationKey"]) == (True, "start", "x")
    (broken,) = tried(client, {}, {"workflowId": "nap"})["verdicts"]
    assert (broken["would"], broken["violations"][0]["code"]) == ("skip", "required")
    (unparsed,) = tried(client, {}, {**PLAIN, "eventCondition": "event."})["verdicts"]
    assert (unparsed["would"], unparsed["violations"][0]["code"]) == ("skip", "expression-syntax")
    (misfit,) = tried(client, {"orderId": "x"}, {**PLAIN, "workflowId": "greeting"})["verdicts"]
    assert [each["pointer"] for each in misfit["inputViolations"]] == ["/input", "/input/orderId"]
    (other,) = tried(client, {}, {**PLAIN, "eventPattern": "order.shipped"})["verdicts"]
    assert other["reason"].endswith("it has `order` where the event has `orders`.")


def test_a_case_under_way_and_a_paused_trigger_are_told(client: APIClient, alice: User) -> None:
    started(alice, "nap", correlation_id="A")
    keyed = {"correlationKey": "event.payload.orderId"}
    triggers.save(actor=alice, document=PLAIN | keyed)
    triggers.save(actor=alice, document=CANCEL | keyed)
    triggers.save(actor=alice, document={**PLAIN, "enabled": False})
    found = {each["triggerId"]: each for each in tried(client, {"orderId": "A"})["verdicts"]}
    assert found["nap"]["reason"] == "A run of nap with the key A is under way, so no other is started."
    assert (found["cancel-nap"]["would"], found["cancel-nap"]["reason"]) == (
        "cancel",
        "It cancels 1 run of nap with the key A.",
    )
    assert (found["nap-2"]["would"], found["nap-2"]["reason"][:12]) == ("skip", "It is paused")


def test_patterns_that_fit_but_for_one_word_are_hinted_at(client: APIClient, alice: User) -> None:
    for pattern in ("order.shipped", "orders.*.late", "orders.shipped.**", "orders.withdrawn", "shop.**.shiped"):
        triggers.save(actor=alice, document={"workflowId": "nap", "eventPattern": pattern})
    found = tried(client, {"orderId": "x"})
    assert [each["eventPattern"] for each in found["verdicts"]] == ["orders.shipped.**"]
    assert [each["eventPattern"] for each in found["hints"]] == ["order.shipped"]


def test_a_payload_that_its_definition_would_refuse_is_told(client: APIClient) -> None:
    assert [each["pointer"] for each in tried(client, {})["violations"]] == ["/event/payload"]


@pytest.mark.parametrize(
    "body", [{}, {"event": 7}, {"event": {"pattern": "a b"}}, {"event": {"pattern": "a"}, "trigger": 7}]
)
def test_what_is_no_event_is_refused(body: Any, client: APIClient) -> None:
    assert client.post(f"{URL}/test", body).status_code == 422


# Bundles and impact


def test_a_bundle_brings_its_trigger_once_and_export_gives_it_back(client: APIClient, alice: User) -> None:
    document = {"kind": "trigger", **PLAIN, "triggerId": "ship", "workflowId": "from-bundle"}
    files = [Document("t.json", document), Document("w.json", {"kind": "workflow", **nap(workflowId="from-bundle")})]
    assert [(each.kind, each.done) for each in bundles.apply(files, actor=alice)] == [
        ("workflow", "published"),
        ("trigger", "created"),
    ]
    assert [each.done for each in bundles.apply(files, actor=alice) if each.kind == "trigger"] == ["unchanged"]
    assert list(triggers.TRIGGER.documents()) == [("ship", Trigger.objects.get().document)]


def test_impact_names_the_triggers_of_a_workflow_and_of_an_event(client: APIClient) -> None:
    client.post(URL, {**PLAIN, "eventPattern": "orders.*"})
    of_flow = client.get("/api/v1/workflows/definitions/nap/impact").json()["definitions"]
    assert [(each["kind"], each["id"], each["pointer"]) for each in of_flow] == [("trigger", "nap", "/workflowId")]
    of_event = client.get("/api/v1/events/definitions/OrderEvents.shipped/impact").json()["definitions"]
    assert [(each["kind"], each["id"], each["pointer"]) for each in of_event] == [("trigger", "nap", "/eventPattern")]
