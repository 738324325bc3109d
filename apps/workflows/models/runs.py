"""Runs: heads, step executions, history, inbox, timers, subscriptions, slots.

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
from apps.workflows.engine.transitions import ACTIVE_STEP, TERMINAL, InstanceStatus, StepStatus

from .definitions import WorkflowDefinition


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
    parent_execution_id = models.UUIDField(null=True, help_text="the SUB_WORKFLOW step's execution that started it")
    depth = models.PositiveSmallIntegerField(default=0, help_text="through how many runs it was started")
    concurrency_key = models.CharField(max_length=255, null=True, help_text="whose slots it needs; see ConcurrencySlot")
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
                fields=["workflow_id", "definition_version"],
                name="workflows_instance_under_way",
                condition=Q(completed_at__isnull=True),
            ),
            models.Index(
                fields=["correlation_id", "workflow_id"],
                name="workflows_instance_case",
                condition=Q(completed_at__isnull=True, correlation_id__isnull=False),
            ),
            models.Index(
                fields=["correlation_id"], name="workflows_instance_corr", condition=Q(correlation_id__isnull=False)
            ),
            models.Index(
                fields=["started_by", "-started_at"],
                name="workflows_instance_starter",
                condition=Q(started_by__isnull=False),
            ),
            models.Index(
                fields=["parent_execution_id"],
                name="workflows_instance_child",
                condition=Q(parent_execution_id__isnull=False),
            ),
            models.Index(
                fields=["parent_instance_id", "-started_at", "-id"],
                name="workflows_instance_children",
                condition=Q(parent_instance_id__isnull=False),
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
    visit = models.PositiveIntegerField(default=1, help_text="0: an item of a FOR_EACH, which is no visit")
    scope = models.TextField(default="", help_text="the items it lies in: <stepId>#<visit>[<index>]/…")
    parent_id = models.UUIDField(null=True, help_text="the execution or item whose path this one lies on")
    branch = models.PositiveIntegerField(default=0, help_text="which branch, or which item")
    status = models.CharField(max_length=11, choices=[(each.value, each.value) for each in StepStatus])
    attempt = models.PositiveIntegerField(default=1)
    seq = models.PositiveIntegerField(default=0)
    input = models.JSONField(null=True, help_text="of items and of steps without a task; otherwise the task has it")
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
            models.Index(
                fields=["parent_id"],
                name="workflows_execution_below",
                condition=Q(status__in=["PENDING", "RUNNING", "WAITING"], parent_id__isnull=False),
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


class Subscription(models.Model):
    """What a run waits for (schemas/subscription.json): written and closed with the wait itself.

    ``correlation``: path in the event → the value it must have; ``correlation_key``: the same as one text, to be looked up.
    The condition decides; this only finds. A ``purpose`` of cancel is an event that would cancel the run.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        FULFILLED = "fulfilled"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    class Purpose(models.TextChoices):
        WAIT = "wait"
        CANCEL = "cancel"

    id = models.UUIDField(primary_key=True)
    instance_id = models.UUIDField()
    execution_id = models.UUIDField(help_text="the step's that waits; made of run and place where it is to cancel")
    purpose = models.CharField(max_length=6, choices=Purpose, default=Purpose.WAIT)
    wait_step_id = models.CharField(max_length=255, null=True)
    event_pattern = models.CharField(max_length=255)
    filter_condition = models.TextField(null=True)
    correlation = models.JSONField(default=dict)
    correlation_key = models.CharField(max_length=32, default="", help_text="of correlation; see apps.events.matching")
    lookback = models.DurationField(null=True, help_text="accepts an event that came so long before created_at")
    timeout_at = models.DateTimeField(null=True)
    timeout_handler_step_id = models.CharField(max_length=255, null=True)
    status = models.CharField(max_length=9, choices=Status)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    fulfilled_by_event_id = models.CharField(max_length=255, null=True)

    class Meta:
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="workflows_subscription_newest"),
            models.Index(fields=["instance_id", "-created_at", "-id"], name="workflows_subscription_of"),
            models.Index(
                fields=["event_pattern", "-created_at", "-id"],
                name="workflows_subscription_awaits",
                condition=Q(status="active"),
            ),
            models.Index(
                fields=["event_pattern", "correlation_key"],
                name="workflows_subscription_finds",
                condition=Q(status="active"),
            ),
            models.Index(
                fields=["instance_id", "fulfilled_by_event_id"],
                name="workflows_subscription_took",
                condition=Q(fulfilled_by_event_id__isnull=False),
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["execution_id"], name="workflows_subscription_one", condition=Q(status="active")
            ),
            models.CheckConstraint(
                condition=Q(status="active", closed_at__isnull=True)
                | (~Q(status="active") & Q(closed_at__isnull=False)),
                name="workflows_subscription_closed_at",
            ),
            models.CheckConstraint(
                condition=Q(purpose="wait", wait_step_id__isnull=False)
                | Q(purpose="cancel", wait_step_id__isnull=True),
                name="workflows_subscription_purpose",
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_pattern} for {self.instance_id} ({self.status})"


class ConcurrencySlot(models.Model):
    """A run's slot, or (not ``held``) its place in the queue for one. The number says who came first.

    Written with the run, deleted in the transaction in which the run ends.
    """

    id = models.BigAutoField(primary_key=True)
    instance_id = models.UUIDField(unique=True)
    workflow_id = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    capacity = models.PositiveIntegerField(help_text="how many runs may hold a slot of this key at once")
    held = models.BooleanField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["workflow_id", "key", "held", "id"], name="workflows_slot_of"),)

    def __str__(self) -> str:
        return f"{self.workflow_id} {self.key} {'held' if self.held else 'awaited'} by {self.instance_id}"
