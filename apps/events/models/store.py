"""The event store: append-only, one row per event, divided by the week in which events came.

The table is partitioned (see the migrations and services/partitions.py): old events go by dropping a week, not by deleting rows.
A unique key cannot span partitions, so that an event is recorded once is held by a table of its own, ``EventKey``.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7
from apps.events.stored import StoredEvent


class EventKey(models.Model):
    """That an event with this id was recorded. ``event_id`` is the sender's: recording it twice is one event."""

    event_id = models.CharField(max_length=255, primary_key=True)
    id = models.UUIDField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["recorded_at"], name="events_eventkey_recorded"),)

    def __str__(self) -> str:
        return self.event_id


class Event(models.Model):
    """Something that happened."""

    # For the database the primary key is (id, recorded_at): a partition goes by the latter.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_id = models.CharField(max_length=255, help_text="the sender's id of it")
    pattern = models.CharField(max_length=255)
    version = models.CharField(max_length=64, default="1.0.0", help_text="of its definition")
    source = models.JSONField(help_text="{type, id, name}")
    payload = models.JSONField()
    metadata = models.JSONField(default=dict, help_text="{correlationId, causationId, traceId, userId, context, tags}")
    correlation_id = models.TextField(null=True, help_text="metadata.correlationId")
    causation_id = models.TextField(null=True, help_text="metadata.causationId: the eventId of what caused it")
    timestamp = models.DateTimeField(db_default=Now(), help_text="when it happened, as the sender says")
    recorded_at = models.DateTimeField(db_default=Now(), help_text="when it came")

    class Meta:
        indexes = (
            models.Index(fields=["-recorded_at", "-id"], name="events_event_newest"),
            models.Index(fields=["pattern", "-recorded_at", "-id"], name="events_event_of"),
            models.Index(fields=["event_id"], name="events_event_id"),
            models.Index(
                fields=["correlation_id", "-recorded_at"],
                name="events_event_case",
                condition=Q(correlation_id__isnull=False),
            ),
            models.Index(fields=["causation_id"], name="events_event_cause", condition=Q(causation_id__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.pattern} {self.event_id}"

    def stored(self) -> StoredEvent:
        """As subscribers get it."""
        return StoredEvent(
            self.id,
            self.event_id,
            self.pattern,
            self.version,
            self.source,
            self.payload,
            self.metadata,
            self.timestamp,
            self.recorded_at,
        )


class Shape(models.Model):
    """That rows of ``owner`` wait for events of this pattern that have fixed values at these paths (see matching.py)."""

    owner = models.CharField(max_length=20)
    pattern = models.CharField(max_length=255)
    paths = ArrayField(models.TextField())
    head = models.CharField(max_length=255, help_text="the literal words that the pattern begins with")
    tail = models.CharField(max_length=255, help_text="the literal words that it ends with")

    class Meta:
        indexes = (models.Index(fields=["head", "tail", "owner"], name="events_shape_ends"),)
        constraints = (models.UniqueConstraint(fields=["owner", "pattern", "paths"], name="events_shape_once"),)

    def __str__(self) -> str:
        return f"{self.owner} {self.pattern} {self.paths}"
