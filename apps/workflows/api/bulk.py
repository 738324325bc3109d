"""One verb on many runs over HTTP: begin, look, cancel."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.validation.api.definitions import actor_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.workflows.models import BulkOperation
from apps.workflows.selectors import bulk as selectors
from apps.workflows.services import bulk as services

from . import serializers as forms
from .instances import form_of

_TAGS = ["bulk operations"]
_WRONG: dict[int, Any] = {
    403: OpenApiResponse(description="The caller may steer no run."),
    422: OpenApiResponse(description="The verb's fields or the filter do not fit."),
}


class BulkList(generics.ListAPIView[BulkOperation]):
    serializer_class = forms.BulkSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at",)

    def get_queryset(self) -> QuerySet[BulkOperation]:
        return selectors.own(actor_of(self.request))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[BulkOperation]:
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(operation_id="instances_bulk_list", tags=_TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One's own bulk operations, the latest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="instances_bulk",
        tags=_TAGS,
        request=forms.BulkRequestSerializer,
        responses={202: forms.BulkSerializer} | _WRONG,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Begin to do one verb to many runs. They are fixed now; workers go on with it, each run by its own."""
        asked = _asked(request)
        bulk = services.begin(actor=actor_of(request), **asked)
        response = Response(selectors.detail(bulk), status=202)
        response.headers["Location"] = f"/api/v1/workflows/instances/bulk/{bulk.pk}"
        return response


class BulkPreview(APIView):
    @extend_schema(
        operation_id="instances_bulk_preview",
        tags=_TAGS,
        request=forms.BulkRequestSerializer,
        responses={200: forms.BulkForeseenSerializer} | _WRONG,
    )
    def post(self, request: Request) -> Response:
        """How many runs a bulk operation would take in, and which it would leave out, and why."""
        asked = _asked(request)
        asked.pop("reason")
        return Response(services.preview(actor=actor_of(request), **asked))


class Bulk(APIView):
    @extend_schema(operation_id="instances_bulk_retrieve", tags=_TAGS, responses={200: forms.BulkSerializer})
    def get(self, request: Request, bulk_id: UUID) -> Response:
        """How far a bulk operation has come."""
        return Response(selectors.detail(selectors.find_bulk(actor_of(request), bulk_id)))


class BulkCancel(APIView):
    @extend_schema(
        operation_id="instances_bulk_cancel",
        tags=_TAGS,
        request=forms.ReasonSerializer,
        responses={200: forms.BulkSerializer, 409: OpenApiResponse(description="It has ended.")},
    )
    @idempotent
    def post(self, request: Request, bulk_id: UUID) -> Response:
        """Stop a bulk operation; what it has done stays done."""
        reason = form_of(forms.ReasonSerializer, request)["reason"]
        return Response(selectors.detail(services.cancel(actor=actor_of(request), bulk_id=bulk_id, reason=reason)))


def _asked(request: Request) -> dict[str, Any]:
    form = form_of(forms.BulkRequestSerializer, request)
    names = ("operation", "filter", "ids")
    asked = {name: form.pop(name) for name in names if name in form}
    return {**asked, "reason": form.pop("reason", ""), "arguments": form}
