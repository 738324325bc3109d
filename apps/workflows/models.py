"""Tables of workflows: definitions, instances, step executions, history, inbox, timers, bulk operations.

* an instance's row is its head and never grows; every visit of a step is a row of its own
* history is append-only; a row holds the entries of one committed advance, numbered without a gap
* the inbox holds signals for instances that were busy when they came; an advance deletes what it consumed

The busy tables carry no foreign key constraints (see docs/decisions): rows of a run are found by the run's id.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7
from apps.validation.definitions.models import Definition, DefinitionQuerySet

from .engine.transitions import ACTIVE_STEP, TERMINAL, InstanceStatus, StepStatus


class WorkflowDefinition(Definition):
    """One version of a workflow definition (schemas/workflow.json)."""

    objects: ClassVar[DefinitionQuerySet[WorkflowDefinition]] = DefinitionQuerySet.as_manager()  # type: ignore[assignment]

    task_pins = models.JSONField(default=dict, help_text="taskId → version that published runs use")

    class Meta(Definition.Meta):
        abstract = False


class WorkflowInstance(models.Model):
    """One run of a workflow: its head."""

    TERMINAL: ClassVar = tuple(sorted(status.value for status in TERMINAL))

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    definition = models.ForeignKey(
        WorkflowDefinition, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    workflow_id = models.CharField(max_length=255)
    definition_version = models.CharField(max_length=64)
    status = models.CharField(max_length=17, choices=[(each.value, each.value) for each in InstanceStatus])
    input = models.JSONField(null=True)
    output = models.JSONField(null=True)
    variables = models.JSONField(default=dict)
    visits = models.JSONField(default=dict, help_text="step → visits so far, only of steps inside loops; * = retries")
    aliases = models.JSONField(default=dict, help_text="step → its name before a migration renamed it: ids keep that")
    transitions = models.PositiveIntegerField(default=0)
    seq = models.PositiveIntegerField(default=0, help_text="number of the latest history entry")
    version = models.PositiveIntegerField(default=1, help_text="grows with every advance")
    current_step_id = models.CharField(max_length=255, null=True)
    resume_to = models.CharField(max_length=17, null=True)
    correlation_id = models.CharField(max_length=255, null=True)
    trigger_event_id = models.CharField(max_length=255, null=True)
    parent_instance_id = models.UUIDField(null=True)
    cancellation = models.JSONField(null=True)
    compensation = models.JSONField(null=True)
    error = models.JSONField(null=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    started_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["-started_at", "-id"], name="workflows_instance_newest"),
            models.Index(fields=["workflow_id", "-started_at", "-id"], name="workflows_instance_of"),
            models.Index(
                fields=["status", "-started_at"],
                name="workflows_instance_open",
                condition=~Q(status__in=["COMPLETED", "CANCELLED"]),
            ),
            models.Index(
                fields=["correlation_id"], name="workflows_instance_corr", condition=Q(correlation_id__isnull=False)
            ),
            models.Index(
                fields=["started_by", "-started_at"],
                name="workflows_instance_starter",
                condition=Q(started_by__isnull=False),
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["COMPLETED", "FAILED", "CANCELLED"], completed_at__isnull=False)
                | (~Q(status__in=["COMPLETED", "FAILED", "CANCELLED"]) & Q(completed_at__isnull=True)),
                name="workflows_instance_completed_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.workflow_id} {self.id} ({self.status})"


class StepExecution(models.Model):
    """One visit of one step. Its id is the Idempotency-Key of the outside call it makes, and its task's id."""

    ACTIVE: ClassVar = tuple(sorted(status.value for status in ACTIVE_STEP))

    id = models.UUIDField(primary_key=True)
    instance_id = models.UUIDField()
    step_id = models.CharField(max_length=255)
    visit = models.PositiveIntegerField(default=1)
    scope = models.CharField(max_length=1000, default="")
    parent_id = models.UUIDField(null=True, help_text="the execution that forked the path this one lies on")
    branch = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=11, choices=[(each.value, each.value) for each in StepStatus])
    attempt = models.PositiveIntegerField(default=1)
    seq = models.PositiveIntegerField(default=0)
    input = models.JSONField(null=True, help_text="of steps without a task; otherwise the task has it")
    output = models.JSONField(null=True)
    outcome = models.CharField(max_length=255, null=True)
    error = models.JSONField(null=True)
    data = models.JSONField(null=True, help_text="what the step type keeps while it is active")
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["instance_id", "seq"], name="workflows_execution_of"),
            models.Index(
                fields=["instance_id"],
                name="workflows_execution_active",
                condition=Q(status__in=["PENDING", "RUNNING", "WAITING"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.step_id} #{self.visit} ({self.status})"


class HistoryRecord(models.Model):
    """What one committed advance did: the entries ``first_seq`` … ``last_seq`` of a run's history."""

    pk = models.CompositePrimaryKey("instance_id", "first_seq")
    instance_id = models.UUIDField()
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())
    entries = models.JSONField(help_text="[{seq, type, stepId?, visit?, executionId?, data?}]")

    def __str__(self) -> str:
        return f"{self.instance_id} {self.first_seq}–{self.last_seq}"


class InboxSignal(models.Model):
    """A signal that waits for its instance. ``held``: the instance is suspended."""

    id = models.BigAutoField(primary_key=True)
    instance_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    execution_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    held = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=["id"], name="workflows_inbox_ready", condition=Q(held=False)),
            models.Index(fields=["instance_id"], name="workflows_inbox_of"),
        )

    def __str__(self) -> str:
        return f"{self.kind} for {self.instance_id}"


class Timer(models.Model):
    """Sends TIMER_DUE at ``due_at``. A paused timer (``remaining``) has no due time until its run is resumed."""

    id = models.BigAutoField(primary_key=True)
    instance_id = models.UUIDField()
    execution_id = models.UUIDField(null=True)
    purpose = models.CharField(max_length=10)
    due_at = models.DateTimeField(null=True)
    remaining = models.DurationField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["due_at"], name="workflows_timer_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["instance_id"], name="workflows_timer_of"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(due_at__isnull=False, remaining__isnull=True)
                | Q(due_at__isnull=True, remaining__isnull=False),
                name="workflows_timer_due_or_paused",
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} of {self.execution_id or self.instance_id}"


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
