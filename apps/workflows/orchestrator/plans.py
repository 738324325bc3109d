"""Compiled workflow definitions, kept for the life of the process: a published version never changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.events.emitted import check_event
from apps.tasks.executors.base import Completed, TaskCall
from apps.tasks.executors.checks import run_checked_now
from apps.tasks.executors.plans import TaskDefinitionPlan, plan_of
from apps.tasks.models import TaskDefinition
from apps.validation.durations import parse_duration
from apps.validation.schemas import check_instance, is_valid
from apps.workflows.engine.compile import compile_concurrency, compile_plan
from apps.workflows.engine.plan import ChildBinding, Plan, TaskBinding, TaskFailed
from apps.workflows.engine.retry import parse_retry_policy
from apps.workflows.models import WorkflowDefinition

from .language import LANGUAGE

KEPT = 1_000
_kept: OrderedDict[UUID, Plan] = OrderedDict()


class UnknownTask(Exception):
    """A step names a task that has no published version."""


class UnknownWorkflow(Exception):
    """A step starts a workflow that does not exist."""


def plan_for(definition_id: UUID) -> Plan:
    """The plan of a stored definition. Raises WorkflowDefinition.DoesNotExist."""
    plan = _kept.get(definition_id)
    if plan is None:
        definition: WorkflowDefinition = WorkflowDefinition.objects.get(id=definition_id)
        plan = compile_definition(definition.document, definition.id, definition.task_pins, definition.workflow_pins)
        if definition.status != WorkflowDefinition.Status.DRAFT:
            _kept[definition_id] = plan
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    return plan


def compile_definition(
    document: dict[str, Any],
    definition_id: UUID,
    pins: dict[str, str],
    workflow_pins: dict[str, str] | None = None,
) -> Plan:
    """Compile a document with the task versions in ``pins`` (taskId → version; others: the newest published).

    ``workflow_pins``: the same for the workflows that it starts.
    """

    def task(task_id: str, version: str | None) -> TaskBinding:
        return _binding(_task_definition(task_id, version or pins.get(task_id)))

    def child(workflow_id: str, version: str | None) -> ChildBinding:
        return _child_binding(_child_definition(workflow_id, version or (workflow_pins or {}).get(workflow_id)))

    return compile_plan(
        document,
        definition_id=definition_id,
        language=LANGUAGE,
        tasks=task,
        children=child,
        check_event=check_event,
        max_transitions=settings.AUGMENTED_MAX_TRANSITIONS,
    )


def _task_definition(task_id: str, version: str | None) -> TaskDefinition:
    rows = TaskDefinition.objects.filter(key=task_id).newest_first()
    found = rows.filter(version=version).first() if version else rows.published().first()
    if found is None:
        raise UnknownTask(f"The task {task_id}" + (f" {version}" if version else "") + " is not published.")
    return found


def _child_definition(workflow_id: str, version: str | None) -> WorkflowDefinition:
    """The named version; else the newest published, and where a draft is tried out the newest draft."""
    rows = WorkflowDefinition.objects.filter(key=workflow_id).newest_first()
    found = rows.filter(version=version).first() if version else rows.published().first() or rows.live().first()
    if found is None:
        raise UnknownWorkflow(f"There is no workflow {workflow_id}" + (f" {version}." if version else "."))
    return found


def _child_binding(definition: WorkflowDefinition) -> ChildBinding:
    schema = definition.document.get("inputSchema")

    def problems(value: Any) -> list[dict[str, Any]]:
        if schema is None or is_valid(schema, value):
            return []
        return [each.as_json() for each in check_instance(schema, value, "/input")]

    return ChildBinding(
        definition_id=definition.id,
        workflow_id=definition.key,
        version=definition.version,
        problems=problems,
        concurrency=compile_concurrency(definition.document.get("concurrency"), LANGUAGE),
    )


def _binding(definition: TaskDefinition) -> TaskBinding:
    plan = plan_of(definition)
    manual = None
    if plan.type == "MANUAL":
        parameters = (plan.document.get("implementation") or {}).get("parameters") or {}
        manual = {"title": definition.name, "description": definition.description, **parameters}
        if "taskForm" not in manual and plan.output_schema is not None:
            manual["taskForm"] = plan.output_schema
    return TaskBinding(
        definition_id=definition.id,
        task_id=definition.key,
        type=plan.type,
        manual=manual,
        evaluate=_evaluate(plan) if plan.inline else None,
        retry=parse_retry_policy(plan.retry_policy, parse_duration),
        version=plan.version,
        on_complete=plan.on_complete,
        on_failure=plan.on_failure,
    )


def _evaluate(plan: TaskDefinitionPlan) -> Any:
    assert plan.definition_id is not None
    definition_id = plan.definition_id

    def evaluate(value: Any) -> tuple[Any, str | None]:
        result = run_checked_now(TaskCall(definition_id, 1, plan, value, now=timezone.now()))
        if isinstance(result, Completed):
            return result.output, result.outcome
        raise TaskFailed(result.type, result.code, result.message, result.details)

    return evaluate
