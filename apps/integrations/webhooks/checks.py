"""What is wrong with a webhook's document beyond its JSON Schema. Pure; what it names is looked up by the services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.validation.expressions import TRIGGER_ROOTS, ExpressionError, check_template, compile_expression
from apps.validation.violations import Violation

from .verification import credential_headers, signed_content_of

RESERVED = "subscriptions"
_TEMPLATES = ("eventPattern", "payloadMapping", "eventMapping", "inputMapping")


def check_webhook(document: Mapping[str, Any]) -> list[Violation]:
    """Every problem of a webhook that fits its JSON Schema."""
    found = [*_auth(document["auth"]), *_headers(document), *_expressions(document)]
    if document.get("webhookId") == RESERVED:
        found.append(Violation("reserved", f"{RESERVED!r} means something else in the API.", "/webhookId"))
    return found


def _auth(auth: Mapping[str, Any]) -> Iterator[Violation]:
    kind = auth["kind"]
    if kind == "none":
        message = "Anybody who knows the address can record events with this webhook."
        yield Violation("anybody-may-call", message, "/auth/kind", "warning", "Use hmac or token where the sender can.")
    elif "secretName" not in auth:
        yield Violation("required", f"{kind} needs a secret.", "/auth/secretName", hint="Name a stored secret.")
    if kind == "basic" and "username" not in auth:
        yield Violation("required", "basic needs a user name.", "/auth/username")
    if kind == "basic" and auth.get("header", "Authorization").lower() != "authorization":
        yield Violation("header", "basic is always in the header Authorization.", "/auth/header")
    if kind == "hmac":
        if "timestampHeader" in auth and "timestamp" not in signed_content_of(auth):
            message = "The time of sending is not part of what is signed, so it proves nothing and is not looked at."
            yield Violation("unsigned-time", message, "/auth/timestampHeader", "warning", "Set signedContent.")
    else:
        for name in ("algorithm", "signedContent", "timestampHeader", "idHeader"):
            if name in auth:
                yield Violation("without-effect", f"{name} is for hmac only.", f"/auth/{name}", "warning")


def _headers(document: Mapping[str, Any]) -> Iterator[Violation]:
    hidden = credential_headers(document["auth"])
    for index, name in enumerate(document.get("headers") or ()):
        if name.lower() in hidden:
            message = f"{name} carries a credential; it is kept out of events."
            yield Violation("credential-header", message, f"/headers/{index}")


def _expressions(document: Mapping[str, Any]) -> Iterator[Violation]:
    for name in _TEMPLATES:
        yield from check_template(document.get(name), roots=TRIGGER_ROOTS, pointer=f"/{name}")
    body = (document.get("respond") or {}).get("body")
    yield from check_template(body, roots=TRIGGER_ROOTS, pointer="/respond/body")
    if text := document.get("eventIdFrom"):
        try:
            compile_expression(text, roots=TRIGGER_ROOTS)
        except ExpressionError as error:
            yield error.as_violation("/eventIdFrom")
