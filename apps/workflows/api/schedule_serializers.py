"""What the schedule routes take and give, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.validation.api.serializers import ViolationSerializer
from apps.workflows.rules.firing import CatchUp, Decision, Origin
from apps.workflows.selectors.schedules import STATES

from .serializers import ReasonSerializer


class ScheduleSummarySerializer(serializers.Serializer[Any]):
    """A schedule in a list."""

    scheduleId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    workflowId = serializers.CharField()
    workflowName = serializers.CharField()
    inline = serializers.BooleanField(help_text="It stands in the workflow's own document.")
    state = serializers.ChoiceField(choices=STATES)
    words = serializers.CharField(help_text="the rule as a sentence")
    timezone = serializers.CharField()
    nextSlot = serializers.DateTimeField(allow_null=True)
    nextDueAt = serializers.DateTimeField(allow_null=True, help_text="the next slot with its jitter")
    lastSlot = serializers.DateTimeField(allow_null=True)
    lastRunId = serializers.UUIDField(allow_null=True)
    lastRunStatus = serializers.CharField(allow_null=True)
    owner = serializers.CharField(allow_null=True, help_text="username; runs are started with their rights")
    pausedAt = serializers.DateTimeField(allow_null=True)
    pausedBy = serializers.CharField(allow_null=True, help_text="username")
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    revision = serializers.IntegerField(help_text="the ETag")


class ScheduleSerializer(ScheduleSummarySerializer):
    """One schedule."""

    document = serializers.JSONField(help_text="see schemas/schedule.json")
    violations = ViolationSerializer(many=True, help_text="what is wrong with it by now")


class CountsSerializer(serializers.Serializer[Any]):
    started = serializers.IntegerField()
    queued = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    missed = serializers.IntegerField()


class ResumedSerializer(ScheduleSerializer):
    """A schedule that was resumed, with what was made up for."""

    caughtUp = CountsSerializer()


class MomentSerializer(serializers.Serializer[Any]):
    slot = serializers.DateTimeField()
    local = serializers.CharField(help_text="the slot in the schedule's time zone, ISO 8601")
    dueAt = serializers.DateTimeField(help_text="the slot with its jitter")


class AheadSerializer(serializers.Serializer[Any]):
    words = serializers.CharField()
    timezone = serializers.CharField()
    next = MomentSerializer(many=True)


class DocumentPreviewSerializer(AheadSerializer):
    """What an unsaved schedule would do."""

    valid = serializers.BooleanField()
    violations = ViolationSerializer(many=True)


class MissedSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    more = serializers.BooleanField(help_text="there are more than count")
    slots = MomentSerializer(many=True, help_text="the latest of them")


class CatchUpOptionSerializer(serializers.Serializer[Any]):
    catchUp = serializers.ChoiceField(choices=[each.value for each in CatchUp])
    fires = serializers.IntegerField()
    sentence = serializers.CharField()


class PreviewSerializer(AheadSerializer):
    """What a schedule will do, and what it missed."""

    missed = MissedSerializer()
    catchUp = CatchUpOptionSerializer(many=True)


class FireSerializer(serializers.Serializer[Any]):
    """What was decided about a slot; a MISSED entry is about all from `slot` to `until`."""

    id = serializers.UUIDField()
    slot = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    count = serializers.IntegerField()
    more = serializers.BooleanField(help_text="there were more than count")
    dueAt = serializers.DateTimeField()
    at = serializers.DateTimeField(help_text="when it was decided")
    decision = serializers.ChoiceField(choices=[each.value for each in Decision])
    origin = serializers.ChoiceField(choices=[each.value for each in Origin])
    instanceId = serializers.UUIDField(allow_null=True)
    instanceStatus = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    by = serializers.CharField(allow_null=True, help_text="username of who asked")


class ResumeSerializer(ReasonSerializer):
    catchUp = serializers.ChoiceField(
        choices=[each.value for each in CatchUp], required=False, default=CatchUp.NONE.value
    )
