from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.integrations.services import subscriptions
from apps.integrations.tests.factories import KEY, call, webhook
from apps.integrations.webhooks.delivery import Delivery
from apps.integrations.webhooks.sample import sample_of
from apps.integrations.webhooks.verification import Keys, verify
from apps.ui.tests.reading import island, links, text_of

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
POST = {
    "subscriptionId": "partner",
    "name": "Partner",
    "url": "https://partner.example/e",
    "eventPatterns": ["orders.*"],
}


def test_without_webhooks_each_tab_says_what_one_is(alice: User, browse: Browse) -> None:
    assert "Nobody calls yet" in text_of(browse(alice).get("/events/webhooks"))
    assert "Nobody is told yet" in text_of(browse(alice).get("/events/webhooks?tab=out"))


def test_the_lists_show_state_and_what_happened_last(admin: User, browse: Browse) -> None:
    webhook(admin, name="Shop orders")
    call({"a": 1})
    subscriptions.save(actor=admin, document=POST)
    subscriptions.pause(actor=admin, key="partner")
    inward = browse(admin).get("/events/webhooks")
    text = text_of(inward)
    assert "Shop orders" in text and "/hooks/orders/new" in text and "Accepted" in text
    assert "/events/webhooks/in/orders" in links(inward)
    outward = browse(admin).get("/events/webhooks?tab=out")
    assert "Partner" in text_of(outward) and "Paused" in text_of(outward)
    assert "/events/webhooks/out/partner" in links(outward)
    assert "Nothing fits" in text_of(browse(admin).get("/events/webhooks?search=zz%00z"))


def test_one_webhook_shows_its_address_an_example_and_its_calls(admin: User, browse: Browse) -> None:
    webhook(admin)
    call({"a": 1})
    call({"a": 2}, {})
    answer = browse(admin).get("/events/webhooks/in/orders")
    text = text_of(answer)
    assert "http://testserver/hooks/orders/new" in text
    assert "openssl dgst" in text
    assert "The call bore no credentials." in text
    assert KEY not in answer.content.decode()
    assert island(answer, "webhookTrial")["webhookId"] == "orders"
    assert island(answer, "webhook")["secrets"]["names"] == ["shop"]


def test_one_subscription_shows_what_it_sends(admin: User, browse: Browse) -> None:
    subscriptions.save(actor=admin, document={**POST, "eventCondition": "event.payload.a == 1"})
    answer = browse(admin).get("/events/webhooks/out/partner")
    text = text_of(answer)
    assert "event.payload.a == 1" in text and "Nothing sent yet" in text
    assert island(answer, "webhookVerbs")["direction"] == "out"
    subscriptions.switch_off("partner", "The other side answered 410 Gone.")
    assert "It was switched off" in text_of(browse(admin).get("/events/webhooks/out/partner"))


def test_who_may_only_look_gets_no_forms(admin: User, browse: Browse) -> None:
    webhook(admin)
    viewer = UserFactory(permissions=["view:webhook"])
    content = browse(viewer).get("/events/webhooks/in/orders").content.decode()
    assert 'data-island="webhook"' not in content
    assert 'data-island="webhookTrial"' not in content
    assert browse(viewer).get("/events/webhooks/in/nobody").status_code == 404


def test_what_a_sender_wrote_is_text_on_the_page(admin: User, browse: Browse) -> None:
    webhook(admin, name="<script>alert(1)</script>", eventIdFrom="event.payload.id")
    call({"id": "<img src=x onerror=alert(1)>"})
    content = browse(admin).get("/events/webhooks/in/orders").content.decode()
    assert "<script>alert(1)" not in content and "<img src=x" not in content


AUTHS: list[dict[str, Any]] = [
    {"kind": "hmac"},
    {"kind": "hmac", "header": "X-Sig", "timestampHeader": "X-Time", "algorithm": "sha512"},
    {"kind": "hmac", "header": "S", "timestampHeader": "S"},
    {"kind": "hmac", "header": "S", "timestampHeader": "T", "signedContent": "v0:timestamp:body"},
    {
        "kind": "hmac",
        "header": "webhook-signature",
        "timestampHeader": "webhook-timestamp",
        "signedContent": "id.timestamp.body",
    },
    {"kind": "token", "header": "X-Token"},
    {"kind": "token"},
    {"kind": "none"},
]


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: " ".join(map(str, auth.values())))
def test_the_example_call_proves_what_the_webhook_asks_for(auth: dict[str, Any]) -> None:
    script = sample_of({"auth": auth}, "https://here/hooks/x")
    # In place of curl: what it was given, as JSON.
    curl = "curl() { python3 -c 'import json,sys; print(json.dumps(sys.argv[1:]))' \"$@\"; }\n"
    done = subprocess.run(
        ["bash", "-c", curl + script], env={"SECRET": KEY, "PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    given = json.loads(done.stdout)
    headers = dict(text.split(": ", 1) for option, text in pairwise(given) if option == "-H")
    body = given[given.index("-d") + 1].encode()
    delivery = Delivery("x", {name.lower(): value for name, value in headers.items()}, body)
    verify(auth, delivery, Keys([KEY], [KEY.encode()]), timezone.now())
