"""Forms and answers of events, queues and dead letters."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.events.models import Checkpoint, DeadLetter, Delivery, Event, EventQueue
from apps.events.selectors import events as selectors
from apps.validation.api.serializers import StrictSerializer

SOURCE_TYPES = ("workflow", "task", "integration", "external", "system")


class SourceSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=SOURCE_TYPES)
    id = serializers.CharField(allow_null=True, required=False)
    name = serializers.CharField(allow_null=True, required=False)


class EventSerializer(serializers.Serializer[Any]):
    """An event as it was recorded; see schemas/eventInstance.json."""

    eventId = serializers.CharField()
    pattern = serializers.CharField()
    version = serializers.CharField()
    source = SourceSerializer()  # type: ignore[assignment]
    timestamp = serializers.DateTimeField(help_text="when it happened, as the sender says")
    recordedAt = serializers.DateTimeField(help_text="when it came here")
    payload = serializers.JSONField()
    metadata = serializers.JSONField()

    def to_representation(self, instance: Event) -> dict[str, Any]:
        return selectors.shown(instance)


class BriefEventSerializer(serializers.Serializer[Any]):
    eventId = serializers.CharField()
    pattern = serializers.CharField()
    source = SourceSerializer()  # type: ignore[assignment]
    timestamp = serializers.DateTimeField()
    recordedAt = serializers.DateTimeField()


class CausedEventSerializer(BriefEventSerializer):
    caused = serializers.IntegerField(help_text="how many events it has caused in turn")


class EventStatusSerializer(serializers.Serializer[Any]):
    eventId = serializers.CharField()
    status = serializers.ChoiceField(choices=["accepted", "duplicate"])


class AcceptedSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="recorded before; left as they are")
    events = EventStatusSerializer(many=True)


class SubscriberSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    href = serializers.CharField(allow_blank=True, help_text="its page, where it has one")


class DeliverySerializer(serializers.Serializer[Any]):
    """What became of an event at one of its subscribers."""

    eventId = serializers.CharField()
    subscriberId = serializers.CharField()
    kind = serializers.CharField(help_text="trigger, run, sequence, webhook")
    subscriber = SubscriberSerializer()
    status = serializers.ChoiceField(choices=Delivery.Status.choices)
    result = serializers.JSONField(help_text="what came of it, such as {instanceId, workflowId}")
    attempts = serializers.IntegerField()
    nextAttemptAt = serializers.DateTimeField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    history = serializers.JSONField(help_text="[{at, attempt, error}]")
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()


class StoryDeliverySerializer(DeliverySerializer):
    deadLetterId = serializers.UUIDField(allow_null=True)


class RecordedEventSerializer(EventSerializer):
    def to_representation(self, instance: Any) -> dict[str, Any]:
        found: dict[str, Any] = instance
        return found


class StorySerializer(serializers.Serializer[Any]):
    event = RecordedEventSerializer()
    causes = BriefEventSerializer(many=True, help_text="what caused it, the nearest first")
    deliveries = StoryDeliverySerializer(many=True)
    caused = CausedEventSerializer(many=True, help_text="what it has caused")
    moreCaused = serializers.BooleanField()
    alike = BriefEventSerializer(many=True, help_text="the latest of the same correlationId")


# Queues


class QueueMetricsSerializer(serializers.Serializer[Any]):
    totalProcessed = serializers.IntegerField()
    totalErrors = serializers.IntegerField(help_text="dead letters")
    avgProcessingTimeMs = serializers.FloatField()
    depth = serializers.IntegerField(help_text="events that wait")
    oldestAgeMs = serializers.FloatField(help_text="of the one that waits longest")
    lastTwoMinutes = serializers.IntegerField(help_text="processed in this minute and the one before")
    retrying = serializers.IntegerField(help_text="deliveries that are to be tried again")


class QueueSerializer(serializers.Serializer[Any]):
    """A queue; see schemas/queue.json."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=EventQueue.Status.choices)
    isDrained = serializers.BooleanField(help_text="drains, and is empty")
    reason = serializers.CharField(allow_blank=True)
    changedBy = serializers.CharField(allow_blank=True)
    changedAt = serializers.DateTimeField(allow_null=True)
    patterns = serializers.ListField(child=serializers.CharField())
    checkpointId = serializers.CharField(allow_null=True)
    queueMetrics = QueueMetricsSerializer()
    config = serializers.JSONField(help_text="{batchSize, highWatermark, maxRetries, retryDelay, partitionKey?}")
    revision = serializers.IntegerField(help_text="the ETag")


class QueueMinuteSerializer(serializers.Serializer[Any]):
    minute = serializers.DateTimeField()
    processed = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]
    millis = serializers.FloatField(help_text="spent on them, in all")
    depth = serializers.IntegerField(help_text="at some moment of that minute")
    oldestAgeMs = serializers.FloatField()


class CheckpointSerializer(serializers.Serializer[Any]):
    """How far a queue had come; see schemas/checkpoint.json."""

    queueId = serializers.CharField(source="queue")
    checkpointId = serializers.UUIDField(source="id")
    eventCount = serializers.IntegerField(source="event_count")
    createdAt = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Checkpoint


class QueueTurnSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


# Dead letters


class DeadLetterSerializer(serializers.Serializer[Any]):
    """An event that one subscriber could not handle; see schemas/deadLetter.json."""

    id = serializers.UUIDField()
    eventId = serializers.CharField()
    pattern = serializers.CharField()
    subscriberId = serializers.CharField()
    subscriber = SubscriberSerializer()
    originalEvent = serializers.JSONField()
    error = serializers.JSONField(help_text="{message, type: TRANSIENT | PERMANENT, code, stackTrace, context}")
    retryHistory = serializers.JSONField(help_text="[{at, attempt, error}]")
    retryCount = serializers.IntegerField()
    maxRetries = serializers.IntegerField()
    status = serializers.ChoiceField(choices=DeadLetter.Status.choices)
    replayAt = serializers.DateTimeField(allow_null=True)
    resolution = serializers.JSONField(allow_null=True, help_text="{timestamp, strategy, resolvedBy, notes}")
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()


class DeadLetterGroupSerializer(serializers.Serializer[Any]):
    subscriberId = serializers.CharField()
    subscriber = serializers.CharField()
    errorCode = serializers.CharField()
    count = serializers.IntegerField()


class ReplaySerializer(StrictSerializer):
    at = serializers.DateTimeField(required=False, help_text="when; at once if missing")
    notes = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class NotesSerializer(StrictSerializer):
    notes = serializers.CharField(max_length=2_000, help_text="why")


class LetterFilterSerializer(StrictSerializer):
    """Which pending letters; all that fit everything that is given."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)
    subscriberId = serializers.CharField(max_length=300, required=False)
    kind = serializers.CharField(max_length=20, required=False)
    pattern = serializers.CharField(max_length=255, required=False)
    errorType = serializers.ChoiceField(choices=["TRANSIENT", "PERMANENT"], required=False)
    errorCode = serializers.CharField(max_length=100, required=False)
    eventId = serializers.CharField(max_length=255, required=False)
    search = serializers.CharField(max_length=200, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class ReplayManySerializer(StrictSerializer):
    filter = LetterFilterSerializer()
    at = serializers.DateTimeField(required=False, help_text="when; at once if missing")
    notes = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class DiscardManySerializer(StrictSerializer):
    filter = LetterFilterSerializer()
    notes = serializers.CharField(max_length=2_000, help_text="why")


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
