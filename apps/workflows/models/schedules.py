"""Schedules, and what became of each of their slots."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7
from apps.workflows.rules.firing import Decision, Origin


class Schedule(models.Model):
    """What starts a workflow at set times (schemas/schedule.json). In force as saved: it has no drafts and no versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=255, unique=True, help_text="scheduleId")
    workflow_id = models.CharField(max_length=255)
    inline = models.BooleanField(default=False, help_text="stands in the workflow's own triggers")
    name = models.CharField(max_length=255)
    document = models.JSONField()
    revision = models.PositiveIntegerField(default=1, help_text="grows with every save; the ETag")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    enabled = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=255, default="", help_text="username; empty: nobody, its workflow is away")
    anchor = models.DateTimeField(help_text="an interval without startAt counts from here")
    decided_until = models.DateTimeField(help_text="every slot up to here has been decided about")
    next_slot = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="when next_slot is to be fired; none while paused or over")
    last_run_id = models.UUIDField(null=True)
    last_slot = models.DateTimeField(null=True, help_text="the slot that last_run_id was started for")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=["due_at"], name="workflows_schedule_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["workflow_id"], name="workflows_schedule_of"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(due_at__isnull=True) | Q(enabled=True, next_slot__isnull=False),
                name="workflows_schedule_due_when_enabled",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.workflow_id}"


class ScheduleFire(models.Model):
    """What was decided about one slot of a schedule; of MISSED ones, a row is about all from ``slot`` to ``until``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    schedule = models.ForeignKey(Schedule, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    slot = models.DateTimeField()
    until = models.DateTimeField(null=True)
    count = models.PositiveIntegerField(default=1)
    more = models.BooleanField(default=False, help_text="there were more than ``count``")
    due_at = models.DateTimeField()
    decision = models.CharField(max_length=8, choices=[(each.value, each.value) for each in Decision])
    origin = models.CharField(max_length=8, choices=[(each.value, each.value) for each in Origin])
    instance_id = models.UUIDField(null=True)
    reason = models.TextField(default="")
    by = models.CharField(max_length=255, default="", help_text="username of who asked; empty: its time had come")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=["schedule", "slot"], name="workflows_fire_queued", condition=Q(decision="QUEUED")),
        )
        constraints = (models.UniqueConstraint(fields=["schedule", "slot"], name="workflows_fire_once_per_slot"),)

    def __str__(self) -> str:
        return f"{self.decision} {self.slot}"
