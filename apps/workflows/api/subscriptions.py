"""What waiting runs wait for, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.validation.api.definitions import actor_of
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput
from apps.workflows.models import Subscription
from apps.workflows.selectors import subscriptions as selectors


class SubscriptionSerializer(serializers.Serializer[Any]):
    """What a waiting run waits for, or how the wait ended; see schemas/subscription.json."""

    id = serializers.UUIDField()
    workflowInstanceId = serializers.UUIDField()
    purpose = serializers.ChoiceField(
        choices=Subscription.Purpose.choices, help_text="wait: a step waits for it; cancel: it cancels the run"
    )
    waitStepId = serializers.CharField(allow_null=True)
    eventPattern = serializers.CharField()
    filterCondition = serializers.CharField(allow_null=True)
    correlation = serializers.JSONField(help_text="path in the event → the value it must have")
    lookback = serializers.CharField(allow_null=True, help_text="ISO 8601 duration")
    status = serializers.ChoiceField(choices=Subscription.Status.choices)
    timeoutAt = serializers.DateTimeField(allow_null=True)
    timeoutHandlerStepId = serializers.CharField(allow_null=True)
    createdAt = serializers.DateTimeField()
    closedAt = serializers.DateTimeField(allow_null=True)
    fulfilledAt = serializers.DateTimeField(allow_null=True)
    fulfilledByEventId = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Subscription) -> dict[str, Any]:
        return selectors.shown(instance)


class SubscriptionList(generics.ListAPIView[Subscription]):
    serializer_class = SubscriptionSerializer
    pagination_class = KeysetPagination
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at",)

    def get_queryset(self) -> QuerySet[Subscription]:
        given = self.request.query_params
        if any("\x00" in value for value in given.values()):
            raise BadInput("A filter must not hold NUL.")
        return selectors.filtered(
            actor_of(self.request),
            status=given.getlist("status"),
            instance_id=_id(given.get("workflowInstanceId")),
            event_pattern=given.get("eventPattern"),
            wait_step_id=given.get("waitStepId"),
            purpose=given.get("purpose"),
        )

    @extend_schema(
        operation_id="subscriptions_list",
        tags=["subscriptions"],
        parameters=[
            OpenApiParameter(
                "status", str, many=True, enum=Subscription.Status.values, description="May be given several times."
            ),
            OpenApiParameter("workflowInstanceId", UUID, description="The run that waits."),
            OpenApiParameter("eventPattern", str, description="As the step writes it."),
            OpenApiParameter("waitStepId", str),
            OpenApiParameter("purpose", str, enum=Subscription.Purpose.values),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What runs wait for, and how waits ended; the latest first."""
        return self.list(request, *args, **kwargs)


def _id(text: str | None) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("workflowInstanceId is the id of a run.") from None
