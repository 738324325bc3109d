"""What the webhook routes take and give, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.integrations.selectors.webhooks import OUTCOMES, STATES
from apps.validation.api.serializers import ViolationSerializer


class ReceptionSerializer(serializers.Serializer[Any]):
    """One call and what became of it. Of a refused one nothing is kept that the sender wrote."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    status = serializers.IntegerField(help_text="of the answer")
    reason = serializers.CharField(allow_null=True, help_text="why it was refused")
    message = serializers.CharField(allow_blank=True)
    eventId = serializers.CharField(allow_null=True)
    contentType = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField(help_text="bytes")
    address = serializers.CharField(allow_blank=True)
    durationMs = serializers.FloatField()


class WebhookSummarySerializer(serializers.Serializer[Any]):
    """A webhook in a list."""

    webhookId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    path = serializers.CharField()
    address = serializers.CharField(help_text="what is called, behind the name of this server")
    authKind = serializers.ChoiceField(choices=("hmac", "token", "basic", "none"))
    secretName = serializers.CharField(allow_null=True)
    eventPattern = serializers.CharField()
    workflowId = serializers.CharField(allow_null=True)
    inline = serializers.BooleanField(help_text="It stands in the workflow's own document.")
    state = serializers.ChoiceField(choices=STATES)
    pausedBy = serializers.CharField(allow_null=True, help_text="username")
    lastReception = ReceptionSerializer(allow_null=True)
    owner = serializers.CharField(allow_null=True, help_text="username; events are recorded with their rights")
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    revision = serializers.IntegerField(help_text="the ETag")


class WebhookSerializer(WebhookSummarySerializer):
    """One webhook."""

    document = serializers.JSONField(help_text="see schemas/webhook.json")
    warnings = ViolationSerializer(many=True, required=False, help_text="when it was saved just now")


class TryOutSerializer(serializers.Serializer[Any]):
    headers = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False, default=dict)
    body = serializers.JSONField(required=False, help_text="a text as it is sent, or JSON")


class WhySerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class TriedOutSerializer(serializers.Serializer[Any]):
    """What would come of a call."""

    verified = serializers.BooleanField()
    reason = WhySerializer(allow_null=True, help_text="why it is not verified")
    event = serializers.JSONField(allow_null=True, help_text="as it would be recorded; see schemas/eventInstance.json")
    answer = serializers.JSONField(allow_null=True, help_text="the body of the answer")
    violations = ViolationSerializer(many=True)


class WhyChangedSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1_000, required=False, default="", allow_blank=True)
