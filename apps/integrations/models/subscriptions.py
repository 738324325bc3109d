"""Addresses of other systems that events are posted to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class WebhookSubscription(models.Model):
    """Where events are sent (schemas/webhookSubscription.json). In force as saved."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=255, unique=True, help_text="subscriptionId")
    name = models.CharField(max_length=255)
    url = models.CharField(max_length=2_000)
    document = models.JSONField()
    revision = models.PositiveIntegerField(default=1, help_text="grows with every save; the ETag")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    enabled = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=255, default="", help_text="username; empty: the platform itself")
    paused_reason = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.key} to {self.url}"


class WantedPattern(models.Model):
    """One pattern of a subscription in force, as events are looked up (apps/events/matching.py)."""

    subscription = models.ForeignKey(WebhookSubscription, on_delete=models.CASCADE, related_name="patterns")
    event_pattern = models.CharField(max_length=255)
    correlation_key = models.CharField(max_length=64)

    class Meta:
        indexes = (models.Index(fields=["event_pattern", "correlation_key"], name="integrations_wanted"),)
        constraints = (
            models.UniqueConstraint(fields=["subscription", "event_pattern"], name="integrations_wanted_once"),
        )

    def __str__(self) -> str:
        return self.event_pattern
