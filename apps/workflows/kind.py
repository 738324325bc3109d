"""Workflows as a kind of definition: their checks, and what publishing fixes."""

from __future__ import annotations

from typing import Any

from apps.tasks.models import TaskDefinition
from apps.validation.definitions.services import DefinitionKind
from apps.validation.violations import Violation

from .checks import check_workflow
from .models import WorkflowDefinition
from .selectors.catalog import DatabaseCatalog


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
    "workflow", "workflowId", WorkflowDefinition, _checks, _pin_tasks, order=50
)
