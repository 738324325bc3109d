"""Workflows as a kind of definition: their checks, what publishing fixes, what they name, what runs on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count

from apps.tasks.models import TaskDefinition
from apps.validation.definitions.services import DefinitionKind, Reference
from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation

from .checks import check_workflow
from .engine.steps import STEP_TYPES
from .engine.transitions import TERMINAL
from .models import WorkflowDefinition, WorkflowInstance
from .selectors.catalog import DatabaseCatalog
from .services import inline_schedules


def _checks(document: dict[str, Any]) -> list[Violation]:
    return (
        check_workflow(document, catalog=DatabaseCatalog())
        + _not_yet(document)
        + inline_schedules.check(document)
        + [
            Violation(
                "step-type-unavailable",
                f"Steps of type {kind} cannot be run by this version of the platform.",
                f"{pointer}/type",
                hint=f"It runs {', '.join(sorted(STEP_TYPES))}.",
            )
            for pointer, step in _steps(document)
            if (kind := step.get("type", "TASK")) not in STEP_TYPES
        ]
    )


# What the language has and this version of the platform does not act on yet. Refused where leaving it out would change
# what a run does, and said as a warning where it would only change how the run is shown.
_REFUSED = ("cancellationTriggers", "concurrency")
_WITHOUT_EFFECT = ("uiComponents", "executionLog")
_REFUSED_IN_STEPS = ("lookback",)


def _not_yet(document: dict[str, Any]) -> list[Violation]:
    places = [(f"/{name}", name) for name in _REFUSED if document.get(name)]
    places += [
        (f"{pointer}/{name}", name) for pointer, step in _steps(document) for name in _REFUSED_IN_STEPS if name in step
    ]
    places += [
        (f"/triggers/{index}", f"{entry['type']} triggers")
        for index, entry in enumerate(document.get("triggers") or ())
        if entry["type"] != "schedule"
    ]
    refused = [
        Violation("field-unavailable", f"This version of the platform does not act on {name}.", pointer)
        for pointer, name in places
    ]
    return refused + [
        Violation(
            "field-without-effect",
            f"This version of the platform keeps {name} and does not use it.",
            f"/{name}",
            "warning",
        )
        for name in _WITHOUT_EFFECT
        if document.get(name)
    ]


def _steps(document: dict[str, Any], pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step at any depth, compensating ones included, with its JSON pointer."""
    for name in ("steps", "compensationSteps"):
        for index, step in enumerate(document.get(name) or ()):
            yield f"{pointer}/{name}/{index}", step
            yield from _steps(step, f"{pointer}/{name}/{index}")
    for name in ("branches", "parallelBranches"):
        for index, branch in enumerate(document.get(name) or ()):
            yield from _steps(branch, f"{pointer}/{name}/{index}")


def _pin_tasks(row: WorkflowDefinition) -> None:
    """Fix the version of every task that the document names without one: a run never changes under way."""
    named = [(pointer, step) for pointer, step in _steps(row.document) if "taskId" in step]
    rows = TaskDefinition.objects.filter(key__in={step["taskId"] for _, step in named}).published().newest_first()
    versions: dict[str, list[str]] = {}
    for key, version in rows.values_list("key", "version"):
        versions.setdefault(key, []).append(version)
    missing = [
        Violation(
            "task-not-published",
            f"The task {step['taskId']} {step.get('taskVersion', '')} is not published.".replace("  ", " "),
            f"{pointer}/taskId",
            hint="Publish the task first.",
        )
        for pointer, step in named
        if step.get("taskVersion", next(iter(versions.get(step["taskId"], ())), None))
        not in versions.get(step["taskId"], ())
    ]
    if missing:
        raise Unprocessable(f"{row.key} {row.version} names tasks that are not published.", violations=missing)
    row.task_pins = {key: found[0] for key, found in versions.items()}


def _references(document: dict[str, Any]) -> list[Reference]:
    found = []
    for pointer, step in _steps(document):
        for field, kind in (("taskId", "task"), ("workflowId", "workflow"), ("calendar", "calendar")):
            if isinstance(step.get(field), str):
                found.append(Reference(kind, step[field], f"{pointer}/{field}"))
    return found


def _running(workflow_id: str) -> dict[str, int]:
    under_way = WorkflowInstance.objects.filter(workflow_id=workflow_id).exclude(
        status__in=[status.value for status in TERMINAL]
    )
    counts = under_way.values("definition_version").annotate(runs=Count("pk")).order_by("definition_version")
    return {row["definition_version"]: row["runs"] for row in counts}


WORKFLOW: DefinitionKind[WorkflowDefinition] = DefinitionKind(
    "workflow",
    "workflowId",
    WorkflowDefinition,
    _checks,
    _pin_tasks,
    order=50,
    references=_references,
    running=_running,
    published=inline_schedules.follow,
    archived=inline_schedules.rest,
)
