"""Event triggers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class Trigger(models.Model):
    """What starts or cancels runs when an event comes (schemas/trigger.json). In force as saved: no drafts, no versions.

    What it did is in the deliveries of its subscriber, ``trigger:<key>``; an event never writes to this row.
    """

    class Type(models.TextChoices):
        START = "START"
        CANCEL = "CANCEL"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=255, unique=True, help_text="triggerId")
    workflow_id = models.CharField(max_length=255)
    inline = models.BooleanField(default=False, help_text="stands in the workflow's own triggers")
    webhook = models.CharField(
        max_length=255, default="", blank=True, help_text="key of the webhook that it belongs to"
    )
    name = models.CharField(max_length=255)
    document = models.JSONField()
    revision = models.PositiveIntegerField(default=1, help_text="grows with every save; the ETag")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    enabled = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=255, default="", help_text="username; empty: nobody, its workflow is away")
    trigger_type = models.CharField(max_length=6, choices=Type, default=Type.START)
    event_pattern = models.CharField(max_length=255)
    correlation_key = models.CharField(
        max_length=32, default="", blank=True, help_text="of what its condition demands to be equal; see matching.py"
    )
    priority = models.IntegerField(default=100, help_text="lower ones are served first")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(
                fields=["event_pattern", "correlation_key"], name="workflows_trigger_found", condition=Q(enabled=True)
            ),
            models.Index(fields=["workflow_id"], name="workflows_trigger_of"),
            models.Index(fields=["webhook"], name="workflows_trigger_webhook", condition=~Q(webhook="")),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.workflow_id}"
