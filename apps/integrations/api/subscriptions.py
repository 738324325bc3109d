"""Webhook subscriptions over HTTP. Each verb is one service call."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.events.models import Delivery
from apps.integrations.models import WebhookSubscription
from apps.integrations.selectors import subscriptions as selectors
from apps.integrations.services import pinging
from apps.integrations.services import subscriptions as services
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.api.serializers import StrictSerializer
from apps.validation.violations import Violation

from . import subscription_serializers as forms
from .serializers import WhyChangedSerializer
from .webhooks import plain_filters

_TAGS = ["webhooks"]
_DOCUMENT: dict[str, Any] = {
    "application/json": {"type": "object", "description": "See schemas/webhookSubscription.json."}
}
_SAVED: dict[int, Any] = {
    200: forms.WebhookSubscriptionSerializer,
    201: forms.WebhookSubscriptionSerializer,
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document has errors."),
}
_VERB: dict[int, Any] = {
    200: forms.WebhookSubscriptionSerializer,
    409: OpenApiResponse(description="The subscription's state does not allow it."),
}


def _answer(row: WebhookSubscription, status: int = 200, **more: Any) -> Response:
    return Response(selectors.detail(row) | more, status=status, headers={"ETag": etag(row.revision)})


def _saved(row: WebhookSubscription, created: bool, found: list[Violation]) -> Response:
    return _answer(row, 201 if created else 200, warnings=[each.as_json() for each in found])


class SubscriptionList(generics.ListAPIView[WebhookSubscription]):
    serializer_class = forms.WebhookSubscriptionSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "updated_at")

    def get_queryset(self) -> QuerySet[WebhookSubscription]:
        given = plain_filters(self.request)
        return selectors.subscriptions(
            actor_of(self.request), search=given.get("search", ""), state=given.get("state", "")
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[WebhookSubscription]:
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="webhook_subscriptions_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name or the address."),
            OpenApiParameter("state", str, enum=("ACTIVE", "PAUSED")),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Where events are posted to, and whether they arrive."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="webhook_subscriptions_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a subscription: creates it, or replaces the one with the same id. In force at once."""
        return _saved(
            *services.save(actor=actor_of(request), document=document_of(request), if_match=if_match(request))
        )


class OneSubscription(APIView):
    @extend_schema(
        operation_id="webhook_subscriptions_retrieve", tags=_TAGS, responses={200: forms.WebhookSubscriptionSerializer}
    )
    def get(self, request: Request, key: str) -> Response:
        """One subscription with its document."""
        return _answer(selectors.find_subscription(actor_of(request), key))

    @extend_schema(operation_id="webhook_subscriptions_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Save this subscription. If-Match guards against overwriting somebody else's change."""
        return _saved(
            *services.save(actor=actor_of(request), key=key, document=document_of(request), if_match=if_match(request))
        )

    @extend_schema(operation_id="webhook_subscriptions_delete", tags=_TAGS, responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Take the subscription away; what is under way to it becomes a dead letter."""
        services.delete(actor=actor_of(request), key=key, if_match=if_match(request))
        return Response(status=204)


class SubscriptionPause(APIView):
    @extend_schema(
        operation_id="webhook_subscriptions_pause", tags=_TAGS, request=WhyChangedSerializer, responses=_VERB
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Send nothing for a while. Events that come meanwhile are never sent; those under way become dead letters."""
        form = WhyChangedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.pause(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class SubscriptionResume(APIView):
    @extend_schema(
        operation_id="webhook_subscriptions_resume", tags=_TAGS, request=WhyChangedSerializer, responses=_VERB
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Send what comes from now on."""
        form = WhyChangedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.resume(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class SubscriptionDeliveries(generics.ListAPIView[Delivery]):
    serializer_class = forms.WebhookSentSerializer
    pagination_class = KeysetPagination
    ordering = ("-updated_at", "-event")

    def get_queryset(self) -> QuerySet[Delivery]:
        row = selectors.find_subscription(actor_of(self.request), self.kwargs["key"])
        return selectors.deliveries(row, status=plain_filters(self.request).get("status", ""))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Delivery]:
        if args and isinstance(args[0], list):
            args = (selectors.delivery_rows(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="webhook_subscriptions_deliveries",
        tags=_TAGS,
        parameters=[OpenApiParameter("status", str, enum=Delivery.Status.values)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What became of what was sent, the latest first."""
        return self.list(request, *args, **kwargs)


class SubscriptionPing(APIView):
    @extend_schema(
        operation_id="webhook_subscriptions_ping", tags=_TAGS, request=None, responses={200: forms.PingedSerializer}
    )
    def post(self, request: Request, key: str) -> Response:
        """Post a test event (`webhooks.ping`) now and say what came of it. Always 200; nothing is recorded or tried again."""
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        return Response(pinging.ping(actor=actor_of(request), key=key))
