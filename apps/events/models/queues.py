"""Queues: what is recorded and not yet routed, how far a queue has come, and how it fared by the minute."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class EventQueue(models.Model):
    """One queue (schemas/queue.json). ``default`` takes every event that no other queue's patterns fit."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        DRAINING = "draining"

    DEFAULT = "default"

    id = models.CharField(primary_key=True, max_length=100)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    patterns = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    config = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1, help_text="grows with every change; the ETag")
    reason = models.TextField(default="", help_text="why it rests or drains")
    changed_by = models.CharField(max_length=255, default="", help_text="username")
    changed_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"


class QueuedEvent(models.Model):
    """An event that is not yet routed; deleted in the transaction that routes it. The number is its place in the queue."""

    id = models.BigAutoField(primary_key=True)
    queue = models.CharField(max_length=100)
    event = models.UUIDField()
    recorded_at = models.DateTimeField()
    partition_key = models.CharField(max_length=255, null=True, help_text="events with the same are handled in order")

    class Meta:
        indexes = (
            models.Index(fields=["queue", "id"], name="events_queued_in"),
            models.Index(
                fields=["partition_key", "id"], name="events_queued_part", condition=Q(partition_key__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.event} in {self.queue}"


class QueueMinute(models.Model):
    """What was routed out of a queue in one minute. A process adds to a row of its own, so that none waits for another's."""

    pk = models.CompositePrimaryKey("queue", "minute", "slot")
    queue = models.CharField(max_length=100)
    minute = models.DateTimeField()
    slot = models.SmallIntegerField(help_text="of the process; -1: what the sampler saw")
    processed = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    millis = models.FloatField(default=0, help_text="spent on them, in all")
    depth = models.PositiveIntegerField(default=0)
    oldest_age_ms = models.FloatField(default=0)

    def __str__(self) -> str:
        return f"{self.queue} {self.minute}"


class Checkpoint(models.Model):
    """How far a queue had come (schemas/checkpoint.json); one a minute at most, while it moves."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    queue = models.CharField(max_length=100)
    event_count = models.PositiveBigIntegerField(help_text="events handled until then")
    errors = models.PositiveBigIntegerField(default=0)
    millis = models.FloatField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["queue", "-created_at"], name="events_checkpoint_latest"),)

    def __str__(self) -> str:
        return f"{self.queue} {self.event_count}"
