"""Webhooks over HTTP: saved, found, tried out, switched off."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import UserFactory
from apps.events.models import Event
from apps.integrations.models import Webhook
from apps.integrations.services import subscriptions, webhooks
from apps.integrations.services.subscriptions import SUBSCRIPTION
from apps.integrations.services.webhooks import WEBHOOK
from apps.validation.definitions import bundles

from .factories import call, document, secret, signed, webhook

pytestmark = pytest.mark.django_db
HERE = "/api/v1/webhooks"


@pytest.fixture
def client(api: Any, alice: User, admin: User) -> APIClient:
    secret(admin)
    return api(alice)


def test_a_webhook_is_saved_read_changed_and_deleted(client: APIClient) -> None:
    made = client.post(HERE, document(name="Orders"))
    assert (made.status_code, made.json()["revision"], made.headers["ETag"]) == (201, 1, '"1"')
    assert made.json()["address"] == "/hooks/orders/new"
    changed = client.put(f"{HERE}/orders", document(name="Orders!"), headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["name"]) == (200, "Orders!")
    assert client.put(f"{HERE}/orders", document(), headers={"If-Match": '"1"'}).status_code == 412
    assert call({"a": 1}).status_code == 202
    [listed] = client.get(HERE).json()["items"]
    assert (listed["webhookId"], listed["state"]) == ("orders", "ACTIVE")
    assert listed["lastReception"]["outcome"] == "accepted"
    [reception] = client.get(f"{HERE}/orders/deliveries").json()["items"]
    assert reception["eventId"] == Event.objects.get().event_id
    assert client.delete(f"{HERE}/orders").status_code == 204
    assert client.get(f"{HERE}/orders").status_code == 404
    assert Event.objects.count() == 1
    actions = list(AuditEntry.objects.filter(resource="webhook").order_by("id").values_list("action", flat=True))
    assert actions == ["webhook.save", "webhook.save", "webhook.delete"]


def test_without_a_name_it_goes_by_its_path(client: APIClient) -> None:
    nameless = document(path="2nd/orders")
    del nameless["webhookId"]
    assert client.post(HERE, nameless).json()["webhookId"] == "hook-2nd-orders"


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        pytest.param({"auth": {"kind": "hmac"}}, "required", "/auth/secretName", id="no secret"),
        pytest.param(
            {"auth": {"kind": "hmac", "secretName": "shp"}}, "unknown-secret", "/auth/secretName", id="unknown"
        ),
        pytest.param({"auth": {"kind": "basic", "secretName": "shop"}}, "required", "/auth/username", id="no user"),
        pytest.param({"headers": ["Cookie"]}, "credential-header", "/headers/0", id="cookie"),
        pytest.param({"headers": ["x-signature"]}, "credential-header", "/headers/0", id="signature"),
        pytest.param({"payloadMapping": {"a": "${evnt.payload}"}}, "expression-root", "/payloadMapping/a", id="root"),
        pytest.param({"eventPattern": "a.${event.payload"}, "pattern", "/eventPattern", id="open template"),
        pytest.param({"eventIdFrom": "1 +"}, "expression-syntax", "/eventIdFrom", id="no expression"),
        pytest.param({"path": "a//b"}, "pattern", "/path", id="path"),
        pytest.param({"webhookId": "subscriptions"}, "reserved", "/webhookId", id="reserved"),
        pytest.param({"secret": "x"}, "unknown-field", "/secret", id="unknown field"),
    ],
)
def test_a_faulty_document_is_refused(client: APIClient, more: dict[str, Any], code: str, pointer: str) -> None:
    answer = client.post(HERE, document(**more))
    assert answer.status_code == 422
    assert (code, pointer) in [(each["code"], each["pointer"]) for each in answer.json()["violations"]]
    assert not Webhook.objects.exists()


def test_a_path_belongs_to_one_webhook(client: APIClient) -> None:
    client.post(HERE, document())
    answer = client.post(HERE, document(webhookId="other"))
    assert [each["code"] for each in answer.json()["violations"]] == ["path-taken"]


def test_a_webhook_that_anybody_may_call_is_saved_with_a_warning(client: APIClient) -> None:
    answer = client.post(HERE, document(auth={"kind": "none"}))
    assert answer.status_code == 201
    assert [each["code"] for each in answer.json()["warnings"]] == ["anybody-may-call"]
    assert call({"a": 1}, {}).status_code == 202


def test_rights_are_asked_for(api: Any, admin: User, bob: User) -> None:
    webhook(admin)
    operator = api(UserFactory(roles=["workflow_operator"]))
    assert operator.get(f"{HERE}/orders").status_code == 200
    assert operator.put(f"{HERE}/orders", document()).status_code == 403
    assert operator.post(f"{HERE}/orders/pause", {}).json()["state"] == "PAUSED"
    assert operator.post(f"{HERE}/orders/pause", {}).status_code == 409
    assert operator.post(f"{HERE}/orders/resume", {"reason": "again"}).json()["state"] == "ACTIVE"
    assert api(bob).get(HERE).status_code == 403
    # To name a secret is a right of its own.
    designer = api(UserFactory(permissions=["design:webhook", "view:webhook", "record:event"]))
    assert designer.put(f"{HERE}/orders", document()).status_code == 403
    assert designer.post(HERE, document(webhookId="open", path="open", auth={"kind": "none"})).status_code == 201
    unprivileged = api(UserFactory(permissions=["design:webhook", "use:secret"]))
    assert unprivileged.post(HERE, document()).status_code == 403


def test_trying_out_says_what_would_come_of_a_call(client: APIClient, admin: User) -> None:
    webhook(admin, payloadMapping={"n": "${event.payload.n}"}, respond={"body": {"n": "${event.payload.n}"}})
    body = '{"n": 1}'
    good = client.post(
        f"{HERE}/orders/test", {"headers": {"Content-Type": "application/json", **signed(body.encode())}, "body": body}
    ).json()
    assert (good["verified"], good["violations"], good["answer"]) == (True, [], {"n": 1})
    assert good["event"]["payload"] == {"n": 1}
    assert good["event"]["pattern"] == "webhooks.orders.new"
    bad = client.post(f"{HERE}/orders/test", {"body": {"m": 1}}).json()
    assert (bad["verified"], bad["reason"]["code"]) == (False, "no-credentials")
    assert bad["violations"][0]["pointer"] == "/payloadMapping"
    assert client.post(f"{HERE}/orders/test", {}).status_code == 200
    assert not Event.objects.exists()


def test_a_secret_that_a_webhook_names_stays(api: Any, client: APIClient, admin: User) -> None:
    client.post(HERE, document())
    assert api(admin).delete("/api/v1/secrets/shop").status_code == 409
    client.delete(f"{HERE}/orders")
    assert api(admin).delete("/api/v1/secrets/shop").status_code == 204


def test_webhooks_travel_in_bundles(admin: User, tmp_path: Any) -> None:
    secret(admin)
    given = bundles.Document("webhook.orders.json", {"kind": "webhook", **document()})
    assert [each.done for each in bundles.apply([given], actor=admin)] == ["created"]
    assert [each.done for each in bundles.apply([given], actor=admin)] == ["unchanged"]
    [written] = bundles.export(["webhook"], tmp_path)
    assert written.name == "webhook.orders.json"


def test_what_depends_on_an_event_names_webhooks_in_both_directions(admin: User) -> None:
    webhook(admin, eventPattern="shop.placed")
    webhooks.save(actor=admin, document=document(webhookId="plain", path="plain", auth={"kind": "none"}))
    for key, pattern in (("all", "shop.*"), ("others", "parcels.*")):
        body = {"subscriptionId": key, "url": "https://partner.example/", "eventPatterns": [pattern]}
        subscriptions.save(actor=admin, document=body)
    found = [row["id"] for kind in (WEBHOOK, SUBSCRIPTION) for row in kind.dependents("event", "shop.placed")]
    assert found == ["orders", "all"]
    assert [row["id"] for row in WEBHOOK.dependents("event", "webhooks.plain")] == ["plain"]
    assert WEBHOOK.dependents("workflow", "nobody") == []
