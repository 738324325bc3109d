"""What the trigger routes take and give, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.events.models import Delivery
from apps.validation.api.serializers import ViolationSerializer
from apps.workflows.models import Trigger
from apps.workflows.selectors.triggers import STATES

_STATUSES = Delivery.Status.choices


class TriggerLastSerializer(serializers.Serializer[Any]):
    """The last event that concerned a trigger."""

    at = serializers.DateTimeField()
    eventId = serializers.CharField()
    status = serializers.ChoiceField(choices=_STATUSES)
    result = serializers.JSONField()


class TriggerSummarySerializer(serializers.Serializer[Any]):
    """A trigger in a list."""

    triggerId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    workflowId = serializers.CharField()
    workflowName = serializers.CharField()
    inline = serializers.BooleanField(help_text="It stands in the workflow's own document.")
    webhook = serializers.CharField(allow_null=True, help_text="id of the webhook that it belongs to")
    state = serializers.ChoiceField(choices=STATES)
    eventPattern = serializers.CharField()
    triggerType = serializers.ChoiceField(choices=Trigger.Type.values)
    eventCondition = serializers.CharField(allow_null=True)
    correlationKey = serializers.CharField(allow_null=True)
    priority = serializers.IntegerField()
    last = TriggerLastSerializer(allow_null=True)
    owner = serializers.CharField(allow_null=True, help_text="username; it acts with their rights")
    pausedAt = serializers.DateTimeField(allow_null=True)
    pausedBy = serializers.CharField(allow_null=True, help_text="username")
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    revision = serializers.IntegerField(help_text="the ETag")


class TriggerSerializer(TriggerSummarySerializer):
    """One trigger."""

    document = serializers.JSONField(help_text="see schemas/trigger.json")
    violations = ViolationSerializer(many=True, help_text="what is wrong with it by now")


class TriggerDeliverySerializer(serializers.Serializer[Any]):
    """What a trigger did with one event."""

    eventId = serializers.CharField()
    status = serializers.ChoiceField(choices=_STATUSES)
    result = serializers.JSONField(help_text="{instanceId, workflowId} or {cancelled: [id], count, workflowId}")
    attempts = serializers.IntegerField()
    nextAttemptAt = serializers.DateTimeField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    recordedAt = serializers.DateTimeField(help_text="when the event was recorded")
    at = serializers.DateTimeField()


class TriggerTestRequestSerializer(serializers.Serializer[Any]):
    event = serializers.JSONField(help_text="see schemas/eventInstance.json; only the pattern is needed")
    trigger = serializers.JSONField(required=False, allow_null=True, help_text="an unsaved trigger to try as well")


class TriggerVerdictSerializer(serializers.Serializer[Any]):
    """What one trigger would make of an event."""

    triggerId = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    workflowId = serializers.CharField(allow_blank=True)
    unsaved = serializers.BooleanField()
    state = serializers.ChoiceField(choices=STATES)
    eventPattern = serializers.CharField(allow_blank=True)
    matches = serializers.BooleanField()
    reason = serializers.CharField()
    input = serializers.JSONField(allow_null=True)
    inputViolations = ViolationSerializer(many=True)
    correlationKey = serializers.CharField(allow_null=True)
    would = serializers.ChoiceField(choices=["start", "cancel", "skip"])
    violations = ViolationSerializer(many=True, help_text="what is wrong with an unsaved trigger")


class TriggerHintSerializer(serializers.Serializer[Any]):
    eventPattern = serializers.CharField()
    sentence = serializers.CharField()


class TriggerTestSerializer(serializers.Serializer[Any]):
    event = serializers.JSONField(help_text="as expressions see it")
    violations = ViolationSerializer(many=True, help_text="how the payload differs from the event's definition")
    verdicts = TriggerVerdictSerializer(many=True)
    more = serializers.BooleanField(help_text="there are more triggers with a pattern that fits")
    hints = TriggerHintSerializer(many=True, help_text="patterns that fit but for one word")
