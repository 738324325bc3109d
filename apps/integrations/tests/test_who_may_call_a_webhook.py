"""What proves a sender: signatures over the raw body, tokens, passwords; and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.integrations.webhooks.delivery import Delivery, NotVerified, Reason
from apps.integrations.webhooks.verification import Keys, verify

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
KEY, OLD, BODY = b"the key of the shop", b"the key before", b'{"id": 1, "text": "\xc3\xa4"}'
KEYS = Keys(["the key of the shop", "the key before"], [KEY, OLD])


def hexed(content: bytes = BODY, key: bytes = KEY, algorithm: str = "sha256") -> str:
    return hmac.new(key, content, algorithm).hexdigest()


def b64(content: bytes, key: bytes = KEY, algorithm: str = "sha256") -> str:
    return base64.b64encode(hmac.new(key, content, algorithm).digest()).decode()


def judged(auth: dict[str, Any], headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    """ "ok", or why not."""
    try:
        verify(auth, Delivery("orders", {name.lower(): value for name, value in headers.items()}, body), KEYS, now)
    except NotVerified as error:
        return str(error.reason)
    return "ok"


PLAIN = {"kind": "hmac", "header": "X-Sig"}
TIMED = {"kind": "hmac", "header": "X-Sig", "timestampHeader": "X-Time"}
STRIPE = {"kind": "hmac", "header": "Stripe-Signature", "timestampHeader": "Stripe-Signature"}
SLACK = {"kind": "hmac", "header": "X-Slack-Signature", "timestampHeader": "X-Slack-Request-Timestamp",
         "signedContent": "v0:timestamp:body"}  # fmt: skip
STANDARD = {"kind": "hmac", "header": "webhook-signature", "timestampHeader": "webhook-timestamp",
            "signedContent": "id.timestamp.body"}  # fmt: skip
STAMPED = STAMP.encode() + b"." + BODY


@pytest.mark.parametrize(
    ("auth", "headers"),
    [
        pytest.param(PLAIN, {"X-Sig": hexed()}, id="hex"),
        pytest.param(PLAIN, {"X-Sig": hexed().upper()}, id="hex in capitals"),
        pytest.param(PLAIN, {"X-Sig": "sha256=" + hexed()}, id="GitHub's prefix"),
        pytest.param(PLAIN, {"X-Sig": b64(BODY)}, id="base64"),
        pytest.param(PLAIN, {"X-Sig": b64(BODY).rstrip("=").replace("+", "-").replace("/", "_")}, id="base64url"),
        pytest.param(PLAIN, {"X-Sig": hexed(key=OLD)}, id="the key before a rotation"),
        pytest.param(PLAIN, {"X-Sig": f"v1={'0' * 64},v1={hexed()}"}, id="one of several"),
        pytest.param(PLAIN | {"algorithm": "sha512"}, {"X-Sig": hexed(algorithm="sha512")}, id="sha512"),
        pytest.param(TIMED, {"X-Sig": hexed(STAMPED), "X-Time": STAMP}, id="with the time"),
        pytest.param(STRIPE, {"Stripe-Signature": f"t={STAMP},v1={hexed(STAMPED)},v0=ignored"}, id="Stripe"),
        pytest.param(SLACK, {"X-Slack-Signature": "v0=" + hexed(f"v0:{STAMP}:".encode() + BODY),
                             "X-Slack-Request-Timestamp": STAMP}, id="Slack"),
        pytest.param(STANDARD, {"webhook-id": "m1", "webhook-timestamp": STAMP,
                                "webhook-signature": "v1," + b64(b"m1." + STAMPED)}, id="Standard Webhooks"),
        pytest.param(STANDARD, {"webhook-id": "m1", "webhook-timestamp": STAMP,
                                "webhook-signature": f"v1,{b64(b'other')} v1,{b64(b'm1.' + STAMPED, OLD)}"},
                     id="Standard Webhooks while the key rotates"),
        pytest.param({"kind": "token", "header": "X-Token"}, {"X-Token": "the key of the shop"}, id="token"),
        pytest.param({"kind": "token"}, {"Authorization": "Bearer the key of the shop"}, id="bearer"),
        pytest.param({"kind": "basic", "username": "shop"},
                     {"Authorization": "Basic " + base64.b64encode(b"shop:the key before").decode()}, id="basic"),
        pytest.param({"kind": "none"}, {}, id="anybody"),
    ],
)  # fmt: skip
def test_a_sender_with_the_right_proof_is_let_in(auth: dict[str, Any], headers: dict[str, str]) -> None:
    assert judged(auth, headers) == "ok"


@pytest.mark.parametrize(
    ("auth", "headers", "reason"),
    [
        pytest.param(PLAIN, {}, Reason.NO_CREDENTIALS, id="absent"),
        pytest.param(PLAIN, {"X-Sig": " "}, Reason.NO_CREDENTIALS, id="empty"),
        pytest.param(PLAIN, {"X-Sig": hexed(b"another body")}, Reason.WRONG_CREDENTIALS, id="of another body"),
        pytest.param(PLAIN, {"X-Sig": hexed(key=b"guess")}, Reason.WRONG_CREDENTIALS, id="of another key"),
        pytest.param(PLAIN, {"X-Sig": hexed()[:-1]}, Reason.WRONG_CREDENTIALS, id="cut short"),
        pytest.param(PLAIN, {"X-Sig": "é" * 64}, Reason.WRONG_CREDENTIALS, id="not even hex"),
        pytest.param(PLAIN, {"X-Sig": ",".join(["0" * 64] * 10 + [hexed()])}, Reason.WRONG_CREDENTIALS, id="too many"),
        pytest.param(PLAIN, {"X-Sig": hmac.new(KEY, BODY, hashlib.sha1).hexdigest()}, Reason.WRONG_CREDENTIALS, id="sha1"),
        pytest.param(TIMED, {"X-Sig": hexed(STAMPED)}, Reason.NO_TIMESTAMP, id="no time"),
        pytest.param(TIMED, {"X-Sig": hexed(STAMPED), "X-Time": "now"}, Reason.NO_TIMESTAMP, id="no digits"),
        pytest.param(TIMED, {"X-Sig": hexed(), "X-Time": STAMP}, Reason.WRONG_CREDENTIALS, id="time not signed"),
        pytest.param(TIMED, {"X-Sig": hexed(STAMPED), "X-Time": str(int(STAMP) + 1)}, Reason.WRONG_CREDENTIALS, id="time moved"),
        pytest.param(STRIPE, {"Stripe-Signature": f"v1={hexed(STAMPED)}"}, Reason.NO_TIMESTAMP, id="Stripe without time"),
        pytest.param(STANDARD, {"webhook-timestamp": STAMP, "webhook-signature": "v1," + b64(STAMPED)}, Reason.NO_CREDENTIALS, id="no id"),
        pytest.param({"kind": "token", "header": "X-Token"}, {}, Reason.NO_CREDENTIALS, id="no token"),
        pytest.param({"kind": "token", "header": "X-Token"}, {"X-Token": "guess"}, Reason.WRONG_CREDENTIALS, id="wrong token"),
        pytest.param({"kind": "basic", "username": "shop"}, {"Authorization": "Bearer x"}, Reason.NO_CREDENTIALS, id="not basic"),
        pytest.param({"kind": "basic", "username": "shop"}, {"Authorization": "Basic %%%"}, Reason.WRONG_CREDENTIALS, id="no base64"),
        pytest.param({"kind": "basic", "username": "shop"},
                     {"Authorization": "Basic " + base64.b64encode(b"other:the key of the shop").decode()},
                     Reason.WRONG_CREDENTIALS, id="another user"),
    ],
)  # fmt: skip
def test_anybody_else_is_not(auth: dict[str, Any], headers: dict[str, str], reason: Reason) -> None:
    assert judged(auth, headers) == reason


@pytest.mark.parametrize(("minutes", "answer"), [(-6, "too-old"), (-4, "ok"), (4, "ok"), (6, "too-old")])
def test_a_call_must_have_been_sent_within_five_minutes(minutes: int, answer: str) -> None:
    headers = {"X-Sig": hexed(STAMPED), "X-Time": STAMP}
    assert judged(TIMED, headers, now=NOW - timedelta(minutes=minutes)) == answer


def test_milliseconds_are_told_from_seconds() -> None:
    stamp = STAMP + "123"
    headers = {"X-Sig": hexed(stamp.encode() + b"." + BODY), "X-Time": stamp}
    assert judged(TIMED, headers) == "ok"


def test_an_unknown_secret_opens_nothing() -> None:
    empty = hmac.new(b"", BODY, "sha256").hexdigest()
    with pytest.raises(NotVerified):
        verify(PLAIN, Delivery("orders", {"x-sig": empty}, BODY), Keys(), NOW)


def test_one_signature_in_two_spellings_is_one_call() -> None:
    prints = {
        verify(PLAIN, Delivery("orders", {"x-sig": text}, BODY), KEYS, NOW)
        for text in (hexed(), "sha256=" + hexed().upper(), b64(BODY))
    }
    assert len(prints) == 1
