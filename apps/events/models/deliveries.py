"""What became of each event at each of its subscribers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class Delivery(models.Model):
    """One event at one subscriber: at most one row, whatever is tried how often. Partitioned like the event itself."""

    class Status(models.TextChoices):
        HANDLED = "handled"
        SKIPPED = "skipped"
        RETRYING = "retrying"  # also: to be sent, for those that are sent
        DEAD = "dead"

    pk = models.CompositePrimaryKey("event", "subscriber_id", "recorded_at")
    event = models.UUIDField(help_text="events_event.id")
    subscriber_id = models.CharField(max_length=300)
    recorded_at = models.DateTimeField(help_text="when the event was recorded; the partition goes by it")
    event_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=20)
    queue = models.CharField(max_length=100)
    partition_key = models.CharField(max_length=255, null=True)
    place = models.BigIntegerField(help_text="the event's place in its queue, for those that keep the order")
    status = models.CharField(max_length=8, choices=Status)
    result = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=1)
    next_attempt_at = models.DateTimeField(null=True)
    lease = models.CharField(max_length=100, null=True, help_text="who sends it now")
    error = models.JSONField(null=True)
    history = models.JSONField(default=list, help_text="[{at, attempt, error}]")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(
                fields=["next_attempt_at"], name="events_delivery_due", condition=Q(next_attempt_at__isnull=False)
            ),
            models.Index(
                fields=["partition_key", "subscriber_id", "place"],
                name="events_delivery_open",
                condition=Q(next_attempt_at__isnull=False),
            ),
            models.Index(fields=["subscriber_id", "-updated_at"], name="events_delivery_of"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status="retrying", next_attempt_at__isnull=False)
                | (~Q(status="retrying") & Q(next_attempt_at__isnull=True)),
                name="events_delivery_open_when_retrying",
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_id} at {self.subscriber_id} ({self.status})"


class DeadLetter(models.Model):
    """An event that one subscriber could not handle, whole (schemas/deadLetter.json). Outlives the event's partition."""

    class Status(models.TextChoices):
        PENDING = "pending"
        REPROCESSING = "reprocessing"
        RESOLVED = "resolved"
        DISCARDED = "discarded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event = models.UUIDField()
    recorded_at = models.DateTimeField(help_text="when the event was recorded")
    event_id = models.CharField(max_length=255)
    pattern = models.CharField(max_length=255)
    queue = models.CharField(max_length=100)
    subscriber_id = models.CharField(max_length=300)
    kind = models.CharField(max_length=20)
    original_event = models.JSONField()
    error = models.JSONField(help_text="{message, type, code, stackTrace, context}")
    error_type = models.CharField(max_length=10, help_text="TRANSIENT or PERMANENT")
    error_code = models.CharField(max_length=100)
    retry_history = models.JSONField(default=list, help_text="[{at, attempt, error, by?}]")
    retry_count = models.PositiveIntegerField(default=0)
    max_retries = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    replay_at = models.DateTimeField(null=True, help_text="when it is to be replayed by itself")
    replay_by = models.CharField(max_length=255, default="", help_text="username of who asked for that")
    resolution = models.JSONField(null=True, help_text="{timestamp, strategy, resolvedBy, notes}")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=["status", "-created_at", "-id"], name="events_dead_newest"),
            models.Index(fields=["subscriber_id", "-created_at"], name="events_dead_of"),
            models.Index(fields=["event_id"], name="events_dead_event"),
            models.Index(fields=["replay_at"], name="events_dead_replay", condition=Q(replay_at__isnull=False)),
        )
        constraints = (
            models.UniqueConstraint(fields=["event", "subscriber_id"], name="events_dead_once"),
            models.CheckConstraint(
                condition=Q(status__in=["resolved", "discarded"], resolution__isnull=False)
                | Q(status__in=["pending", "reprocessing"], resolution__isnull=True),
                name="events_dead_resolution",
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_id} at {self.subscriber_id} ({self.status})"
