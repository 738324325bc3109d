"""Saving, checking, publishing and archiving workflow definitions."""

from __future__ import annotations

from typing import Any

from apps.auth.access import require
from apps.auth.models import User
from apps.tasks.models import TaskDefinition
from apps.validation.definitions import services as definitions
from apps.validation.definitions.services import DefinitionKind
from apps.validation.violations import Violation
from apps.workflows.checks import check_workflow
from apps.workflows.models import WorkflowDefinition
from apps.workflows.selectors.catalog import DatabaseCatalog


def _checks(document: dict[str, Any]) -> list[Violation]:
    return check_workflow(document, catalog=DatabaseCatalog())


def _pin_tasks(row: WorkflowDefinition) -> None:
    """Fix the version of every task that the document names without one: a run never changes under way."""
    names = set(_task_ids(row.document))
    newest = TaskDefinition.objects.filter(key__in=names).published().newest_first().values_list("key", "version")
    pins: dict[str, str] = {}
    for key, version in newest:
        pins.setdefault(key, version)
    row.task_pins = pins


def _task_ids(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["taskId"]] if isinstance(value.get("taskId"), str) and "taskVersion" not in value else []
        return own + [found for name in _NESTED if name in value for found in _task_ids(value[name])]
    if isinstance(value, list):
        return [found for each in value for found in _task_ids(each)]
    return []


_NESTED = ("steps", "branches", "parallelBranches", "compensationSteps")

WORKFLOW: DefinitionKind[WorkflowDefinition] = DefinitionKind(
    "workflow", "workflowId", WorkflowDefinition, _checks, _pin_tasks
)


def save(*, actor: User, document: dict[str, Any], if_match: int | None = None) -> tuple[WorkflowDefinition, bool]:
    """Save a draft; see :func:`apps.validation.definitions.services.save_draft`."""
    return definitions.save_draft(WORKFLOW, actor=actor, document=document, if_match=if_match)


def publish(*, actor: User, workflow_id: str, version: str | None = None) -> WorkflowDefinition:
    """Publish a draft; see :func:`apps.validation.definitions.services.publish`."""
    return definitions.publish(WORKFLOW, actor=actor, key=workflow_id, version=version)


def archive(*, actor: User, workflow_id: str) -> int:
    """Take a workflow out of use; runs go on. See :func:`apps.validation.definitions.services.archive`."""
    return definitions.archive(WORKFLOW, actor=actor, key=workflow_id)


def validate(*, actor: User, document: Any) -> list[Violation]:
    """Every problem of a document, which is not saved."""
    require(actor, "use:validation")
    return definitions.check(WORKFLOW, document)
