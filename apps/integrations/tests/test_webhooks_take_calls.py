"""Calls from other systems become events: once, verified, and with nothing said to whoever is not welcome."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.auth.models import User
from apps.auth.services import rotate_secret, set_status
from apps.events.models import Event, EventDefinition, EventQueue
from apps.events.services import accepting
from apps.integrations.models import WebhookReception, WebhookSeen
from apps.integrations.services import reception, webhooks

from .factories import call, document, secret, signed, webhook

pytestmark = pytest.mark.django_db
BODY = {"id": 7, "total": 12.5}


@pytest.fixture(autouse=True)
def _forget() -> None:
    accepting.forget_depths()


def log() -> list[tuple[str, int, str]]:
    return list(WebhookReception.objects.order_by("id").values_list("outcome", "status", "reason"))


def test_a_signed_call_becomes_an_event(admin: User) -> None:
    webhook(admin, name="Orders of the shop")
    answer = call(BODY)
    assert answer.status_code == 202
    event = Event.objects.get()
    assert answer.json() == {"eventId": event.event_id}
    assert (event.pattern, event.payload) == ("webhooks.orders.new", BODY)
    assert event.source == {"type": "external", "id": "orders", "name": "Orders of the shop"}
    assert event.metadata == {"traceId": answer.headers["X-Request-ID"], "userId": str(admin.pk)}
    assert log() == [("accepted", 202, "")]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param(signed(json.dumps(BODY).encode(), key="guess"), id="wrong"),
        pytest.param(signed(json.dumps(BODY).encode(), at=time.time() - 400), id="old"),
        pytest.param(signed(json.dumps(BODY).encode(), at=time.time() + 900), id="from the future"),
        pytest.param(signed(b"another body"), id="of another body"),
    ],
)
def test_a_call_without_the_right_signature_learns_nothing(admin: User, headers: dict[str, str]) -> None:
    webhook(admin)
    answer = call(BODY, headers)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "instance", "traceId"}
    assert problem["detail"] == "The call was not accepted."
    assert not Event.objects.exists()
    [refused] = WebhookReception.objects.all()
    assert (refused.outcome, refused.status, bool(refused.reason)) == ("refused", 401, True)
    assert (refused.event_id, refused.content_type) == ("", "")


def test_a_replay_is_answered_and_has_no_second_effect(admin: User) -> None:
    webhook(admin)
    headers = signed(json.dumps(BODY).encode())
    assert [call(BODY, headers).status_code for _ in range(3)] == [202, 200, 200]
    assert Event.objects.count() == 1
    assert [outcome for outcome, *_ in log()] == ["accepted", "repeated", "repeated"]


def test_a_replay_under_another_id_has_no_second_effect(admin: User) -> None:
    # The header with the id is not part of what is signed: whoever listened in could have changed it.
    webhook(admin, headers=["X-Delivery"], eventIdFrom="event.metadata.headers['x-delivery']")
    headers = signed(json.dumps(BODY).encode())
    assert call(BODY, headers | {"X-Delivery": "1"}).status_code == 202
    assert call(BODY, headers | {"X-Delivery": "2"}).json() == {"status": "repeated"}
    assert Event.objects.count() == 1


def test_the_senders_id_tells_repeats(admin: User) -> None:
    webhook(admin, eventIdFrom="event.payload.id")
    assert call(BODY).status_code == 202
    again = call(BODY | {"attempt": 2})
    assert (again.status_code, again.json()["status"]) == (200, "repeated")
    assert Event.objects.get().event_id == "webhook:orders:7"


def test_an_unknown_path_and_one_that_rests_look_alike(admin: User) -> None:
    webhook(admin)
    webhooks.pause(actor=admin, key="orders")
    resting, unknown = call(BODY), call(BODY, path="never/was")
    for answer in (resting, unknown):
        assert answer.status_code == 404
    assert resting.json()["detail"] == unknown.json()["detail"]
    assert not WebhookReception.objects.exists()
    webhooks.resume(actor=admin, key="orders")
    assert call(BODY).status_code == 202
    assert call(BODY | {"id": 8}, path="orders/new/").status_code == 202
    assert Client().post("/hooks/%00").status_code == 404
    assert Client().put("/hooks/ORDERS").status_code == 404
    assert Client().get("/hooks/orders/new").status_code == 405


def test_while_a_key_rotates_both_count(admin: User) -> None:
    webhook(admin)
    rotate_secret(actor=admin, name="shop", value="a key that is new")
    old, new = (json.dumps({"n": n}).encode() for n in (1, 2))
    assert call(old, signed(old)).status_code == 202
    assert call(new, signed(new, key="a key that is new")).status_code == 202


def test_the_event_is_what_the_mappings_say(admin: User) -> None:
    webhook(
        admin,
        eventPattern="shop.${event.metadata.headers['x-kind']}",
        headers=["X-Kind", "X-Absent"],
        payloadMapping={"order": "${event.payload.id}", "gross": "${event.payload.total * 1.19}"},
        eventMapping={
            "correlationId": "order-${event.payload.id}",
            "timestamp": "2026-03-01T09:30:00Z",
            "tags": ["web"],
        },
        respond={"status": 200, "body": {"order": "${event.payload.order}"}},
    )
    raw = json.dumps(BODY).encode()
    answer = call(BODY, signed(raw) | {"X-Kind": "placed", "X-Other": "unseen", "Cookie": "a=b"})
    assert (answer.status_code, answer.json()) == (200, {"order": 7})
    event = Event.objects.get()
    assert event.pattern == "shop.placed"
    assert event.payload == {"order": 7, "gross": pytest.approx(14.875)}
    assert event.correlation_id == "order-7"
    assert event.metadata["headers"] == {"x-kind": "placed"}
    assert event.metadata["tags"] == ["web"]
    assert event.timestamp.isoformat() == "2026-03-01T09:30:00+00:00"


@pytest.mark.parametrize(
    ("more", "body", "status", "reason"),
    [
        pytest.param({"payloadMapping": {"a": "${event.payload.absent}"}}, BODY, 422, "mapping", id="mapping fails"),
        pytest.param({"eventPattern": "shop.${event.payload.id}.."}, BODY, 422, "mapping", id="no pattern"),
        pytest.param({"eventIdFrom": "event.payload"}, BODY, 422, "mapping", id="no id"),
        pytest.param({"contentTypes": ["text/*"]}, BODY, 415, "content-type", id="content type"),
        pytest.param({}, b'{"a": NaN}', 400, "body", id="no JSON"),
        pytest.param({}, b'{"a": "\\u0000"}', 400, "body", id="NUL"),
        pytest.param({"eventMapping": {"timestamp": "yesterday"}}, BODY, 422, "event", id="no time"),
        pytest.param({}, {"text": "x" * 300_000}, 422, "event", id="payload too large"),
    ],
)
def test_what_cannot_become_an_event_is_refused_and_logged(
    admin: User, more: dict[str, Any], body: Any, status: int, reason: str
) -> None:
    webhook(admin, **more)
    answer = call(body)
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert log() == [("refused", status, reason)]
    assert not Event.objects.exists()
    # What was refused may come again: nothing of it is remembered.
    assert not WebhookSeen.objects.exists()


def test_an_event_that_does_not_fit_its_definition_is_refused(admin: User) -> None:
    webhook(admin, eventPattern="shop.placed")
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    definition = {"eventId": "Shop.placed", "pattern": "shop.placed", "payloadSchema": schema, "status": "active"}
    EventDefinition.objects.create(
        key="Shop.placed", version="1.0.0", version_key="000000001.000000000.000000000~", name="x", status="published",
        document=definition, checksum="x", published_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    answer = call(BODY)
    assert answer.status_code == 422
    assert answer.json()["violations"][0]["pointer"] == "/payload/id"
    assert call({"id": "7"}).status_code == 202


def test_a_full_queue_asks_for_patience(admin: User) -> None:
    webhook(admin)
    EventQueue.objects.update_or_create(id="default", defaults={"config": {"highWatermark": 1}})
    assert call({"n": 1}).status_code == 202
    accepting.forget_depths()
    refused = call({"n": 2})
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert log()[-1] == ("refused", 429, "queue-full")
    assert Event.objects.count() == 1
    assert WebhookSeen.objects.count() == 1


def test_too_large_a_body_is_not_read(admin: User, settings: Any) -> None:
    webhook(admin)
    settings.AUGMENTED_MAX_BODY = 1_000
    assert call(b"x" * 1_001).status_code == 413
    assert not WebhookReception.objects.exists()


def test_one_address_may_not_call_without_end(admin: User, settings: Any) -> None:
    webhook(admin)
    settings.AUGMENTED_WEBHOOK_RATE = 2
    answers = [call({"n": n}, REMOTE_ADDR="192.0.2.77") for n in range(4)]
    # A minute may turn in between; then it begins anew.
    assert [answer.status_code for answer in answers][:2] == [202, 202]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and 1 <= int(refused[0].headers["Retry-After"]) <= 61
    assert call({"n": 9}, REMOTE_ADDR="192.0.2.78").status_code == 202


def test_an_owner_who_has_left_takes_the_webhook_out_of_use(admin: User) -> None:
    webhook(admin)
    set_status(actor=None, user=admin, status="suspended")
    answer = call(BODY)
    assert answer.status_code == 503
    assert "admin" not in answer.content.decode()
    assert log() == [("refused", 503, "owner")]


def test_a_session_cookie_neither_helps_nor_harms(admin: User) -> None:
    webhook(admin)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    raw = json.dumps(BODY).encode()
    answer = client.post("/hooks/orders/new", raw, content_type="application/json", headers=signed(raw))
    assert answer.status_code == 202
    refused = client.post("/hooks/orders/new", raw, content_type="application/json")
    assert refused.status_code == 401


CANARY = "canary-in-a-secret-51c2"


def test_no_secret_is_found_anywhere_afterwards(admin: User, capfd: Any, caplog: Any) -> None:
    secret(admin, value=CANARY)
    hook = {"kind": "token", "secretName": "shop", "header": "X-Token"}
    webhooks.save(actor=admin, document=document(auth=hook, headers=["X-Kind"]))
    answers = [
        call(BODY, {"X-Token": CANARY, "X-Kind": "placed"}),
        call(BODY, {"X-Token": CANARY + "x"}),
        call(b"broken", {"X-Token": CANARY}),
    ]
    assert [answer.status_code for answer in answers] == [202, 401, 400]
    kept = [*Event.objects.values_list("payload", "metadata", "source"), *WebhookReception.objects.values_list()]
    seen = b"".join(answer.content for answer in answers).decode()
    assert CANARY not in str(kept) + seen + capfd.readouterr().err + caplog.text
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(a::text, '') FROM accounts_auditentry a")
        assert CANARY not in (cursor.fetchone()[0] or "")


def test_a_call_costs_the_same_however_many_there_were(admin: User) -> None:
    webhook(admin)
    counts = []
    for n in range(3):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert call({"n": n}).status_code == 202
        counts.append(len(captured))
    assert counts[1] == counts[2] <= 12


def test_logs_are_cut_to_a_week_and_a_thousand(admin: User, monkeypatch: Any) -> None:
    row = webhook(admin)
    monkeypatch.setattr(reception, "MOST_RECEPTIONS", 3)
    for n in range(6):
        call({"n": n})
    WebhookReception.objects.filter(id=WebhookReception.objects.latest("id").id).update(at="2020-01-01T00:00:00Z")
    WebhookSeen.objects.filter(fingerprint=WebhookSeen.objects.first().fingerprint).update(until="2020-01-01T00:00:00Z")
    assert reception.clear_away() == {"receptions": 3, "signatures": 1}
    assert WebhookReception.objects.filter(webhook=row).count() == 3
    assert reception.clear_away() == {"receptions": 0, "signatures": 0}


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_with_one_signature_are_one_event(admin: User) -> None:
    webhook(admin)
    headers = signed(json.dumps(BODY).encode())

    def once(_: int) -> int:
        try:
            return call(BODY, headers).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(once, range(10)))
    assert answers == [200] * 9 + [202]
    assert Event.objects.count() == 1
