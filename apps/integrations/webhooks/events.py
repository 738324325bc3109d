"""The event that a call is recorded as.

Expressions see the call as an event: ``event.payload`` is the body, ``event.metadata.headers`` the headers that the webhook
names (in small letters), ``event.metadata.cloudEvent`` what a CloudEvent said beside its data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from apps.validation.expressions import (
    TRIGGER_ROOTS,
    EvaluationError,
    Template,
    compile_expression,
    compile_template,
)

from .contents import Content
from .delivery import Delivery
from .naming import EVENT_NAME, pattern_of
from .verification import credential_headers

LONGEST_ID = 255


class CannotMap(Exception):
    """An expression of the webhook fails on a call, or gives what cannot be. ``pointer`` leads to it."""

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer = pointer
        super().__init__(message)


def event_of(
    key: str, document: Mapping[str, Any], delivery: Delivery, content: Content, now: datetime
) -> dict[str, Any]:
    """The event as schemas/eventInstance.json has it, without its source. CannotMap."""
    sent = content.cloud_event or {}
    headers = headers_seen(document, delivery)
    metadata = {**sent.get("metadata", {}), **({"headers": headers} if headers else {})}
    moment = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    seen = {
        "eventId": str(sent.get("eventId", "")),
        "pattern": str(sent.get("pattern", "")),
        "version": "1.0.0",
        "source": {"type": "external", "id": key, "name": document.get("name", key)},
        "timestamp": sent.get("timestamp") or moment,
        "payload": content.payload,
        "metadata": {**metadata, "headers": headers},
    }
    context = {"event": seen, "now": now}
    pattern = _value(pattern_of(document), context, "/eventPattern")
    if not isinstance(pattern, str) or len(pattern) > 255 or not EVENT_NAME.fullmatch(pattern):
        raise CannotMap("/eventPattern", f"{pattern!r:.100} is no pattern that an event can be recorded under.")
    event: dict[str, Any] = {
        "eventId": _event_id(key, document, delivery, sent, context),
        "pattern": pattern,
        "payload": _value(document.get("payloadMapping"), context, "/payloadMapping", content.payload),
        "metadata": metadata,
    }
    if delivery.trace_id:
        event["metadata"]["traceId"] = metadata.get("traceId") or delivery.trace_id
    if sent.get("timestamp"):
        event["timestamp"] = sent["timestamp"]
    for name, template in (document.get("eventMapping") or {}).items():
        value = _value(template, context, f"/eventMapping/{name}")
        if value is None or value == "":
            continue
        if name in ("timestamp", "version"):
            event[name] = value
        else:
            event["metadata"][name] = value if name == "tags" else str(value)
    return event


def headers_seen(document: Mapping[str, Any], delivery: Delivery) -> dict[str, str]:
    """The headers that the webhook names, but never a credential."""
    hidden = credential_headers(document["auth"])
    named = [name.lower() for name in document.get("headers") or ()]
    return {
        name: delivery.headers[name].replace("\x00", "")[:4_000]
        for name in named
        if name in delivery.headers and name not in hidden
    }


def answer_of(document: Mapping[str, Any], event: Mapping[str, Any], key: str, now: datetime) -> Any:
    """The body of the answer. CannotMap."""
    template = (document.get("respond") or {}).get("body")
    if template is None:
        return {"eventId": event["eventId"]}
    source = {"type": "external", "id": key, "name": document.get("name", key)}
    moment = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    seen = {"version": "1.0.0", "timestamp": moment, **event, "source": source}
    return _value(template, {"event": seen, "now": now}, "/respond/body")


def _event_id(
    key: str,
    document: Mapping[str, Any],
    delivery: Delivery,
    sent: Mapping[str, Any],
    context: Mapping[str, Any],
) -> str:
    given: Any = None
    if text := document.get("eventIdFrom"):
        try:
            given = compile_expression(text, roots=TRIGGER_ROOTS).evaluate(context)
        except EvaluationError as error:
            raise CannotMap("/eventIdFrom", error.message) from error
        if isinstance(given, dict | list | bool):
            raise CannotMap("/eventIdFrom", "The id of a delivery is a text or a number.")
    elif sent:
        # A CloudEvent's id is unique within its source only.
        given = f"{sent['source']['id']}:{sent['eventId']}"
    if given is None or given == "":
        timestamp = delivery.headers.get(str(document["auth"].get("timestampHeader", "")).lower(), "")
        parts = (delivery.path.encode(), timestamp.encode("utf-8", "replace"), delivery.body)
        given = hashlib.sha256(b"\x00".join(parts)).hexdigest()
    # Another webhook's sender may use the same ids for something else.
    made = f"webhook:{key}:{given}"
    if len(made) > LONGEST_ID:
        made = f"webhook:{hashlib.sha256(made.encode('utf-8', 'replace')).hexdigest()}"
    return made


def _value(template: Any, context: Mapping[str, Any], pointer: str, otherwise: Any = None) -> Any:
    if template is None:
        return otherwise
    try:
        return _compiled(orjson.dumps(template)).evaluate(context)
    except EvaluationError as error:
        raise CannotMap(pointer, error.message) from error


@lru_cache(maxsize=2048)
def _compiled(template: bytes) -> Template:
    return compile_template(orjson.loads(template), roots=TRIGGER_ROOTS)
