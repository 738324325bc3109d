"""Workflows as a kind of definition: their checks, what publishing fixes, what they name, what runs on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count

from apps.tasks.models import TaskDefinition
from apps.validation.definitions.services import DefinitionKind, Instead, Reading, Reference
from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation, in_order

from .checks import check_workflow, uses_of
from .checks.outline import read_outline
from .checks.uses import mentions
from .models import WorkflowDefinition, WorkflowInstance
from .rules.changes import workflow_changes
from .selectors.catalog import DatabaseCatalog
from .services import inline_triggers


def _checks(document: dict[str, Any]) -> list[Violation]:
    found = [
        *check_workflow(document, catalog=DatabaseCatalog()),
        *_not_yet(document),
        *inline_triggers.check(document),
    ]
    return in_order(found)  # the expressions of inline triggers are looked at by both


# What the language has and this version of the platform does not act on yet: said as a warning, for it would only change
# how the run is shown.
_WITHOUT_EFFECT = ("uiComponents", "executionLog")


def _not_yet(document: dict[str, Any]) -> list[Violation]:
    return [
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


def _pin_workflows(row: WorkflowDefinition) -> None:
    """Fix the version of every workflow that a SUB_WORKFLOW step starts without naming one."""
    named = [(pointer, step) for pointer, step in _steps(row.document) if step.get("type") == "SUB_WORKFLOW"]
    keys = {step["workflowId"] for _, step in named}
    rows = WorkflowDefinition.objects.filter(key__in=keys).published().newest_first() if keys else []
    versions: dict[str, list[str]] = {}
    for child in rows:
        versions.setdefault(child.key, []).append(child.version)
    missing = [
        Violation(
            "workflow-not-published",
            f"The workflow {step['workflowId']} {step.get('version', '')} is not published.".replace("  ", " "),
            f"{pointer}/{'version' if 'version' in step else 'workflowId'}",
            hint="Publish that workflow first.",
        )
        for pointer, step in named
        if step.get("version", next(iter(versions.get(step["workflowId"], ())), None))
        not in versions.get(step["workflowId"], ())
    ]
    if missing:
        raise Unprocessable(f"{row.key} {row.version} starts workflows that are not published.", violations=missing)
    row.workflow_pins = {key: found[0] for key, found in versions.items()}


def _seal(row: WorkflowDefinition) -> None:
    """What publishing fixes. While new starts are split, a version published meanwhile gets none until somebody says so."""
    _pin_tasks(row)
    _pin_workflows(row)
    # Locked, for somebody may be about to split them.
    published = WorkflowDefinition.objects.select_for_update().filter(key=row.key).published().newest_first()
    split = any(share is not None for share in published.values_list("share", flat=True))
    row.share = 0 if split else None


def _references(document: dict[str, Any]) -> list[Reference]:
    return [Reference(*each.name, each.pointer, each.version) for each in mentions(read_outline(document))]


def _reads(document: dict[str, Any], kind: str, key: str) -> list[Reading]:
    _, reads = uses_of(document, (kind, key), catalog=DatabaseCatalog())
    return [Reading(each.pointer, each.column, ".".join(each.path), each.text) for each in reads]


def _checks_if(document: dict[str, Any], instead: Instead) -> list[Violation]:
    return check_workflow(document, catalog=DatabaseCatalog(instead))


def _pinned(row: WorkflowDefinition, kind: str, key: str) -> str | None:
    """A published workflow stays with the versions of its tasks and children; what else it names it takes as it is then."""
    if row.status != WorkflowDefinition.Status.PUBLISHED:
        return None
    pins: dict[str, str] = {"task": row.task_pins, "workflow": row.workflow_pins}.get(kind, {})
    return pins.get(key)


def _running(workflow_id: str) -> dict[str, int]:
    under_way = WorkflowInstance.objects.filter(workflow_id=workflow_id, completed_at__isnull=True)
    counts = under_way.values("definition_version").annotate(runs=Count("pk")).order_by("definition_version")
    return {row["definition_version"]: row["runs"] for row in counts}


WORKFLOW: DefinitionKind[WorkflowDefinition] = DefinitionKind(
    "workflow",
    "workflowId",
    WorkflowDefinition,
    _checks,
    _seal,
    order=50,
    references=_references,
    running=_running,
    changes=workflow_changes,
    checks_if=_checks_if,
    reads=_reads,
    pinned=_pinned,
    published=inline_triggers.follow,
    archived=inline_triggers.rest,
)
