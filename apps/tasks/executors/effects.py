"""What running a task would do outside, told without doing it, and without telling what must stay secret."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from .base import TaskCall
from .http_plan import HttpPlan
from .http_request import BadRequest, build_request
from .plans import TaskDefinitionPlan

MASK = "•••"
_SECRET = re.compile(
    r"auth(?!or)|authori[sz]|token|secret|passw|credential|signature|cookie|session|api.?key|private.?key|^key$",
    re.IGNORECASE,
)
# What every call bears and says nothing about the work.
_NOT_SHOWN = frozenset({"idempotency-key", "traceparent", "accept"})


def call_of(plan: TaskDefinitionPlan, call: TaskCall) -> dict[str, Any]:
    """{kind, endpoint} of the call that the task would make; of an HTTP one also {method, url, headers, body}, and
    {problem} where this input makes no request. Credentials are masked."""
    implementation = plan.document.get("implementation") or {}
    told: dict[str, Any] = {"kind": plan.kind, "endpoint": masked_url(str(implementation.get("endpoint") or ""))}
    if not isinstance(plan.compiled, HttpPlan):
        return told
    told["method"] = plan.compiled.method
    try:
        request = build_request(plan.compiled, call)
    except BadRequest as refusal:
        return told | {"problem": refusal.failure.message}
    headers = {name: value for name, value in request["headers"].items() if name.lower() not in _NOT_SHOWN}
    body = request.get("json")
    if body is None and isinstance(request.get("body"), bytes):
        body = request["body"].decode(errors="replace")
        if plan.compiled.form is not None:
            body = dict(parse_qsl(body, keep_blank_values=True))
    return told | {"url": masked_url(request["url"]), "headers": masked(headers), "body": masked(body)}


def masked(value: Any, name: str = "") -> Any:
    """The same data with every value whose name sounds like a credential hidden."""
    if name and _SECRET.search(name) and value is not None:
        return MASK
    if isinstance(value, dict):
        return {key: masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def masked_url(url: str) -> str:
    """The address without user and password, and without the values of parameters that sound like credentials."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = f"{MASK}@{parts.netloc.rpartition('@')[2]}" if "@" in parts.netloc else parts.netloc
    query = "&".join(_masked_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and _SECRET.search(name) else pair
