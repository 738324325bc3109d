"""Whether a call comes from whom the webhook takes calls from. Pure: secrets and the time are handed in.

1. hmac: take the candidates out of the signature header (`sha256=…`, `v1=…`, `v1,…`, several, hex or base64), make what
   must have been signed out of the raw body, and compare with every key in constant time.
2. Where the time of sending is signed, it must lie within five minutes of now.
3. token and basic: compare in constant time.

What fingerprints a call (``verify`` returns it) is what was signed together with its signature: the same twice is a replay.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .delivery import Delivery, NotVerified, Reason

WINDOW_SECONDS = 300
MOST_CANDIDATES = 10
DEFAULT_HEADERS: Mapping[str, str] = {"hmac": "X-Signature", "token": "Authorization", "basic": "Authorization"}
DEFAULT_ID_HEADER = "webhook-id"
_PREFIX = re.compile(r"(?:sha256|sha512|v0|v1|s)=(.+)", re.IGNORECASE)
_TIME = re.compile(r"t=([0-9]{1,15})")
_DIGITS = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of a webhook's secret that count now: as texts, and as keys that may have signed."""

    values: Sequence[str] = field(default=(), repr=False)
    signing: Sequence[bytes] = field(default=(), repr=False)


def verify(auth: Mapping[str, Any], delivery: Delivery, keys: Keys, now: datetime) -> str | None:
    """The fingerprint of a call that bears a signature, None for other kinds of proof. NotVerified."""
    match auth["kind"]:
        case "none":
            return None
        case "hmac":
            return _hmac(auth, delivery, keys.signing, now)
        case "token":
            _token(auth, delivery, keys.values)
        case "basic":
            _basic(auth, delivery, keys.values)
    return None


def header_of(auth: Mapping[str, Any]) -> str:
    """The header that carries the proof, in small letters; "" where there is none."""
    return str(auth.get("header") or DEFAULT_HEADERS.get(auth["kind"], "")).lower()


def signed_content_of(auth: Mapping[str, Any]) -> str:
    return str(auth.get("signedContent") or ("timestamp.body" if auth.get("timestampHeader") else "body"))


def credential_headers(auth: Mapping[str, Any]) -> set[str]:
    """Headers that expressions must not see."""
    return {"authorization", "proxy-authorization", "cookie", header_of(auth)} - {""}


def _hmac(auth: Mapping[str, Any], delivery: Delivery, keys: Sequence[bytes], now: datetime) -> str:
    text = delivery.headers.get(header_of(auth), "").strip()
    if not text:
        raise NotVerified(Reason.NO_CREDENTIALS)
    algorithm = auth.get("algorithm", "sha256")
    size = hashlib.new(algorithm).digest_size
    candidates = [each for each in (_decoded(part, size) for part in _parts(text)) if each is not None]
    content = _signed(auth, delivery, text)
    # All of it is compared, so that the time taken says nothing about which key or candidate came near.
    fits = False
    for key in keys:
        wanted = hmac.digest(key, content, algorithm)
        for candidate in candidates[:MOST_CANDIDATES]:
            fits |= hmac.compare_digest(wanted, candidate)
    if not fits:
        raise NotVerified(Reason.WRONG_CREDENTIALS)
    if "timestamp" in signed_content_of(auth):
        sent = datetime.fromtimestamp(_seconds(_timestamp(auth, delivery, text)), UTC)
        if abs((now - sent).total_seconds()) > WINDOW_SECONDS:
            raise NotVerified(Reason.TOO_OLD)
    # By what was signed and not by the header, of which there are many spellings for one signature.
    return hashlib.sha256(content).hexdigest()


def _parts(text: str) -> Iterator[str]:
    for part in re.split(r"[,\s]+", text):
        if part and not _TIME.fullmatch(part):
            match = _PREFIX.fullmatch(part)
            yield match[1] if match else part


def _decoded(text: str, size: int) -> bytes | None:
    """A signature in hex or base64; None for what is none of that length."""
    try:
        if len(text) == 2 * size:
            return bytes.fromhex(text)
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == size else None


def _signed(auth: Mapping[str, Any], delivery: Delivery, text: str) -> bytes:
    match signed_content_of(auth):
        case "body":
            return delivery.body
        case "timestamp.body":
            return f"{_timestamp(auth, delivery, text)}.".encode() + delivery.body
        case "v0:timestamp:body":
            return f"v0:{_timestamp(auth, delivery, text)}:".encode() + delivery.body
    name = delivery.headers.get(str(auth.get("idHeader") or DEFAULT_ID_HEADER).lower(), "").strip()
    if not name:
        raise NotVerified(Reason.NO_CREDENTIALS)
    return f"{name}.{_timestamp(auth, delivery, text)}.".encode() + delivery.body


def _timestamp(auth: Mapping[str, Any], delivery: Delivery, text: str) -> str:
    """The time of sending as it was signed: digits."""
    name = str(auth.get("timestampHeader") or "webhook-timestamp").lower()
    if name == header_of(auth):
        match = next((found for part in re.split(r"[,\s]+", text) if (found := _TIME.fullmatch(part))), None)
        given = match[1] if match else ""
    else:
        given = delivery.headers.get(name, "").strip()
    if not _DIGITS.fullmatch(given):
        raise NotVerified(Reason.NO_TIMESTAMP)
    return given


def _seconds(digits: str) -> float:
    """Seconds since 1970; numbers that can only be milliseconds are taken as such."""
    number = int(digits)
    return min(number / 1000 if number > 10**11 else number, 250_000_000_000)


def _token(auth: Mapping[str, Any], delivery: Delivery, values: Sequence[str]) -> None:
    given = delivery.headers.get(header_of(auth), "").strip()
    if not given:
        raise NotVerified(Reason.NO_CREDENTIALS)
    scheme, _, rest = given.partition(" ")
    if scheme.lower() in ("bearer", "token") and rest:
        given = rest.strip()
    _compare(given, values)


def _basic(auth: Mapping[str, Any], delivery: Delivery, values: Sequence[str]) -> None:
    scheme, _, encoded = delivery.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "basic" or not encoded:
        raise NotVerified(Reason.NO_CREDENTIALS)
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError as error:
        raise NotVerified(Reason.WRONG_CREDENTIALS) from error
    _compare(given, [f"{auth.get('username', '')}:{value}" for value in values])


def _compare(given: str, values: Sequence[str]) -> None:
    fits = False
    for value in values:
        # Digests have one length, so not even the secret's length shows in the time taken.
        fits |= hmac.compare_digest(
            hashlib.sha256(given.encode("utf-8", "replace")).digest(), hashlib.sha256(value.encode()).digest()
        )
    if not fits:
        raise NotVerified(Reason.WRONG_CREDENTIALS)
