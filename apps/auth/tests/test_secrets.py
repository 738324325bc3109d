"""Secrets go in, count while they are rotated, and never come out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth import keyring, secret_users, secret_values, services
from apps.auth.access import AccessDenied
from apps.auth.models import AuditEntry, Secret
from apps.auth.secret_users import SecretUser
from apps.auth.services.secrets import may_be_sent
from apps.auth.tests.factories import Cast, UserFactory

pytestmark = pytest.mark.django_db
CANARY = "canary-7d1f0c5e9b"


@pytest.fixture
def keeper(signed_in) -> APIClient:
    return signed_in(UserFactory(username="keeper", roles=["integration_manager"]))


def put(client: APIClient, name: str = "shop", **body):
    return client.put(f"/api/v1/secrets/{name}", body, format="json")


def test_a_value_goes_in_and_no_answer_audit_entry_or_log_line_has_it(keeper, capfd, caplog) -> None:
    answers = [
        put(keeper, value=CANARY, description="of the shop", hosts=["api.shop.example"]),
        put(keeper, description="again"),
        keeper.get("/api/v1/secrets"),
        keeper.get("/api/v1/secrets/shop"),
        keeper.post("/api/v1/secrets/shop/rotate", {"value": f"{CANARY}-2"}, format="json"),
        put(keeper, value=CANARY, generate=True),
        put(keeper, value=CANARY * 1_000),
        put(keeper, "Bad Name", value=CANARY),
        put(keeper, value=CANARY, hosts=["https://x"]),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 422, 422, 422, 422]
    seen = b"".join(answer.content for answer in answers).decode()
    trail = json.dumps(list(AuditEntry.objects.values_list("details", flat=True)))
    assert CANARY not in seen + trail + capfd.readouterr().err + caplog.text
    assert services.reveal_for_use("shop", purpose="test").values == (f"{CANARY}-2", CANARY)


def test_a_generated_value_is_shown_once(keeper) -> None:
    answer = put(keeper, generate=True)
    value = answer.json()["value"]
    assert value.startswith("whsec_")
    assert answer.headers["Cache-Control"] == "no-store"
    assert services.reveal_for_use("shop", purpose="test").current == value
    assert value not in keeper.get("/api/v1/secrets/shop").content.decode()
    # The store of answers under an Idempotency-Key would keep it: so there is none for secrets.
    again = keeper.put("/api/v1/secrets/other", {"generate": True}, format="json", headers={"Idempotency-Key": "k1"})
    twice = keeper.put("/api/v1/secrets/other", {"generate": True}, format="json", headers={"Idempotency-Key": "k1"})
    assert again.json()["value"] != twice.json()["value"]


def test_after_a_rotation_both_values_count_until_the_overlap_is_over(keeper) -> None:
    put(keeper, value="the first value")
    answer = keeper.post("/api/v1/secrets/shop/rotate", {"value": "the second value", "overlap": "PT1H"}, format="json")
    assert answer.json()["previousUntil"]
    assert services.reveal_for_use("shop", purpose="test").values == ("the second value", "the first value")
    Secret.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    assert services.reveal_for_use("shop", purpose="test").values == ("the second value",)
    assert services.clear_away()["secrets"] == 1
    assert Secret.objects.get().previous_value is None


def test_replacing_a_value_ends_the_old_one_at_once(keeper) -> None:
    put(keeper, value="the first value")
    keeper.post("/api/v1/secrets/shop/rotate", {"value": "the second value"}, format="json")
    put(keeper, value="the third value")
    assert services.reveal_for_use("shop", purpose="test").values == ("the third value",)


def test_a_sealed_value_opens_only_in_its_own_row(keeper) -> None:
    put(keeper, "one", value="the first value")
    put(keeper, "two", value="the second value")
    one = Secret.objects.get(name="one")
    Secret.objects.filter(name="two").update(sealed_value=one.sealed_value, sealed_with=one.sealed_with)
    with pytest.raises(services.SecretRefused):
        services.reveal_for_use("two", purpose="test")
    with pytest.raises(keyring.SealBroken):
        keyring.unseal(keyring.Sealed(one.sealed_with, bytes(one.sealed_value)), purpose="other", context=str(one.id))


def test_after_sealing_anew_the_old_key_may_leave_the_ring(keeper, settings) -> None:
    settings.KEY_RING = {"old": "an old key of the ring"}
    put(keeper, "one", value="the first value")
    put(keeper, "two", value="another value")
    keeper.post("/api/v1/secrets/one/rotate", {"value": "the second value"}, format="json")
    settings.KEY_RING = {"new": "a new key of the ring", "old": "an old key of the ring"}
    call_command("reseal_secrets")
    settings.KEY_RING = {"new": "a new key of the ring"}
    assert services.reveal_for_use("one", purpose="test").values == ("the second value", "the first value")
    assert services.reveal_for_use("two", purpose="test").values == ("another value",)
    # One that does not open is not lost without a word.
    settings.KEY_RING = {"newer": "a key without the others"}
    with pytest.raises(CommandError, match="one"):
        call_command("reseal_secrets")


def test_who_may_do_what_with_secrets(signed_in, cast: Cast, keeper) -> None:
    put(keeper, value="the first value")
    alice, bob = signed_in(cast.alice), signed_in(cast.bob)
    assert alice.get("/api/v1/secrets").json()["items"][0]["name"] == "shop"
    assert put(alice, value="another value").status_code == 403
    assert alice.post("/api/v1/secrets/shop/rotate", {}, format="json").status_code == 403
    assert alice.delete("/api/v1/secrets/shop").status_code == 403
    assert bob.get("/api/v1/secrets").status_code == 403
    with pytest.raises(AccessDenied):
        services.put_secret(actor=cast.bob, name="x", value="a value of his")


def test_a_secret_that_something_names_is_not_deleted(keeper, monkeypatch) -> None:
    put(keeper, value="the first value")
    named = [SecretUser("webhook", "orders", "Orders")]
    monkeypatch.setattr(secret_users, "_look_ups", [lambda name: named if name == "shop" else []])
    refused = keeper.delete("/api/v1/secrets/shop")
    assert refused.status_code == 409
    assert "webhook orders" in refused.json()["detail"]
    assert keeper.get("/api/v1/secrets/shop").json()["namedBy"] == [
        {"kind": "webhook", "id": "orders", "name": "Orders"}
    ]
    named.clear()
    assert keeper.delete("/api/v1/secrets/shop").status_code == 204
    assert keeper.delete("/api/v1/secrets/shop").status_code == 404


def test_what_uses_a_secret_is_shown(keeper) -> None:
    put(keeper, value="the first value")
    for purpose in ("webhook:orders", "webhook:orders", "webhook:returns"):
        services.reveal_for_use("shop", purpose=purpose)
    uses = keeper.get("/api/v1/secrets/shop").json()["uses"]
    assert sorted(use["purpose"] for use in uses) == ["webhook:orders", "webhook:returns"]


@pytest.mark.parametrize(
    ("hosts", "url", "sent"),
    [
        ([], "https://api.shop.example/", False),
        (["api.shop.example"], "https://api.shop.example/x", True),
        (["api.shop.example"], "https://api.shop.example.evil.org/", False),
        (["api.shop.example"], "https://api.shop.example@evil.org/", False),
        (["*.shop.example"], "https://api.shop.example:8443/", True),
        (["*.shop.example"], "https://shop.example/", False),
        (["api.shop.example:8443"], "https://api.shop.example/", False),
        (["api.shop.example:443"], "https://API.shop.example/", True),
        (["[::1]:80"], "http://[::1]/", True),
        (["api.shop.example"], "not a url", False),
    ],
)
def test_a_secret_is_sent_to_its_hosts_only(hosts: list[str], url: str, sent: bool) -> None:
    assert may_be_sent(Secret(name="x", hosts=hosts), url) is sent


def test_a_standard_webhooks_key_is_read_from_its_base64() -> None:
    assert secret_values.signing_keys("whsec_aGVsbG8gd29ybGQ=") == [b"hello world", b"whsec_aGVsbG8gd29ybGQ="]
    assert secret_values.signing_keys("whsec_not base64") == [b"whsec_not base64"]
    assert secret_values.signing_keys("plain") == [b"plain"]


@pytest.mark.parametrize(
    "body", [{}, {"overlap": "tomorrow"}, {"overlap": "P100D"}, {"overlap": "-PT1H"}, {"value": "short"}]
)
def test_what_cannot_be_is_refused(keeper, body) -> None:
    if body:
        put(keeper, value="the first value")
        assert keeper.post("/api/v1/secrets/shop/rotate", body, format="json").status_code == 422
    else:
        assert put(keeper).status_code == 422
        assert keeper.post("/api/v1/secrets/shop/rotate", {}, format="json").status_code == 404
