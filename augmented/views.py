"""Operations (health, readiness, metrics), the API's page, and the answers for requests that reach no view."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import require
from apps.auth.models import User
from augmented import monitoring
from augmented.middleware import POLICY

PROBLEM_TYPE = "application/problem+json"


class ApiDocsView(SpectacularSwaggerSplitView):
    """The browsable API page. Its script is a file of its own, as the policy demands; its style is not, so it is let in here."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY.replace(
            "style-src 'self'", "style-src 'self' 'unsafe-inline'"
        )
        return response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all. Asks nobody else: a restart would not mend their trouble."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when Postgres and Redis answer, else 503; says which one does not."""
    checks = {"postgres": _postgres_answers(), "redis": _redis_answers()}
    ready = all(checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format: this process' own numbers and those of the whole system as Postgres has them.

    For the bearer of AUGMENTED_METRICS_TOKEN, who needs no account; for others see MetricsForAccounts.
    """
    expected = settings.AUGMENTED_METRICS_TOKEN
    if expected and constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {expected}"):
        return HttpResponse(generate_latest(monitoring.registry), content_type=CONTENT_TYPE_LATEST)
    return MetricsForAccounts.as_view()(request)


class MetricsForAccounts(APIView):
    """The same for signed-in accounts with the right view:operations. Raises AccessDenied (403) for others."""

    schema = None

    def get(self, request: Request) -> HttpResponse:
        require(cast(User, request.user), "view:operations")
        return HttpResponse(generate_latest(monitoring.registry), content_type=CONTENT_TYPE_LATEST)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, HTTPStatus.BAD_REQUEST, "The request could not be understood.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, HTTPStatus.FORBIDDEN, "You have no right to do this.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, HTTPStatus.NOT_FOUND, "There is nothing at this address, or nothing that you may see.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here. The log has the details.")


def _answer(request: HttpRequest, status: HTTPStatus, detail: str) -> HttpResponse:
    """A problem document for the API, the template errors/<status>.html for people (plain text where there is none)."""
    trace_id = getattr(request, "trace_id", "")
    if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
            "instance": request.path,
            "traceId": trace_id,
        }
        return JsonResponse(problem, status=status, content_type=PROBLEM_TYPE)
    context = {"status": status.value, "title": status.phrase, "detail": detail, "trace_id": trace_id}
    try:
        return render(request, f"errors/{status.value}.html", context, status=status)
    except TemplateDoesNotExist:
        return HttpResponse(f"{status.value} {status.phrase}\n{detail}\n", status=status, content_type="text/plain")


def _postgres_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
