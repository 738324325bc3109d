"""What the routes of webhook subscriptions take and give, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.events.models import Delivery
from apps.integrations.selectors.subscriptions import STATES
from apps.validation.api.serializers import ViolationSerializer


class WebhookSubscriptionSummarySerializer(serializers.Serializer[Any]):
    """A webhook subscription in a list."""

    subscriptionId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    url = serializers.CharField()
    eventPatterns = serializers.ListField(child=serializers.CharField())
    format = serializers.ChoiceField(choices=("native", "cloudevents"))
    secretName = serializers.CharField(allow_null=True, help_text="signs")
    authSecretName = serializers.CharField(allow_null=True, help_text="is sent as a bearer")
    state = serializers.ChoiceField(choices=STATES, help_text="FAILING: the last delivery did not arrive")
    failedInARow = serializers.IntegerField(help_text="of the latest twenty deliveries")
    pausedAt = serializers.DateTimeField(allow_null=True)
    pausedBy = serializers.CharField(allow_null=True, help_text="username; null: the platform itself")
    pausedReason = serializers.CharField(allow_null=True)
    lastDeliveryAt = serializers.DateTimeField(allow_null=True)
    lastDeliveryStatus = serializers.ChoiceField(choices=Delivery.Status.choices, allow_null=True)
    owner = serializers.CharField(allow_null=True, help_text="username; secrets are used with their rights")
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    revision = serializers.IntegerField(help_text="the ETag")


class WebhookSubscriptionSerializer(WebhookSubscriptionSummarySerializer):
    """One webhook subscription."""

    document = serializers.JSONField(help_text="see schemas/webhookSubscription.json")
    warnings = ViolationSerializer(many=True, required=False, help_text="when it was saved just now")


class WebhookSentErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    type = serializers.CharField(help_text="TRANSIENT or PERMANENT")
    message = serializers.CharField()


class WebhookSentSerializer(serializers.Serializer[Any]):
    """One event at a subscription's address."""

    eventId = serializers.CharField()
    pattern = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Delivery.Status.choices)
    attempts = serializers.IntegerField()
    httpStatus = serializers.IntegerField(allow_null=True, help_text="of the last answer")
    durationMs = serializers.FloatField(allow_null=True)
    answer = serializers.CharField(allow_blank=True, help_text="how the last answer began")
    error = WebhookSentErrorSerializer(allow_null=True)
    history = serializers.JSONField(help_text="[{at, attempt, error}] of the attempts that failed")
    nextAttemptAt = serializers.DateTimeField(allow_null=True)
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()


class PingErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class PingedSerializer(serializers.Serializer[Any]):
    """What came of a ping."""

    ok = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True, help_text="of the answer")
    durationMs = serializers.FloatField(allow_null=True)
    answer = serializers.CharField(allow_blank=True, help_text="how the answer began")
    error = PingErrorSerializer(allow_null=True)
    eventId = serializers.CharField()
