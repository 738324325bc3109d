"""Middleware that belongs to no domain: content security policy, request context, optional trailing slash."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.urls import is_valid_path

GetResponse = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger("augmented.request")

# Style attributes are allowed because charts and the workflow graph place their nodes with them; style elements and all
# scripts come from files. A view that needs less sets its own header, which is kept.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

TRACE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class ContentSecurityPolicyMiddleware:
    """Adds the policy above to every answer that does not carry one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class RequestContextMiddleware:
    """Gives the request an id (the caller's X-Request-ID if it is a sane one), binds it to the log, logs one line.

    The id stands in `request.trace_id`, in the answer's X-Request-ID and in every problem document.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        trace_id = given if TRACE_ID.fullmatch(given) else uuid.uuid4().hex
        request.trace_id = trace_id  # type: ignore[attr-defined]
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(trace_id=trace_id):
            response = self.get_response(request)
            if not request.path_info.startswith(("/healthz", "/readyz", "/metrics")):
                log.info(
                    "request",
                    method=request.method,
                    path=request.path,
                    status=response.status_code,
                    ms=round((time.perf_counter() - began) * 1000, 1),
                )
        response.headers["X-Request-ID"] = trace_id
        return response


class OptionalSlashMiddleware:
    """Answers a path with and without its trailing slash alike, without a redirect (which would lose a POST's body)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if not is_valid_path(path):
            other = path.rstrip("/") if path.endswith("/") else f"{path}/"
            if other and is_valid_path(other):
                request.path_info = other
        return self.get_response(request)
