"""Every refusal as application/problem+json (RFC 9457), whoever raised it.

{type, title, status, detail, instance, traceId} and, where input was wrong, `violations`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import structlog
from django.core import exceptions as django_errors
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions as drf_errors
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.validation.problems import (
    BadInput,
    Conflict,
    NotFound,
    PayloadTooLarge,
    Problem,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)
from apps.validation.violations import Violation, pointer_to

CONTENT_TYPE = "application/problem+json"
TYPES = "https://augmented-os.dev/problems/"
_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
"""SQLSTATEs that say try again: serialization failure, deadlock, lock timeout, statement timeout."""
_AWAY = ("08", "57P", "53")
"""SQLSTATEs (or their beginnings) of a server that is shutting down, starting, full, or gone."""

log = structlog.get_logger("validation.problems")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None for what is no fault of the caller: that becomes a 500 and is logged whole."""
    request = context.get("request")
    problem = _as_problem(error)
    if problem is not None:
        body = _body(problem.status, problem.title, problem.code, problem.detail, request)
        if problem.violations:
            body["violations"] = [violation.as_json() for violation in problem.violations]
        headers = dict(problem.headers)
    elif isinstance(error, drf_errors.APIException):
        body, headers = _drf(error, request)
    elif isinstance(error, django_errors.PermissionDenied):
        detail = str(error) or "You have no right to do this."
        body, headers = _body(403, "Forbidden", "forbidden", detail, request), {}
    else:
        return None
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _as_problem(error: Exception) -> Problem | None:
    match error:
        case Problem():
            return error
        case Http404() | drf_errors.NotFound():
            return NotFound("There is nothing at this address, or nothing that you may see.")
        case drf_errors.ValidationError():
            return Unprocessable(violations=list(_serializer_violations(error.get_full_details(), ())))
        case drf_errors.Throttled():
            return TooManyRequests("Too many requests.", retry_after=math.ceil(getattr(error, "wait", None) or 1))
        case django_errors.RequestDataTooBig():
            return PayloadTooLarge("The body is too large.")
        case django_errors.ValidationError():
            return Unprocessable(violations=[Violation("invalid", message) for message in error.messages])
        case django_errors.SuspiciousOperation() | UnreadablePostError():
            return BadInput("The request cannot be read.")
        case DataError():
            return BadInput("A value is out of the range that can be stored.")
        case OperationalError() if _sqlstate(error) in _BUSY:
            log.warning("busy", sqlstate=_sqlstate(error))
            return Conflict(
                "Somebody else is changing this right now; try again.", code="busy", headers={"Retry-After": "1"}
            )
        case OperationalError() | InterfaceError() if not _sqlstate(error) or _sqlstate(error).startswith(_AWAY):
            # Whether a commit got through is unknown: the same request under its Idempotency-Key finds out.
            log.error("database.away", error=str(error).strip())
            return Unavailable("The database is away; try again.", headers={"Retry-After": "1"})
    return None


def _sqlstate(error: Exception) -> str:
    return str(getattr(error.__cause__, "sqlstate", "") or "")


def _drf(error: drf_errors.APIException, request: Any) -> tuple[dict[str, Any], dict[str, str]]:
    status = error.status_code
    title = HTTPStatus(status).phrase
    detail = error.detail if isinstance(error.detail, str) else title
    headers: dict[str, str] = {}
    if authenticate := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    return _body(status, title, title.lower().replace(" ", "-"), str(detail), request), headers


def _body(status: int, title: str, code: str, detail: str, request: Any) -> dict[str, Any]:
    return {
        "type": TYPES + code,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": getattr(request, "path", ""),
        "traceId": getattr(getattr(request, "_request", request), "trace_id", ""),
    }


def _serializer_violations(details: Any, place: tuple[str | int, ...]) -> Iterator[Violation]:
    """DRF's nested error details, flattened; `non_field_errors` belong to the object itself."""
    if (
        isinstance(details, dict)
        and "message" in details
        and "code" in details
        and not isinstance(details["message"], dict)
    ):
        code = str(details["code"]).replace("_", "-")
        yield Violation(code, str(details["message"]), pointer_to(*place))
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _serializer_violations(inner, place if name == "non_field_errors" else (*place, name))
    elif isinstance(details, list):
        nested = any(isinstance(inner, dict) and "message" not in inner for inner in details)
        for position, inner in enumerate(details):
            yield from _serializer_violations(inner, (*place, position) if nested else place)
