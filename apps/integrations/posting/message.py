"""The request that carries an event to a subscription's address (Standard Webhooks, https://www.standardwebhooks.com).

`webhook-id` is the event's id and stays the same for every attempt; `webhook-signature` holds one signature for each key that
counts now, so that the other side notices nothing of a rotation.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from apps.events import cloudevents
from apps.events.stored import StoredEvent
from apps.validation.durations import parse_duration
from apps.validation.expressions import TRIGGER_ROOTS, Template, compile_template

USER_AGENT = "AugmentedOS-Webhooks/1"
DEFAULT_TIMEOUT, LONGEST_TIMEOUT = 15.0, 45.0
RESERVED = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "host", "content-length", "content-type", "transfer-encoding",
        "connection", "user-agent", "idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature",
    }
)  # fmt: skip
"""Headers that the platform sets itself, or that secrets are for."""
_SAFE = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Message:
    """``headers`` hold the signature and, where there is one, the bearer: not for logs."""

    body: bytes
    headers: dict[str, str] = field(repr=False)


def compose(
    key: str,
    document: Mapping[str, Any],
    event: StoredEvent,
    *,
    timestamp: int,
    signing: Sequence[bytes] = (),
    bearer: str = "",
) -> Message:
    """What is posted for an event. EvaluationError when a header's template fails."""
    headers = {name: _text(value) for name, value in _extra(document).evaluate({"event": event.document}).items()}
    if document.get("format") == "cloudevents":
        body = orjson.dumps(cloudevents.from_event(event.document))
        headers["Content-Type"] = cloudevents.STRUCTURED
    else:
        body = orjson.dumps(event.document)
        headers["Content-Type"] = "application/json"
    # Anybody may have chosen the event's id; one that no header can hold gives way to ours.
    name = event.event_id if _SAFE.fullmatch(event.event_id) else str(event.id)
    headers |= {
        "User-Agent": USER_AGENT,
        "Idempotency-Key": f"{event.id}:{key}",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
    }
    if signing:
        headers["webhook-signature"] = " ".join(signature(each, name, timestamp, body) for each in signing)
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    return Message(body, headers)


def signature(key: bytes, name: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over id, time and body with dots between them."""
    content = f"{name}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def timeout_of(document: Mapping[str, Any]) -> float:
    """Seconds for one attempt."""
    text = document.get("timeout")
    return DEFAULT_TIMEOUT if text is None else min(parse_duration(text).total_seconds(), LONGEST_TIMEOUT)


def _extra(document: Mapping[str, Any]) -> Template:
    return _compiled(orjson.dumps(document.get("headers") or {}))


@lru_cache(maxsize=1024)
def _compiled(headers: bytes) -> Template:
    return compile_template(orjson.loads(headers), roots=TRIGGER_ROOTS)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
