"""Events go to other systems: signed, tried again, given up; the partner checks for itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.auth.models import AuditEntry, User
from apps.auth.services import put_secret, rotate_secret, set_status
from apps.events.models import DeadLetter, Delivery, Event
from apps.events.services import NewEvent, record_events
from apps.integrations.models import WebhookSubscription
from apps.integrations.services import subscriptions
from apps.integrations.subscribers import WebhookSubscriptions

from .partner import Partner, answering, deliver, verified_by_partner

pytestmark = pytest.mark.django_db(transaction=True)
SOURCE = {"type": "workflow", "id": "order-processing", "name": "Orders"}


@pytest.fixture
def partner(settings: Any) -> Iterator[Partner]:
    settings.AUGMENTED_EGRESS_ALLOW = ("127.0.0.1",)
    with Partner() as partner:
        yield partner


@pytest.fixture
def secret(admin: User) -> str:
    _, value, _ = put_secret(actor=admin, name="partner", generate=True)
    assert value is not None
    return value


def subscribe(actor: User, url: str, **more: Any) -> WebhookSubscription:
    document = {"subscriptionId": "partner", "url": url, "eventPatterns": ["orders.*"]} | more
    return subscriptions.save(actor=actor, document=document)[0]


def happened(event_id: str = "order-1-paid", pattern: str = "orders.paid", payload: Any = None) -> None:
    record_events([NewEvent(event_id, pattern, payload, SOURCE, metadata={"correlationId": "c1"})])


def due_now() -> None:
    Delivery.objects.filter(status="retrying").update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_an_event_arrives_signed_and_whole(admin: User, partner: Partner, secret: str) -> None:
    subscribe(admin, partner.url, secretName="partner", headers={"X-Order": "${event.payload.id}", "X-From": "us"})
    happened(payload={"id": 7, "text": "ä"})
    happened("other", "parcels.sent")
    deliver()
    [call] = partner.calls
    assert verified_by_partner(call, secret)
    assert call.json["payload"] == {"id": 7, "text": "ä"}
    assert call.json["eventId"] == call.headers["webhook-id"] == "order-1-paid"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"].startswith("AugmentedOS")
    assert (call.headers["x-order"], call.headers["x-from"]) == ("7", "us")
    assert call.headers["idempotency-key"] == f"{Event.objects.get(event_id='order-1-paid').id}:partner"
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.result["status"], delivery.result["answer"]) == ("handled", 200, "thanks")
    assert delivery.result["durationMs"] > 0
    # A changed byte is noticed on the other side.
    call.body = call.body.replace(b"7", b"8")
    assert not verified_by_partner(call, secret)


def test_as_a_cloud_event(admin: User, partner: Partner) -> None:
    subscribe(admin, partner.url, format="cloudevents")
    happened(payload={"id": 7})
    deliver()
    [call] = partner.calls
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert "webhook-signature" not in call.headers
    assert call.json["specversion"] == "1.0"
    assert (call.json["id"], call.json["type"], call.json["data"]) == ("order-1-paid", "orders.paid", {"id": 7})
    assert call.json["correlationid"] == "c1"


def test_a_rotation_is_not_noticed_on_either_side(admin: User, partner: Partner, secret: str) -> None:
    subscribe(admin, partner.url, secretName="partner")
    _, new = rotate_secret(actor=admin, name="partner")
    happened()
    deliver()
    [call] = partner.calls
    assert new is not None
    assert verified_by_partner(call, secret) and verified_by_partner(call, new)


def test_only_events_for_which_the_condition_holds(admin: User, partner: Partner) -> None:
    subscribe(admin, partner.url, eventPatterns=["orders.*", "**.paid"], eventCondition="event.payload.country == 'DE'")
    for n, country in enumerate(("DE", "FR", "DE")):
        happened(f"e{n}", payload={"country": country})
    happened("without", payload={})
    deliver()
    assert [call.headers["webhook-id"] for call in partner.calls] == ["e0", "e2"]
    assert Delivery.objects.count() == 2


def test_a_condition_that_cannot_be_judged_is_a_dead_letter(admin: User, partner: Partner) -> None:
    subscribe(admin, partner.url, eventCondition="event.payload.total > 5")
    happened(payload={"total": "many"})
    deliver()
    assert partner.calls == []
    assert DeadLetter.objects.get().error_code == "CONDITION"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_it_is_tried_again_while_the_other_side_is_busy(admin: User, partner: Partner, status: int) -> None:
    partner.answers = [answering(status, "busy"), answering(204)]
    subscribe(admin, partner.url, retryDelay="PT30S")
    happened()
    deliver()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.error["code"]) == ("retrying", 1, f"HTTP_{status}")
    assert delivery.error["context"]["answer"] == "busy"
    assert 29 < (delivery.next_attempt_at - timezone.now()).total_seconds() < 37
    deliver()
    assert len(partner.calls) == 1  # its time has not come
    due_now()
    deliver()
    assert Delivery.objects.get().status == "handled"
    assert len({call.headers["webhook-id"] for call in partner.calls}) == 1
    assert len({call.headers["idempotency-key"] for call in partner.calls}) == 1


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_the_other_side_may_ask_for_patience(admin: User, partner: Partner, as_date: bool) -> None:
    asked = datetime.now(UTC) + timedelta(seconds=120)
    header = format_datetime(asked, usegmt=True) if as_date else "120"
    partner.answers = [answering(503, Retry_After=header)]
    subscribe(admin, partner.url)
    happened()
    deliver()
    wait = (Delivery.objects.get().next_attempt_at - timezone.now()).total_seconds()
    assert 80 < wait < 150


def test_after_its_retries_it_is_a_dead_letter_and_a_replay_sends_it_again(admin: User, partner: Partner) -> None:
    partner.answers = [answering(503)]
    subscribe(admin, partner.url, maxRetries=1)
    happened()
    deliver()
    due_now()
    deliver()
    letter = DeadLetter.objects.get()
    assert (letter.error_code, letter.error_type, letter.max_retries) == ("HTTP_503", "TRANSIENT", 1)
    assert subscriptions.selectors.detail(WebhookSubscription.objects.get())["state"] == "FAILING"


def test_more_retries_than_the_queue_has(admin: User, partner: Partner) -> None:
    partner.answers = [answering(503)]
    subscribe(admin, partner.url, maxRetries=7)
    happened()
    for _ in range(8):
        deliver()
        due_now()
    assert len(partner.calls) == 8
    assert DeadLetter.objects.count() == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answering(400, "no"), "HTTP_400"),
        (answering(404), "HTTP_404"),
        (answering(302, Location="http://127.0.0.1:1/"), "HTTP_302"),
        (answering(308, Location="/elsewhere"), "HTTP_308"),
    ],
)
def test_what_would_be_no_different_next_time_is_given_up(
    admin: User, partner: Partner, answer: Any, code: str
) -> None:
    partner.answers = [answer]
    subscribe(admin, partner.url)
    happened()
    deliver()
    assert len(partner.calls) == 1
    letter = DeadLetter.objects.get()
    assert (letter.error_code, letter.error_type, letter.error["context"]["status"]) == (
        code,
        "PERMANENT",
        int(code[5:]),
    )


def test_whoever_is_gone_is_sent_nothing_more(admin: User, partner: Partner) -> None:
    partner.answers = [answering(410)]
    subscribe(admin, partner.url)
    happened()
    deliver()
    assert DeadLetter.objects.get().error_code == "GONE"
    row = WebhookSubscription.objects.get()
    assert (row.enabled, row.paused_by) == (False, "")
    entry = AuditEntry.objects.get(action="webhookSubscription.switched_off")
    assert (entry.actor_name, entry.resource_id) == ("", "partner")
    happened("later")
    deliver()
    assert len(partner.calls) == 1


def test_a_machine_that_is_away_is_tried_again(admin: User, settings: Any) -> None:
    settings.AUGMENTED_EGRESS_ALLOW = ("127.0.0.1",)
    subscribe(admin, "http://127.0.0.1:1/")
    happened()
    deliver()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error["code"]) == ("retrying", "CONNECT_FAILED")


def test_a_long_answer_is_cut_and_counts(admin: User, partner: Partner) -> None:
    partner.answers = [answering(200, "x" * 3_000_000)]
    subscribe(admin, partner.url)
    happened()
    deliver()
    delivery = Delivery.objects.get()
    assert (delivery.status, len(delivery.result["answer"])) == ("handled", 2_000)


def test_while_it_is_paused_nothing_is_sent(admin: User, partner: Partner) -> None:
    subscribe(admin, partner.url)
    subscriptions.pause(actor=admin, key="partner")
    happened("one")
    deliver()
    subscriptions.resume(actor=admin, key="partner")
    happened("two")
    deliver()
    assert [call.headers["webhook-id"] for call in partner.calls] == ["two"]


def test_what_is_under_way_to_one_that_was_deleted_is_a_dead_letter(admin: User, partner: Partner) -> None:
    partner.answers = [answering(503)]
    subscribe(admin, partner.url)
    happened()
    deliver()
    subscriptions.delete(actor=admin, key="partner")
    due_now()
    deliver()
    assert DeadLetter.objects.get().error_code == "SUBSCRIBER_GONE"


def test_a_name_that_leads_to_a_private_address_is_refused_and_audited(admin: User) -> None:
    subscribe(admin, "http://localhost:9/")
    happened()
    deliver()
    assert DeadLetter.objects.get().error_code == "EGRESS_REFUSED"
    entry = AuditEntry.objects.get(action="egress.refused")
    assert entry.resource_id == "webhook:partner"


def test_a_line_break_in_a_computed_header_is_refused_and_audited(admin: User, partner: Partner) -> None:
    subscribe(admin, partner.url, headers={"X-Name": "${event.payload.name}"})
    happened(payload={"name": "a\r\nX-Admin: yes"})
    deliver()
    assert partner.calls == []
    assert DeadLetter.objects.get().error_code == "EGRESS_REFUSED"
    assert AuditEntry.objects.filter(action="egress.refused").exists()


def test_an_id_that_no_header_can_hold_gives_way(admin: User, partner: Partner, secret: str) -> None:
    subscribe(admin, partner.url, secretName="partner")
    happened("ä\r\nX-Admin: yes")
    deliver()
    [call] = partner.calls
    assert call.headers["webhook-id"] == str(Event.objects.get().id)
    assert "x-admin" not in call.headers
    assert verified_by_partner(call, secret)


CANARY = "canary-9f3b2d71"


def test_a_bearer_goes_to_its_hosts_and_is_found_nowhere_else(
    admin: User, partner: Partner, capfd: Any, caplog: Any
) -> None:
    put_secret(actor=admin, name="bearer", value=CANARY, hosts=[f"127.0.0.1:{partner.port}"])
    # A rude partner that answers with all it was sent.
    rude = lambda request: answering(500, json.dumps(dict(request.headers)))(request)  # noqa: E731
    partner.answers = [rude, answering(404, CANARY)]
    subscribe(admin, partner.url, authSecretName="bearer")
    happened()
    deliver()
    assert partner.calls[0].headers["authorization"] == f"Bearer {CANARY}"
    assert "•••" in Delivery.objects.get().error["context"]["answer"]
    due_now()
    deliver()
    with connection.cursor() as cursor:
        for table in ("events_delivery", "events_deadletter", "events_event", "accounts_auditentry",
                      "integrations_webhooksubscription"):  # fmt: skip
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")
            assert CANARY not in cursor.fetchone()[0], table
    assert CANARY not in capfd.readouterr().err + caplog.text
    # When its hosts change, it is not sent any more.
    put_secret(actor=admin, name="bearer", hosts=["api.other.example"])
    happened("again")
    deliver()
    assert DeadLetter.objects.filter(error_code="SECRET_REFUSED").count() == 1
    assert len(partner.calls) == 2


def test_an_owner_who_has_left_signs_nothing_any_more(admin: User, partner: Partner, secret: str) -> None:
    subscribe(admin, partner.url, secretName="partner")
    set_status(actor=None, user=admin, status="suspended")
    happened()
    deliver()
    assert partner.calls == []
    assert DeadLetter.objects.get().error_code == "ACCESS_DENIED"


def test_finding_costs_the_same_among_many(admin: User) -> None:
    happened(payload={"n": 1})
    [event] = [row.stored() for row in Event.objects.all()]
    costs = []
    for count in (1, 40):
        for n in range(count):
            subscriptions.save(
                actor=admin,
                document={
                    "subscriptionId": f"s{n}",
                    "url": "https://partner.example/",
                    "eventPatterns": ["orders.*"],
                    "eventCondition": f"event.payload.n == {n}",
                },
            )
        with CaptureQueriesContext(connection) as captured:
            found = WebhookSubscriptions().find([event])
        costs.append(len(captured))
    assert [match.subscriber_id for match in found] == ["webhook:s1"]
    assert costs[0] == costs[1]
