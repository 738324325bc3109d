"""From a task's input to the request that its definition describes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from apps.validation.expressions import EvaluationError

from .base import Failed, TaskCall, evaluation_failed
from .endpoints import EndpointError
from .http_plan import ENDPOINT, PARAMETERS, HttpPlan

DEFAULT_TIMEOUT = 30.0
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_OWN_HEADERS = frozenset({"idempotency-key", "traceparent"})


class BadRequest(Exception):
    """This input makes no request; `failure` says why."""

    def __init__(self, failure: Failed) -> None:
        super().__init__(failure.message)
        self.failure = failure


def build_request(plan: HttpPlan, call: TaskCall) -> dict[str, Any]:
    """The keyword arguments for `egress.request`. Raises BadRequest when this input makes none."""
    context = call.context()
    pointer = ENDPOINT
    try:
        url = plan.endpoint.url(context)
        headers: dict[str, str] = {}
        if plan.query is not None:
            pointer = f"{PARAMETERS}/query"
            url = _with_query(url, plan.query.evaluate(context))
        if plan.headers is not None:
            pointer = f"{PARAMETERS}/headers"
            headers = _header_values(plan.headers.evaluate(context))
        _set_default(headers, "Accept", "application/json, */*;q=0.5")
        headers.update(_identity(call))
        arguments: dict[str, Any] = {
            "method": plan.method,
            "url": url,
            "headers": headers,
            "timeout": call.definition.timeout or DEFAULT_TIMEOUT,
            "only": plan.hosts,
            "purpose": f"task:{call.task_id}",
        }
        pointer = f"{PARAMETERS}/body"
        if plan.form is not None:
            pointer = f"{PARAMETERS}/form"
            arguments["body"] = urlencode(_pairs(plan.form.evaluate(context))).encode()
            _set_default(headers, "Content-Type", "application/x-www-form-urlencoded")
        elif plan.body is not None:
            _add_body(arguments, headers, plan.body.evaluate(context))
        elif plan.method in _BODY_METHODS:
            arguments["json"] = call.input
    except EvaluationError as error:
        raise BadRequest(evaluation_failed(error, pointer)) from error
    except EndpointError as error:
        raise BadRequest(Failed("PERMANENT", "REQUEST_INVALID", f"{pointer}: {error}", {"pointer": pointer})) from error
    return arguments


def _add_body(arguments: dict[str, Any], headers: dict[str, str], body: Any) -> None:
    """A text with a Content-Type other than JSON is sent as it is, everything else as JSON."""
    given = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if isinstance(body, str) and given and "json" not in given.lower():
        arguments["body"] = body.encode()
    else:
        arguments["json"] = body


def _set_default(headers: dict[str, str], name: str, value: str) -> None:
    if not any(given.lower() == name.lower() for given in headers):
        headers[name] = value


def _identity(call: TaskCall) -> dict[str, str]:
    """What names this piece of work to the other side: the same for every attempt."""
    trace = (call.workflow_instance_id or call.task_id).hex
    return {
        "Idempotency-Key": str(call.task_id),
        # The span id is the random half of the task's id; the trace is the whole run.
        "traceparent": f"00-{trace}-{call.task_id.hex[16:]}-01",
    }


def _header_values(values: Any) -> dict[str, str]:
    if not isinstance(values, dict):
        raise EndpointError("headers must be an object")
    return {
        name: _scalar(value, name)
        for name, value in values.items()
        if value is not None and name.lower() not in _OWN_HEADERS
    }


def _with_query(url: str, values: Any) -> str:
    query = urlencode(_pairs(values))
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _pairs(values: Any) -> list[tuple[str, str]]:
    """Names and texts; null is left out, a list repeats its name."""
    if not isinstance(values, dict):
        raise EndpointError("must be an object of names and values")
    return [
        (name, _scalar(item, name))
        for name, value in values.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def _scalar(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise EndpointError(f"{name} must be a text, a number or a boolean")
