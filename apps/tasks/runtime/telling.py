"""The events of tasks that run without a workflow. Those of a step's task are the run's to emit (apps/workflows/engine/told.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from apps.events.emitted import check_event
from apps.events.services import NewEvent
from apps.tasks.executors.base import Failed
from apps.tasks.executors.checks import check_storable
from apps.tasks.executors.emissions import ON_COMPLETE, ON_FAILURE
from apps.tasks.executors.plans import TaskDefinitionPlan
from apps.validation.expressions import EvaluationError

_ERROR = ("type", "code", "message", "details")


def of_completed(
    plan: TaskDefinitionPlan, task_id: UUID, value: Any, output: Any, *, ending: int | None = None
) -> list[NewEvent] | Failed:
    """What a task tells that is done with this input and output, or why that cannot be told: then it has failed.

    ``ending``: which of its endings this is, for a task that people may open again: each is told.
    """
    return _events(plan, ON_COMPLETE, task_id, value, ending, output=output)


def of_failed(
    plan: TaskDefinitionPlan, task_id: UUID, value: Any, error: dict[str, Any], *, ending: int | None = None
) -> list[NewEvent] | Failed:
    """What a task tells that is given up, or why that cannot be told."""
    return _events(plan, ON_FAILURE, task_id, value, ending, error={name: error.get(name) for name in _ERROR})


def by(events: list[NewEvent], user_id: UUID | None) -> list[NewEvent]:
    """The events, with who is behind them."""
    if user_id is None:
        return events
    return [replace(each, metadata={**each.metadata, "userId": str(user_id)}) for each in events]


def not_told(error: dict[str, Any], why: Failed) -> dict[str, Any]:
    """The error of a task whose failure could not be told: it cannot fail twice, so it bears both."""
    return {**error, "details": {**(error.get("details") or {}), "notEmitted": why.as_json()}}


def _events(
    plan: TaskDefinitionPlan, moment: str, task_id: UUID, value: Any, ending: int | None, **result: Any
) -> list[NewEvent] | Failed:
    found = []
    task = {"id": str(task_id), "taskId": plan.key, "version": plan.version}
    context = {"input": value, "task": task, "now": datetime.now(UTC), **result}
    for index, (pattern, template) in enumerate(plan.on_complete if moment == ON_COMPLETE else plan.on_failure):
        try:
            payload = {} if template is None else template.evaluate(context)
        except EvaluationError as error:
            message = f"The payload of the event {pattern} cannot be computed: {error.message}"
            return Failed("PERMANENT", "EXPRESSION_FAILED", message, {"pattern": pattern, "reason": error.code})
        if (flaw := check_storable(payload)) is not None:
            message = f"The payload of the event {pattern} cannot be kept: {flaw.message}"
            return Failed("VALIDATION", "EVENT_PAYLOAD_INVALID", message, {"pattern": pattern})
        version, problems = check_event(pattern, payload)
        if problems:
            message = f"The payload does not fit what the event {pattern} {version} is defined as."
            details = {"pattern": pattern, "version": version, "violations": problems}
            return Failed("VALIDATION", "EVENT_PAYLOAD_INVALID", message, details)
        # An event's id has 255 characters at most.
        name = pattern if len(pattern) <= 150 else blake2b(pattern.encode(), digest_size=16).hexdigest()
        key = f"{task_id}:{name}:{index}" + ("" if ending is None else f":{ending}")
        source = {"type": "task", "id": str(task_id), "name": plan.key}
        found.append(NewEvent(key, pattern, payload, source, version))
    return found
