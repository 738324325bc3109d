"""Webhooks that take calls, and what became of each call."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class Webhook(models.Model):
    """An address that other systems call (schemas/webhook.json). In force as saved: it has no drafts and no versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=255, unique=True, help_text="webhookId")
    path = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=255)
    workflow_id = models.CharField(max_length=255, default="", help_text="what its events start, if anything")
    inline = models.BooleanField(default=False, help_text="stands in the workflow's own triggers")
    document = models.JSONField()
    revision = models.PositiveIntegerField(default=1, help_text="grows with every save; the ETag")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    enabled = models.BooleanField(default=True)
    paused_by = models.CharField(max_length=255, default="", help_text="username of who switched it off by hand")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["workflow_id"], name="integrations_webhook_of"),)

    def __str__(self) -> str:
        return f"{self.key} at /hooks/{self.path}"


class WebhookReception(models.Model):
    """One call of a webhook and what became of it. Of a refused one nothing is kept that the sender wrote."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted"
        REPEATED = "repeated"
        REFUSED = "refused"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=8, choices=Outcome)
    status = models.PositiveSmallIntegerField(help_text="of the answer")
    reason = models.CharField(max_length=30, default="", help_text="why it was refused")
    message = models.TextField(default="")
    event_id = models.CharField(max_length=255, default="")
    content_type = models.CharField(max_length=100, default="")
    size = models.PositiveIntegerField(default=0)
    address = models.CharField(max_length=64, default="")
    duration_ms = models.FloatField(default=0)

    class Meta:
        indexes = (
            models.Index(fields=["webhook", "-id"], name="integrations_reception_latest"),
            models.Index(fields=["at"], name="integrations_reception_age"),
        )

    def __str__(self) -> str:
        return f"{self.outcome} {self.at}"


class WebhookSeen(models.Model):
    """What was signed and taken before: the same again is a replay."""

    fingerprint = models.CharField(primary_key=True, max_length=64)
    until = models.DateTimeField(help_text="when it may be forgotten")

    class Meta:
        indexes = (models.Index(fields=["until"], name="integrations_seen_until"),)

    def __str__(self) -> str:
        return self.fingerprint
