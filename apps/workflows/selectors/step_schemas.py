"""What a step takes and gives, as far as somebody has said: the schemas of its task, its form or its child workflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.tasks.models import TaskDefinition
from apps.workflows.checks.catalog import task_facts
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.steering import ahead
from apps.workflows.models import WorkflowDefinition

_TAKE_INPUT = frozenset({"TASK", "HUMAN_TASK", "SUB_WORKFLOW", "FOR_EACH"})


@dataclass(frozen=True, slots=True)
class StepSchemas:
    """None where nobody has said: anything is possible."""

    input: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None


def takes_input(plan: Plan, step_id: str) -> bool:
    """Whether an input given by a person would be looked at."""
    return plan.steps[step_id].type in _TAKE_INPUT


def schemas_of(plan: Plan, definition_id: UUID, step_id: str) -> StepSchemas:
    """The schemas of a step of a stored definition."""
    step = plan.steps[step_id]
    if step.task is not None:
        facts = task_facts(TaskDefinition.objects.only("document").get(id=step.task.definition_id).document)
        return StepSchemas(facts.input_schema, facts.output_schema)
    if step.type not in ("HUMAN_TASK", "SUB_WORKFLOW"):
        return StepSchemas()
    document = WorkflowDefinition.objects.only("document").get(id=definition_id).document
    found = next((each for each in _steps(document) if each.get("stepId") == step_id), {})
    if step.type == "HUMAN_TASK":
        form = (found.get("taskDefinition") or {}).get("taskForm")
        return StepSchemas(output=form if isinstance(form, Mapping) and "componentId" not in form else None)
    rows = WorkflowDefinition.objects.filter(key=found.get("workflowId")).published().newest_first()
    child = rows.filter(version=found["version"]).first() if found.get("version") else rows.first()
    return StepSchemas() if child is None else StepSchemas(child.document.get("inputSchema"))


def readers_of(plan: Plan, step_id: str, output: Any) -> dict[str, str]:
    """Who reads, later on, a field of the step's output that ``output`` does not have: name → the path that is read."""
    readers = {
        plan.steps[each].name: plan.steps[each].expressions() for each in sorted(ahead(plan, [step_id]) - {step_id})
    }
    if plan.output is not None:
        readers["The run's output"] = [plan.output]
    found: dict[str, str] = {}
    for reader, expressions in readers.items():
        for path in sorted(path for expression in expressions for path in expression.reads):
            if path[:3] == ("steps", step_id, "output") and not _has(output, path[3:]):
                found.setdefault(reader, ".".join(path))
    return found


def _has(value: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(value, Mapping):
            return isinstance(value, list)
        if name not in value:
            return False
        value = value[name]
    return value is not None or bool(path)


def _steps(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("steps", "compensationSteps"):
        for step in document.get(name) or ():
            yield step
            yield from _steps(step)
    for name in ("branches", "parallelBranches"):
        for branch in document.get(name) or ():
            yield from _steps(branch)
