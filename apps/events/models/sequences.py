"""Event sequences: their definitions, the events that each one waits for, and their runs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7
from apps.events.sequences.rules import MemberStatus, Reason, RunStatus
from apps.validation.definitions.models import Definition, DefinitionQuerySet

OPEN = (str(RunStatus.CREATED), str(RunStatus.IN_PROGRESS))


class SequenceDefinition(Definition):
    """One version of a sequence (schemas/sequence.json)."""

    resolved = models.JSONField(
        default=dict,
        help_text="fixed when it is published: {members: {id: {pattern, eventId}}, compensating: [pattern]}",
    )

    objects: ClassVar[DefinitionQuerySet[SequenceDefinition]] = DefinitionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(Definition.Meta):
        abstract = False
        indexes = (models.Index(fields=["key", "-version_key"], name="events_sequence_newest"),)


class SequenceWatch(models.Model):
    """That a member of a published sequence waits for events of this pattern (see matching.py).

    Rows of older versions stay while runs on them are open; only those that are ``current`` begin runs.
    """

    definition = models.ForeignKey(SequenceDefinition, on_delete=models.CASCADE, related_name="watches")
    sequence_id = models.CharField(max_length=255)
    member_id = models.CharField(max_length=255)
    event_pattern = models.CharField(max_length=255)
    correlation_key = models.CharField(max_length=64)
    current = models.BooleanField(default=True)

    class Meta:
        indexes = (
            models.Index(fields=["event_pattern", "correlation_key"], name="events_seqwatch_find"),
            models.Index(fields=["sequence_id"], name="events_seqwatch_of"),
        )

    def __str__(self) -> str:
        return f"{self.sequence_id} {self.member_id} {self.event_pattern}"


class SequenceRun(models.Model):
    """What one key has seen of a sequence. At most one run of a key is open."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    definition = models.ForeignKey(SequenceDefinition, on_delete=models.DO_NOTHING, related_name="runs")
    sequence_id = models.CharField(max_length=255)
    version = models.CharField(max_length=64)
    key = models.CharField(max_length=255, help_text="the case, as correlationKey names it")
    status = models.CharField(max_length=11, choices=[(each.value, each.value) for each in RunStatus])
    reason = models.CharField(
        max_length=13, blank=True, default="", choices=[(each.value, each.value) for each in Reason]
    )
    deadline = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True, help_text="when a person gave it its time anew")
    decided_by = models.CharField(max_length=255, null=True, help_text="eventId of what ended it")
    compensated = models.BooleanField(default=False)
    outcomes = models.PositiveIntegerField(default=0, help_text="how often it ended")
    rollback = models.JSONField(null=True, help_text="{events: [{eventId, pattern}], errors: [{pattern, message}]}")
    settled = models.JSONField(null=True, help_text="what a person did last: {verb, by, at, notes, member}")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True, help_text="when it ended")

    class Meta:
        indexes = (
            models.Index(fields=["sequence_id", "-created_at", "-id"], name="events_seqrun_newest"),
            models.Index(fields=["sequence_id", "status", "-created_at", "-id"], name="events_seqrun_status"),
            models.Index(fields=["sequence_id", "key", "-created_at"], name="events_seqrun_key"),
            models.Index(
                fields=["deadline", "id"],
                name="events_seqrun_due",
                condition=Q(status__in=OPEN, deadline__isnull=False),
            ),
            models.Index(fields=["completed_at"], name="events_seqrun_ended", condition=Q(completed_at__isnull=False)),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["sequence_id", "key"], condition=Q(status__in=OPEN), name="events_seqrun_open"
            ),
            models.CheckConstraint(
                condition=(Q(status="failed") & ~Q(reason="")) | (~Q(status="failed") & Q(reason="")),
                name="events_seqrun_reason",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, completed_at__isnull=True)
                | (~Q(status__in=OPEN) & Q(completed_at__isnull=False)),
                name="events_seqrun_completed_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.sequence_id} {self.key} ({self.status})"


class SequenceMember(models.Model):
    """What became of one member in one run. One that nothing has come for, and that nobody skipped, has no row."""

    run = models.ForeignKey(SequenceRun, on_delete=models.CASCADE, related_name="members")
    member_id = models.CharField(max_length=255)
    status = models.CharField(max_length=9, choices=[(each.value, each.value) for each in MemberStatus])
    event = models.UUIDField(null=True, help_text="events_event.id")
    event_id = models.CharField(max_length=255, null=True)
    pattern = models.CharField(max_length=255, null=True)
    timestamp = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True)
    late = models.BooleanField(default=False, help_text="it came after the run had ended")
    skipped = models.BooleanField(default=False, help_text="a person says that it counts as processed")
    error = models.JSONField(null=True)
    retries = models.PositiveIntegerField(default=0, help_text="how often its dead letters were replayed")

    class Meta:
        indexes = (models.Index(fields=["event"], name="events_seqmember_event"),)
        constraints = (models.UniqueConstraint(fields=["run", "member_id"], name="events_seqmember_once"),)

    def __str__(self) -> str:
        return f"{self.member_id} ({self.status})"
