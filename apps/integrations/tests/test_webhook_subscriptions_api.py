"""Webhook subscriptions over HTTP: saved, found, pinged, paused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.auth.services import put_secret
from apps.auth.tests.factories import UserFactory
from apps.events.models import Event
from apps.integrations.models import WebhookSubscription
from apps.validation.definitions import bundles

from .partner import Partner, answering, verified_by_partner

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "/api/v1/webhooks/subscriptions"


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


@pytest.fixture
def partner(settings: Any) -> Iterator[Partner]:
    settings.AUGMENTED_EGRESS_ALLOW = ("127.0.0.1",)
    with Partner() as partner:
        yield partner


def document(**more: Any) -> dict[str, Any]:
    return {"subscriptionId": "partner", "url": "https://partner.example/e", "eventPatterns": ["orders.*"]} | more


def test_a_subscription_is_saved_read_changed_and_deleted(client: APIClient) -> None:
    made = client.post(HERE, document(name="Partner"))
    assert (made.status_code, made.headers["ETag"], made.json()["state"]) == (201, '"1"', "ACTIVE")
    assert [each["code"] for each in made.json()["warnings"]] == ["not-signed"]
    assert client.put(f"{HERE}/partner", document(), headers={"If-Match": '"1"'}).json()["revision"] == 2
    assert client.put(f"{HERE}/partner", document(), headers={"If-Match": '"1"'}).status_code == 412
    assert client.post(f"{HERE}/partner/pause", {"reason": "holidays"}).json()["pausedReason"] == "holidays"
    assert client.post(f"{HERE}/partner/pause", {}).status_code == 409
    assert client.post(f"{HERE}/partner/resume", {}).json()["state"] == "ACTIVE"
    assert client.get(HERE).json()["items"][0]["subscriptionId"] == "partner"
    assert client.get(f"{HERE}/partner/deliveries").json()["items"] == []
    assert client.delete(f"{HERE}/partner").status_code == 204
    assert client.get(f"{HERE}/partner").status_code == 404
    actions = AuditEntry.objects.filter(resource="webhookSubscription").order_by("id").values_list("action", flat=True)
    assert [each.rpartition(".")[2] for each in actions] == ["save", "save", "pause", "resume", "delete"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[fd00::1]/",
        "http://user:pass@partner.example/",
        "http://0.0.0.0/",
    ],
)
def test_addresses_that_may_not_be_called_are_refused_when_saved(client: APIClient, url: str) -> None:
    answer = client.post(HERE, document(url=url))
    assert answer.status_code == 422
    assert [(each["code"], each["pointer"]) for each in answer.json()["violations"] if each["severity"] == "error"] == [
        ("url-refused", "/url")
    ]


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        pytest.param({"url": "ftp://partner.example/"}, "pattern", "/url", id="scheme"),
        pytest.param({"url": "https://partner.example/ x"}, "pattern", "/url", id="blank"),
        pytest.param({"eventPatterns": []}, "minItems", "/eventPatterns", id="no patterns"),
        pytest.param({"eventCondition": "event.payload."}, "expression-syntax", "/eventCondition", id="condition"),
        pytest.param(
            {"headers": {"Authorization": "x"}}, "reserved-header", "/headers/Authorization", id="authorization"
        ),
        pytest.param({"headers": {"webhook-id": "x"}}, "reserved-header", "/headers/webhook-id", id="webhook-id"),
        pytest.param({"headers": {"X-A": "a\r\nb: c"}}, "header-injection", "/headers/X-A", id="line break"),
        pytest.param({"headers": {"X-A": "${input.x}"}}, "expression-root", "/headers/X-A", id="root"),
        pytest.param({"secretName": "nobody"}, "unknown-secret", "/secretName", id="secret"),
        pytest.param({"timeout": "PT2M"}, "timeout", "/timeout", id="timeout"),
        pytest.param({"retryDelay": "P1D"}, "retry-delay", "/retryDelay", id="delay"),
    ],
)
def test_a_faulty_document_is_refused(client: APIClient, more: dict[str, Any], code: str, pointer: str) -> None:
    answer = client.post(HERE, document(**more))
    assert answer.status_code == 422
    assert (code, pointer) in [(each["code"], each["pointer"]) for each in answer.json()["violations"]]
    assert not WebhookSubscription.objects.exists()


def test_a_bearer_must_be_meant_for_the_address(client: APIClient, admin: User) -> None:
    put_secret(actor=admin, name="bearer", value="a value of theirs")
    refused = client.post(HERE, document(authSecretName="bearer"))
    assert [each["code"] for each in refused.json()["violations"] if each["severity"] == "error"] == [
        "secret-not-for-host"
    ]
    put_secret(actor=admin, name="bearer", hosts=["*.example"])
    assert client.post(HERE, document(authSecretName="bearer")).status_code == 201


def test_rights_are_asked_for(api: Any, client: APIClient, bob: User) -> None:
    client.post(HERE, document())
    assert api(bob).get(HERE).status_code == 403
    operator = api(UserFactory(roles=["workflow_operator"]))
    assert operator.put(f"{HERE}/partner", document()).status_code == 403
    assert operator.post(f"{HERE}/partner/pause", {}).status_code == 200
    designer = api(UserFactory(roles=["workflow_designer"]))
    assert designer.post(f"{HERE}/partner/ping").status_code == 403


def test_a_ping_says_what_came_of_it(client: APIClient, admin: User, partner: Partner) -> None:
    _, secret, _ = put_secret(actor=admin, name="partner", generate=True)
    assert secret is not None
    client.post(HERE, document(url=partner.url, secretName="partner"))
    partner.answers = [answering(200, "pong"), answering(410)]
    good = client.post(f"{HERE}/partner/ping").json()
    assert (good["ok"], good["status"], good["answer"], good["error"]) == (True, 200, "pong", None)
    [call] = partner.calls
    assert verified_by_partner(call, secret)
    assert (call.json["pattern"], call.json["eventId"]) == ("webhooks.ping", good["eventId"])
    bad = client.post(f"{HERE}/partner/ping").json()
    assert (bad["ok"], bad["status"], bad["error"]["code"]) == (False, 410, "GONE")
    # It is a test, and changes nothing.
    assert client.get(f"{HERE}/partner").json()["state"] == "ACTIVE"
    assert not Event.objects.exists()


def test_a_ping_to_nowhere_says_so(client: APIClient, partner: Partner) -> None:
    client.post(HERE, document(url="http://127.0.0.1:1/"))
    found = client.post(f"{HERE}/partner/ping").json()
    assert (found["ok"], found["status"], found["error"]["code"]) == (False, None, "CONNECT_FAILED")


def test_subscriptions_travel_in_bundles(admin: User, tmp_path: Any) -> None:
    given = bundles.Document("x.json", {"kind": "webhookSubscription", **document()})
    assert [(each.key, each.done) for each in bundles.apply([given], actor=admin)] == [("partner", "created")]
    assert [each.done for each in bundles.apply([given], actor=admin)] == ["unchanged"]
    assert [path.name for path in bundles.export(["webhookSubscription"], tmp_path)] == [
        "webhookSubscription.partner.json"
    ]
    [(_, _, differing)] = bundles.differences([given])
    assert differing == []
