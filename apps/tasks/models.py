"""Tables of the task execution layer: definitions, tasks, the ready queue, comments and attachments.

A task that a workflow step opened bears the id of that step's execution, which is also its Idempotency-Key.
References from the busy tables carry no foreign key constraint: a definition version is never deleted, and a
constraint would make every insert lock one and the same parent row.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.auth.identifiers import uuid7
from apps.validation.definitions.models import Definition


class TaskDefinition(Definition):
    """One version of a task definition (schemas/task.json)."""

    class Meta(Definition.Meta):
        abstract = False


class Priority(models.IntegerChoices):
    """Stored as a number so that the queue can order by it; written by name in every document and answer."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3


class Task(models.Model):
    """A work item: done by a worker (AUTOMATED, INTEGRATION) or by a person (MANUAL)."""

    class Type(models.TextChoices):
        AUTOMATED = "AUTOMATED"
        MANUAL = "MANUAL"
        INTEGRATION = "INTEGRATION"

    class Status(models.TextChoices):
        PENDING = "PENDING"
        ASSIGNED = "ASSIGNED"
        RUNNING = "RUNNING"
        COMPLETED = "COMPLETED"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"
        TIMED_OUT = "TIMED_OUT"

    OPEN: ClassVar = (Status.PENDING, Status.ASSIGNED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    definition = models.ForeignKey(
        TaskDefinition, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    workflow_instance_id = models.UUIDField(null=True)
    step_id = models.CharField(max_length=255, blank=True, default="")
    type = models.CharField(max_length=11, choices=Type)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.MEDIUM)
    input = models.JSONField(null=True)
    output = models.JSONField(null=True)
    outcome = models.CharField(max_length=255, null=True)
    error = models.JSONField(null=True, help_text="{type, code, message, details, timestamp}")
    attempt = models.PositiveIntegerField(default=0, help_text="runs begun so far; retryCount is one less")
    executor_id = models.CharField(max_length=100, null=True, help_text="the worker that ran it last")
    timeout = models.FloatField(null=True, help_text="seconds an attempt may take; else what the definition says")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    # What only a person's task has.
    title = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    form = models.JSONField(null=True, help_text="JSON Schema of the output, or {componentId}")
    actions = models.JSONField(null=True, help_text="[{actionKey, label, style, confirmation}]")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    candidate_users = ArrayField(models.CharField(max_length=150), default=list, help_text="usernames")
    candidate_groups = ArrayField(models.CharField(max_length=150), default=list, help_text="group or role names")
    due_at = models.DateTimeField(null=True)
    draft = models.JSONField(null=True)
    manual = models.JSONField(null=True, help_text="the rest of the manual parameters: sla, escalation, …")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    completed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    version = models.PositiveIntegerField(default=1, help_text="grows with every change by a person; the ETag")

    class Meta:
        indexes = (
            models.Index(fields=["workflow_instance_id"], name="tasks_task_instance"),
            models.Index(
                fields=["assignee", "due_at"],
                name="tasks_task_mine",
                condition=Q(type="MANUAL", status__in=["PENDING", "ASSIGNED", "RUNNING"]),
            ),
            models.Index(
                fields=["-created_at", "-id"],
                name="tasks_task_open_manual",
                condition=Q(type="MANUAL", status__in=["PENDING", "ASSIGNED", "RUNNING"]),
            ),
            models.Index(fields=["completed_by", "-completed_at"], name="tasks_task_done", condition=Q(type="MANUAL")),
            GinIndex(
                fields=["candidate_groups"],
                name="tasks_task_groups",
                condition=Q(type="MANUAL", status__in=["PENDING", "ASSIGNED", "RUNNING"]),
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "ASSIGNED", "RUNNING"], completed_at__isnull=True)
                | Q(status__in=["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"], completed_at__isnull=False),
                name="tasks_task_completed_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.title or self.step_id or self.id} ({self.status})"


class ReadyTask(models.Model):
    """The ready queue: a narrow row per automated task that is to be run or is being run.

    ``worker`` and ``leased_until`` are the lease; ``attempt`` fences it: a result is taken only from the worker and
    attempt that hold the row. Finishing the task deletes the row.
    """

    task_id = models.UUIDField(primary_key=True)
    queue = models.CharField(max_length=40)
    priority = models.SmallIntegerField(default=Priority.MEDIUM)
    ready_at = models.DateTimeField(default=timezone.now)
    attempt = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["queue", "-priority", "ready_at"], name="tasks_ready_free", condition=Q(worker__isnull=True)
            ),
            models.Index(fields=["leased_until"], name="tasks_ready_leased", condition=Q(worker__isnull=False)),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(worker__isnull=True, leased_until__isnull=True)
                | Q(worker__isnull=False, leased_until__isnull=False),
                name="tasks_ready_lease_whole",
            ),
        )

    def __str__(self) -> str:
        return f"{self.task_id} in {self.queue}"


class TaskComment(models.Model):
    """What people say about a task."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return self.text[:60]


class TaskAttachment(models.Model):
    """A file added to a task, kept in Django's storage."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="attachments")
    file = models.FileField(upload_to="tasks/%Y/%m/")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="bytes")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return self.name
