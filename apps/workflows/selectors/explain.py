"""Saying in a sentence what a run waits for, since when, and what would move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.tasks.models import Task
from apps.workflows.models import StepExecution, Timer, WorkflowInstance
from apps.workflows.orchestrator.plans import plan_for

from . import queue

HOLDERS = frozenset({"BRANCHES", "ITEMS"})
"""Kinds of positions that wait for others, which are positions themselves."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: an execution that has not ended, and why.

    ``kind``: HUMAN, EVENT, TIMER, CHILD, TASK, BRANCHES or ITEMS.
    """

    step_id: str
    kind: str
    since: datetime
    attempt: int = 1
    task_id: UUID | None = None
    title: str | None = None
    assignee: str | None = None
    candidates: tuple[str, ...] = ()
    due_at: datetime | None = None
    error: dict[str, Any] | None = None
    instance_id: str | None = None
    workflow_id: str | None = None
    items: dict[str, int] | None = None
    """Of a FOR_EACH: {total, left, failed}."""

    @classmethod
    def of(cls, execution: StepExecution, task: Task | None, timer: Timer | None, users: dict[UUID, str]) -> Position:
        common: dict[str, Any] = {
            "step_id": execution.step_id,
            "since": execution.started_at,
            "attempt": execution.attempt,
            "error": execution.error,
        }
        if task is not None and task.type == Task.Type.MANUAL:
            return cls(
                kind="HUMAN",
                task_id=task.id,
                title=task.title,
                assignee=users.get(task.assignee_id) if task.assignee_id else None,
                candidates=(*task.candidate_users, *task.candidate_groups),
                due_at=task.due_at,
                **common,
            )
        if task is not None:
            return cls(kind="TASK", task_id=task.id, **common)
        if "running" in (data := execution.data or {}):
            counts = {name: data[name] for name in ("total", "left", "failed")}
            return cls(kind="ITEMS", items=counts, **common)
        if (pattern := (execution.data or {}).get("eventPattern")) is not None:
            return cls(kind="EVENT", title=pattern, due_at=timer.due_at if timer else None, **common)
        if (child := (execution.data or {}).get("instanceId")) is not None:
            workflow_id = (execution.data or {}).get("workflowId")
            due = timer.due_at if timer else None
            return cls(kind="CHILD", instance_id=child, workflow_id=workflow_id, due_at=due, **common)
        if timer is not None and timer.purpose != "timeout":
            return cls(kind="TIMER", due_at=timer.due_at, **common)
        return cls(kind="BRANCHES", **common)


def waiting_for(positions: Sequence[Position]) -> list[dict[str, Any]]:
    """``state.waitingFor``. What waits for its branches or items is left out: they are listed themselves."""
    return [
        {
            "kind": each.kind,
            "stepId": each.step_id,
            "since": each.since,
            **({"taskId": str(each.task_id)} if each.task_id else {}),
            **({"title": each.title} if each.title else {}),
            **({"assignee": each.assignee} if each.assignee else {}),
            **({"candidates": list(each.candidates)} if each.candidates else {}),
            **({"dueAt": each.due_at} if each.due_at else {}),
            **({"instanceId": each.instance_id, "workflowId": each.workflow_id} if each.instance_id else {}),
        }
        for each in positions
        if each.kind not in HOLDERS
    ]


def explain(
    instance: WorkflowInstance, positions: Sequence[Position], queued: dict[str, Any] | None = None
) -> dict[str, Any]:
    """{sentence, since, movesWhen, waitingFor, queue} for a run; ``positions`` are those of its executions that are active.

    ``queued``: its place in the queue for a slot, if it stands in one.
    """
    leaves = [each for each in positions if each.kind not in HOLDERS]
    loop = next((each for each in positions if each.kind == "ITEMS"), None)
    sentence, moves = queue.sentence(queued) if queued is not None else _sentence(instance, leaves, loop)
    return {
        "status": instance.status,
        "sentence": sentence,
        "since": min((each.since for each in leaves), default=instance.updated_at),
        "movesWhen": moves,
        "waitingFor": waiting_for(leaves),
        "queue": queued,
    }


def _sentence(instance: WorkflowInstance, leaves: Sequence[Position], loop: Position | None) -> tuple[str, str]:
    match instance.status:
        case "COMPLETED":
            return "The run is complete.", "Nothing: it has reached its end."
        case "FAILED":
            error = instance.error or {}
            where = (error.get("details") or {}).get("stepId")
            at = f" at {where}" if where else ""
            return f"The run failed{at}: {error.get('message', '')}", "Retry it from a step once the cause is mended."
        case "CANCELLED":
            reason = (instance.cancellation or {}).get("reason")
            return "The run was cancelled" + (f": {reason}" if reason else "."), "Retry it to go on after all."
        case "SUSPENDED":
            return "The run is suspended; what comes in is kept.", "Somebody resumes it."
        case "CREATED":
            return "The run is accepted and has not begun.", "A worker begins it."
    if loop is not None:
        return _items(instance, loop, leaves)
    if not leaves:
        return "The run is being advanced at this moment.", "The worker that is at it goes on."
    if len(leaves) == 1:
        return _waits(leaves[0])
    steps = ", ".join(each.step_id for each in leaves[:5]) + (" …" if len(leaves) > 5 else "")
    return f"{len(leaves)} branches are open: {steps}.", "Any of them ends; " + _waits(leaves[0])[1][
        :1
    ].lower() + _waits(leaves[0])[1][1:]


def _items(instance: WorkflowInstance, loop: Position, leaves: Sequence[Position]) -> tuple[str, str]:
    counts = loop.items or {}
    plan = plan_for(instance.definition_id)
    name = plan.steps[loop.step_id].name if loop.step_id in plan.steps else loop.step_id
    failed = f"; {counts['failed']:,} failed" if counts["failed"] else ""
    sentence = f"Waits for {counts['left']:,} of {counts['total']:,} items of “{name}”{failed}."
    if not leaves:
        return sentence, "A worker goes on with them."
    return sentence, f"Any of its items goes on. The first: {_waits(leaves[0])[0]}"


def _waits(position: Position) -> tuple[str, str]:
    step = position.step_id
    if position.kind == "HUMAN":
        title = position.title or step
        if position.assignee:
            who = position.assignee
            return f"Waits for {who} to complete “{title}”.", f"{who} completes the task."
        who = ", ".join(position.candidates) or "somebody who may take it"
        return (
            f"“{title}” is open to {who}; nobody has taken it yet.",
            "Somebody of them claims and completes the task.",
        )
    if position.kind == "EVENT":
        until = f", until {position.due_at:%Y-%m-%d %H:%M:%S %Z}" if position.due_at else ""
        return f"Waits at {step} for an event {position.title}{until}.", f"An event {position.title} arrives."
    if position.kind == "CHILD":
        return (
            f"Waits at {step} for the run of {position.workflow_id} that it has started.",
            f"The run of {position.workflow_id} ends.",
        )
    if position.kind == "TIMER":
        when = f" until {position.due_at:%Y-%m-%d %H:%M:%S %Z}" if position.due_at else ""
        if position.error:
            message = position.error.get("message", "")
            return f"{step} failed ({message}) and is tried again{when}.", f"Attempt {position.attempt} begins."
        return f"Waits at {step}{when}.", "The time comes."
    if position.error:
        message = position.error.get("message", "")
        return f"{step} failed ({message}) and is tried again.", f"Attempt {position.attempt} ends well."
    return f"A worker is to run {step}, or is at it.", "The task ends."
