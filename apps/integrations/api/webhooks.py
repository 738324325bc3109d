"""Webhooks over HTTP. Each verb is one service call."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.integrations.models import Webhook, WebhookReception
from apps.integrations.selectors import webhooks as selectors
from apps.integrations.services import webhooks as services
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput
from apps.validation.violations import Violation

from . import serializers as forms

_TAGS = ["webhooks"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/webhook.json."}}
_SAVED: dict[int, Any] = {
    200: forms.WebhookSerializer,
    201: forms.WebhookSerializer,
    409: OpenApiResponse(description="It stands in a workflow's own document."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document has errors."),
}
_VERB: dict[int, Any] = {
    200: forms.WebhookSerializer,
    409: OpenApiResponse(description="The webhook's state does not allow it."),
}


def _answer(row: Webhook, status: int = 200, **more: Any) -> Response:
    return Response(selectors.detail(row) | more, status=status, headers={"ETag": etag(row.revision)})


def _saved(row: Webhook, created: bool, found: list[Violation]) -> Response:
    return _answer(row, 201 if created else 200, warnings=[each.as_json() for each in found])


def plain_filters(request: Request) -> Any:
    """The query's parameters. BadInput for what no column can hold."""
    if any("\x00" in value for value in request.query_params.values()):
        raise BadInput("A filter must not hold NUL.")
    return request.query_params


class WebhookList(generics.ListAPIView[Webhook]):
    serializer_class = forms.WebhookSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "path", "updated_at")

    def get_queryset(self) -> QuerySet[Webhook]:
        given = plain_filters(self.request)
        return selectors.webhooks(
            actor_of(self.request),
            search=given.get("search", ""),
            state=given.get("state", ""),
            workflow_id=given.get("workflowId", ""),
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Webhook]:
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="webhooks_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name, the path or the workflow's id."),
            OpenApiParameter("state", str, enum=selectors.STATES),
            OpenApiParameter("workflowId", str),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Webhooks that take calls, with what became of the last one."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="webhooks_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a webhook: creates it, or replaces the one with the same id. In force at once."""
        return _saved(
            *services.save(actor=actor_of(request), document=document_of(request), if_match=if_match(request))
        )


class OneWebhook(APIView):
    @extend_schema(operation_id="webhooks_retrieve", tags=_TAGS, responses={200: forms.WebhookSerializer})
    def get(self, request: Request, key: str) -> Response:
        """One webhook with its document."""
        return _answer(selectors.find_webhook(actor_of(request), key))

    @extend_schema(operation_id="webhooks_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Save this webhook. If-Match guards against overwriting somebody else's change."""
        document = {"webhookId": key} | document_of(request)
        return _saved(*services.save(actor=actor_of(request), key=key, document=document, if_match=if_match(request)))

    @extend_schema(
        operation_id="webhooks_delete",
        tags=_TAGS,
        responses={204: None, 409: OpenApiResponse(description="It stands in a workflow's own document.")},
    )
    def delete(self, request: Request, key: str) -> Response:
        """Take the webhook away with its log; events that it recorded stay."""
        services.delete(actor=actor_of(request), key=key, if_match=if_match(request))
        return Response(status=204)


class WebhookPause(APIView):
    @extend_schema(operation_id="webhooks_pause", tags=_TAGS, request=forms.WhyChangedSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Take no calls for a while: its address answers 404."""
        form = forms.WhyChangedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.pause(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class WebhookResume(APIView):
    @extend_schema(operation_id="webhooks_resume", tags=_TAGS, request=forms.WhyChangedSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Take calls again."""
        form = forms.WhyChangedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.resume(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class WebhookDeliveries(generics.ListAPIView[WebhookReception]):
    serializer_class = forms.ReceptionSerializer
    pagination_class = KeysetPagination
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[WebhookReception]:
        row = selectors.find_webhook(actor_of(self.request), self.kwargs["key"])
        return selectors.receptions(row, outcome=plain_filters(self.request).get("outcome", ""))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[WebhookReception]:
        if args and isinstance(args[0], list):
            args = ([selectors.reception(each) for each in args[0]], *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="webhooks_deliveries",
        tags=_TAGS,
        parameters=[OpenApiParameter("outcome", str, enum=selectors.OUTCOMES)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Its calls and what became of them, the latest first; a week back, a thousand at most."""
        return self.list(request, *args, **kwargs)


class WebhookTest(APIView):
    @extend_schema(
        operation_id="webhooks_test",
        tags=_TAGS,
        request=forms.TryOutSerializer,
        responses={200: forms.TriedOutSerializer},
    )
    def post(self, request: Request, key: str) -> Response:
        """What would come of a call with these headers and this body. Records nothing; always 200."""
        form = forms.TryOutSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(services.try_out(actor=actor_of(request), key=key, **form.validated_data))
