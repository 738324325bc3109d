"""Event definitions, and the event store: append-only, one row per event."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7
from apps.validation.definitions.models import Definition


class EventDefinition(Definition):
    """One version of an event definition (schemas/event.json): the events of one pattern."""

    class Meta(Definition.Meta):
        abstract = False


class Event(models.Model):
    """Something that happened. ``event_id`` is the sender's id: recording it twice is one event."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_id = models.CharField(max_length=255, unique=True)
    pattern = models.CharField(max_length=255)
    version = models.CharField(max_length=64, default="1.0.0")
    source = models.JSONField(help_text="{type, id, name}")
    payload = models.JSONField()
    metadata = models.JSONField(default=dict, help_text="{correlationId, causationId, traceId, userId, context, tags}")
    timestamp = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["pattern", "-timestamp"], name="events_event_pattern"),)

    def __str__(self) -> str:
        return f"{self.pattern} {self.event_id}"
