"""What is wrong with a webhook subscription beyond its JSON Schema. Asks no table; see services/subscriptions.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from apps.integrations import egress
from apps.validation.durations import parse_duration
from apps.validation.expressions import (
    TRIGGER_ROOTS,
    EvaluationError,
    ExpressionError,
    check_template,
    compile_expression,
)
from apps.validation.expressions.equalities import event_equalities
from apps.validation.violations import Violation, pointer_to

from .message import LONGEST_TIMEOUT, RESERVED

_SHORTEST = timedelta(milliseconds=100)
_LONGEST_DELAY = timedelta(hours=1)


def check_subscription(document: Mapping[str, Any]) -> list[Violation]:
    """Every problem of a subscription that fits its JSON Schema."""
    return [*_url(document), *_condition(document), *_headers(document), *_times(document)]


def equalities_of(condition: str | None) -> dict[str, Any]:
    """What a checked condition demands to be equal to something fixed: path below the event → value."""
    values: dict[str, Any] = {}
    for path, other in event_equalities(condition, TRIGGER_ROOTS) if condition else ():
        try:
            value = other.evaluate({})
        except EvaluationError:
            continue
        if value is None or isinstance(value, str | int | float | list | dict):
            values[path] = value
    return values


def _url(document: Mapping[str, Any]) -> Iterator[Violation]:
    try:
        egress.check_url(document["url"])
    except egress.Refused as error:
        hint = (
            "The operator may allow it: AUGMENTED_EGRESS_ALLOW."
            if "ADDRESS" in str(error.details.get("reason"))
            else ""
        )
        yield Violation("url-refused", f"Nothing can be sent there: {error.message}.", "/url", hint=hint)
        return
    if document["url"].startswith("http:"):
        message = "What is sent there can be read on its way."
        yield Violation("not-encrypted", message, "/url", "warning", "Use https.")
    if "secretName" not in document:
        message = "Without a signature the other side cannot tell who sent it."
        yield Violation("not-signed", message, "/secretName", "warning", "Name a stored secret.")


def _condition(document: Mapping[str, Any]) -> Iterator[Violation]:
    if text := document.get("eventCondition"):
        try:
            compile_expression(text, roots=TRIGGER_ROOTS)
        except ExpressionError as error:
            yield error.as_violation("/eventCondition")


def _headers(document: Mapping[str, Any]) -> Iterator[Violation]:
    for name in document.get("headers") or ():
        if name.lower() in RESERVED:
            hint = "For a bearer there is authSecretName." if name.lower() == "authorization" else ""
            message = f"The header {name} is set by the platform itself."
            yield Violation("reserved-header", message, pointer_to("headers", name), hint=hint)
    yield from check_template(document.get("headers"), roots=TRIGGER_ROOTS, pointer="/headers")
    for name, value in (document.get("headers") or {}).items():
        if any(character in value for character in "\r\n\x00"):
            message = "A header's value is one line."
            yield Violation("header-injection", message, pointer_to("headers", name))


def _times(document: Mapping[str, Any]) -> Iterator[Violation]:
    if "timeout" in document and not 1 <= parse_duration(document["timeout"]).total_seconds() <= LONGEST_TIMEOUT:
        yield Violation("timeout", f"A timeout is PT1S to PT{LONGEST_TIMEOUT:.0f}S.", "/timeout")
    if "retryDelay" in document and not _SHORTEST <= parse_duration(document["retryDelay"]) <= _LONGEST_DELAY:
        yield Violation("retry-delay", "A delay is PT0.1S to PT1H.", "/retryDelay")
