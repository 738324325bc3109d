"""One verb for many runs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class BulkOperation(models.Model):
    """One verb for many runs, worked off in batches. Its runs are fixed when it begins: those of its items."""

    class Status(models.TextChoices):
        RUNNING = "RUNNING"
        COMPLETED = "COMPLETED"
        CANCELLED = "CANCELLED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    operation = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict, help_text="as the verb's route takes them")
    filter = models.JSONField(null=True, help_text="as it was asked for; null: the runs were named")
    reason = models.CharField(max_length=1_000, blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RUNNING)
    total = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    worked_at = models.DateTimeField(db_default=Now(), help_text="when its latest batch was committed")
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["worked_at"], name="workflows_bulk_open", condition=Q(status="RUNNING")),
            models.Index(fields=["requested_by", "-created_at", "-id"], name="workflows_bulk_of"),
        )

    def __str__(self) -> str:
        return f"{self.operation} of {self.total} runs ({self.status})"


class BulkItem(models.Model):
    """A run that a bulk operation has still to come to (``detail`` null), or that it could not do, and why."""

    pk = models.CompositePrimaryKey("operation_id", "instance_id")
    operation_id = models.UUIDField()
    instance_id = models.UUIDField()
    detail = models.TextField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["operation_id", "instance_id"], name="workflows_bulk_todo", condition=Q(detail__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.instance_id} of {self.operation_id}"
