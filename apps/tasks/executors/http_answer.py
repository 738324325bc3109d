"""From the other side's answer to the task's result."""

from __future__ import annotations

import re
from typing import Any

from apps.integrations import egress
from apps.validation.expressions import EvaluationError, truthy

from .base import Completed, Failed, FailureType, Result, TaskCall, evaluation_failed, outcome_of
from .http_plan import PARAMETERS, HttpPlan

_RETRYABLE_STATUSES = frozenset({408, 425, 429})
_UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9_]{1,99}")
_SHOWN_BODY = 2_000


def not_answered(error: egress.EgressError) -> Failed:
    """No answer came: refused, not reached, lost or too late."""
    if isinstance(error, egress.TimedOut):
        return Failed("TIMEOUT", error.code, error.message, error.details, retryable=True)
    kind: FailureType = "TRANSIENT" if error.transient else "PERMANENT"
    return Failed(kind, error.code, error.message, error.details, retryable=error.transient)


def judge(plan: HttpPlan, call: TaskCall, response: egress.Response) -> Result:
    """The first error rule that matches, else success or not, else the output."""
    body = _body(response)
    context = call.context(response={"status": response.status, "headers": response.headers, "body": body})
    pointer = PARAMETERS
    try:
        for rule in plan.errors:
            pointer = rule.pointer
            if rule.matches(response.status, context):
                message = str(rule.message.evaluate(context)) if rule.message else _message(response, body)
                retryable = _is_retryable(response.status) if rule.retryable is None else rule.retryable
                return _failure(rule.code, message, response, body, retryable=retryable)
        pointer = f"{PARAMETERS}/success"
        if not _succeeded(plan, response, context):
            code = _code(body) or f"HTTP_{response.status}"
            return _failure(code, _message(response, body), response, body, retryable=_is_retryable(response.status))
        pointer = f"{PARAMETERS}/response"
        output = plan.response.evaluate(context) if plan.response is not None else body
        pointer = f"{PARAMETERS}/outcome"
        outcome = str(plan.outcome.evaluate(context)) if plan.outcome is not None else outcome_of(output)
        return Completed(output, outcome)
    except EvaluationError as error:
        return evaluation_failed(error, pointer)


def _succeeded(plan: HttpPlan, response: egress.Response, context: dict[str, Any]) -> bool:
    if plan.success is not None:
        return truthy(plan.success.evaluate(context))
    if plan.success_statuses:
        return response.status in plan.success_statuses
    return 200 <= response.status < 300


def _body(response: egress.Response) -> Any:
    """JSON where the answer says or is JSON, else text, null when empty."""
    if not response.body:
        return None
    if response.is_json:
        try:
            return response.json()
        except egress.BadResponse:
            return response.text()
    return response.text()


def _code(body: Any) -> str | None:
    """The other side's own error code, where it gives one in our form."""
    candidate = body.get("code") if isinstance(body, dict) else None
    return candidate if isinstance(candidate, str) and _UPPER_SNAKE.fullmatch(candidate) else None


def _message(response: egress.Response, body: Any) -> str:
    if isinstance(body, dict):
        for name in ("detail", "message", "error_description", "title", "error"):
            if isinstance(body.get(name), str) and body[name]:
                return f"{response.status}: {body[name][:500]}"
    return f"The answer was {response.status}."


def _is_retryable(status: int) -> bool:
    return status >= 500 or status in _RETRYABLE_STATUSES


def _failure(code: str, message: str, response: egress.Response, body: Any, *, retryable: bool) -> Failed:
    details: dict[str, Any] = {"status": response.status}
    if body is not None:
        details["body"] = body if len(response.body) <= _SHOWN_BODY else response.text()[:_SHOWN_BODY]
    if "retry-after" in response.headers:
        details["retryAfter"] = response.headers["retry-after"]
    return Failed("TRANSIENT" if retryable else "PERMANENT", code, message, details, retryable=retryable)
