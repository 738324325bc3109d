"""What a dry run of a workflow needs to be told: every step that asks the outside world, with an example of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from apps.events.models import EventDefinition
from apps.tasks.assignment import DEFAULT_ACTIONS
from apps.tasks.executors.plans import TaskDefinitionPlan, plans_by_id
from apps.validation.schemas.example import example_of
from apps.workflows.models import WorkflowDefinition
from apps.workflows.orchestrator.plans import UnknownTask, UnknownWorkflow, compile_definition


def mock_suggestions(document: dict[str, Any]) -> list[dict[str, Any]]:
    """[{stepId, name, kind: TASK | HUMAN | EVENT | CHILD, taskId?, pattern?, workflowId?, response, action?, actions?}] in the order of the
    definition; empty for a document that does not compile (its violations say why)."""
    try:
        plan = compile_definition({"version": "1.0.0", **document}, UUID(int=0), {})
    except (UnknownTask, UnknownWorkflow, ValueError, KeyError, TypeError):
        return []
    tasks = plans_by_id({step.task.definition_id for step in plan.steps.values() if step.task})
    payloads = _payloads({step.pattern for step in plan.steps.values() if step.type == "EVENT_WAIT"})
    children = _output_schemas({step.child.definition_id for step in plan.steps.values() if step.child})
    written = {each["stepId"]: each.get("taskDefinition") or {} for each in _steps(document)}
    found = []
    for step in plan.steps.values():
        told: dict[str, Any] = {"stepId": step.step_id, "name": step.name}
        if step.type == "EVENT_WAIT":
            found.append({**told, "kind": "EVENT", "pattern": step.pattern, "response": payloads.get(step.pattern, {})})
        elif step.child is not None:
            if step.wait:
                schema = children.get(step.child.definition_id)
                response = {} if schema is None else example_of(schema)
                found.append({**told, "kind": "CHILD", "workflowId": step.child.workflow_id, "response": response})
        elif step.type == "HUMAN_TASK":
            found.append({**told, "kind": "HUMAN", **answer_of(written.get(step.step_id, {}))})
        elif step.task is not None and step.task.manual is not None:
            found.append({**told, "kind": "HUMAN", "taskId": step.task.task_id, **answer_of(step.task.manual)})
        elif step.task is not None and step.task.evaluate is None:
            definition = tasks.get(step.task.definition_id)
            found.append({**told, "kind": "TASK", "taskId": step.task.task_id, "response": output_of(definition)})
    return found


def answer_of(manual: Mapping[str, Any]) -> dict[str, Any]:
    """An answer to a person's task with these parameters: {response, action, actions}."""
    form = manual.get("taskForm", manual.get("form"))
    keys = [each["actionKey"] for each in manual.get("actions") or () if isinstance(each, dict) and "actionKey" in each]
    response = example_of(form) if isinstance(form, dict) and "componentId" not in form else {}
    return {"response": response, "action": (keys or _DEFAULT)[0], "actions": keys or _DEFAULT}


_DEFAULT = [each["actionKey"] for each in DEFAULT_ACTIONS]


def output_of(definition: TaskDefinitionPlan | None) -> Any:
    """An example of what a task gives."""
    schema = definition.output_schema if definition else None
    return {} if schema is None else example_of(schema)


def _payloads(patterns: set[str]) -> dict[str, Any]:
    """An example of a payload by pattern, of those that are defined: one that its author gives, else one made up."""
    found: dict[str, Any] = {}
    rows = (
        EventDefinition.objects.filter(document__pattern__in=patterns) if patterns else EventDefinition.objects.none()
    )
    for row in rows.published().newest_first():
        schema, examples = row.document.get("payloadSchema"), row.document.get("examples")
        if examples or schema is not None:
            found.setdefault(row.document["pattern"], examples[0] if examples else example_of(schema))
    return found


def _output_schemas(definition_ids: set[UUID]) -> dict[UUID, Any]:
    rows = WorkflowDefinition.objects.filter(id__in=definition_ids) if definition_ids else ()
    return {row.id: row.document.get("outputSchema") for row in rows}


def child_output(definition_id: UUID) -> Any:
    """An example of what another workflow gives."""
    schema = _output_schemas({definition_id}).get(definition_id)
    return {} if schema is None else example_of(schema)


def _steps(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for step in (*(document.get("steps") or ()), *(document.get("compensationSteps") or ())):
        yield step
        yield from _steps({"steps": step.get("steps")})
        for branch in (*(step.get("branches") or ()), *(step.get("parallelBranches") or ())):
            yield from _steps(branch)
