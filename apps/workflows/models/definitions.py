"""What is defined: versions of workflows and of working calendars."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.validation.definitions.models import Definition, DefinitionQuerySet


class WorkflowDefinition(Definition):
    """One version of a workflow definition (schemas/workflow.json)."""

    objects: ClassVar[DefinitionQuerySet[WorkflowDefinition]] = DefinitionQuerySet.as_manager()  # type: ignore[assignment]

    task_pins = models.JSONField(default=dict, help_text="taskId → version that published runs use")
    workflow_pins = models.JSONField(default=dict, help_text="workflowId → version that SUB_WORKFLOW steps start")
    share = models.PositiveSmallIntegerField(
        null=True, help_text="percent of new starts; null on every published version while the newest takes all"
    )

    class Meta(Definition.Meta):
        abstract = False
        constraints = (  # type: ignore[assignment]
            *Definition.Meta.constraints,
            models.CheckConstraint(condition=Q(share__isnull=True) | Q(share__lte=100), name="workflows_share_percent"),
        )


class CalendarDefinition(Definition):
    """One version of a working calendar (schemas/calendar.json)."""

    objects: ClassVar[DefinitionQuerySet[CalendarDefinition]] = DefinitionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(Definition.Meta):
        abstract = False
        indexes = (models.Index(fields=["key", "-version_key"], name="workflows_calendar_newest"),)
