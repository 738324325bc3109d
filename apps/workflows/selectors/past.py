"""A run as it was: its history up to a point, folded, with the results that its steps had by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from apps.tasks.models import Task
from apps.validation.problems import Unprocessable
from apps.workflows.engine.history import Folded, FoldedStep
from apps.workflows.engine.items_told import count_in, inside_items
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.state import ITEM
from apps.workflows.engine.transitions import StepStatus
from apps.workflows.models import HistoryRecord, StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator.plans import plan_for

LONGEST = 1_000_000
"""Entries that are folded at most: reading more of them keeps a process busy for too long."""

SHOWN = 200
"""Positions, and latest events, that are listed one by one."""

_WAITS = frozenset({"HUMAN_TASK", "EVENT_WAIT", "DELAY"})


def seq_at(instance: WorkflowInstance, at: int | datetime) -> int:
    """The number of the last entry at that point: a number, or a time. 0 before the first."""
    if isinstance(at, int):
        return min(at, instance.seq)
    # Times of neighbouring records may be exchanged by the length of a transaction; numbers never are.
    earlier = HistoryRecord.objects.filter(instance_id=instance.id, at__lte=at).order_by("-first_seq")
    return earlier.values_list("last_seq", flat=True).first() or 0


def state_at(instance: WorkflowInstance, seq: int) -> dict[str, Any]:
    """The state after entry ``seq``; as ``state`` of a run now, and besides:

    seq, at, status, definitionVersion, positions [{executionId, stepId, visit, since, attempts}], open (how many there
    are), events [{eventId}] and eventCount, output, error, cancellation, suspension; ``document`` where the run was on
    another version then. Unprocessable for a history that is too long.
    """
    if seq > LONGEST:
        raise Unprocessable(f"A history can be folded up to its entry {LONGEST:,}.")
    folded = Folded()
    for entry in entries_up_to(instance, seq):
        folded.take(entry)
    definition = _definition_at(instance, seq)
    steps = _steps(folded, plan_for(definition.id))
    positions = list(folded.positions.items())
    state = {
        "seq": folded.seq,
        "at": folded.at,
        "status": folded.status.value,
        "definitionVersion": definition.version,
        "variables": folded.variables,
        "currentStepId": folded.current_step_id,
        "steps": steps,
        "positions": [_position(key, step) for key, step in positions[:SHOWN]],
        "open": len(positions),
        "events": [{"eventId": event_id} for event_id in folded.events[-SHOWN:]],
        "eventCount": len(folded.events),
        "output": folded.output,
        "error": folded.error,
        "cancellation": folded.cancellation,
        "suspension": folded.suspension,
    }
    if definition.pk != instance.definition_id:
        state["document"] = definition.document
    return state


def entries_up_to(instance: WorkflowInstance, seq: int) -> Iterator[dict[str, Any]]:
    """Entries 1 … seq in order, read in pieces."""
    records = HistoryRecord.objects.filter(instance_id=instance.id, first_seq__lte=seq).order_by("first_seq")
    for at, entries in records.values_list("at", "entries").iterator(chunk_size=500):
        for entry in entries:
            if entry["seq"] <= seq:
                yield {**entry, "at": at}


def _definition_at(instance: WorkflowInstance, seq: int) -> WorkflowDefinition:
    """The version the run was on: the one that the next migration after that point took it from, else today's."""
    later = HistoryRecord.objects.filter(
        instance_id=instance.id, last_seq__gt=seq, entries__contains=[{"type": "INSTANCE_MIGRATED"}]
    ).order_by("first_seq")
    for record in later.iterator(chunk_size=10):
        for entry in record.entries:
            if entry["type"] == "INSTANCE_MIGRATED" and entry["seq"] > seq:
                found: WorkflowDefinition = WorkflowDefinition.objects.get(
                    key=instance.workflow_id, version=entry["data"]["from"]
                )
                return found
    present: WorkflowDefinition = WorkflowDefinition.objects.get(id=instance.definition_id)
    return present


def _steps(folded: Folded, plan: Plan) -> dict[str, dict[str, Any]]:
    """Of each step the visit begun last, those inside items as one each for all items. What an ended one gave is looked up: a result never changes any more."""
    latest: dict[str, tuple[str, FoldedStep]] = {}
    for key, step in folded.steps.items():
        parent = folded.steps.get(step.parent_id) if step.parent_id else None
        if parent is None or parent.step_id != step.step_id:  # an item of a loop is no visit of the loop
            latest[step.step_id] = (key, step)
    ids = [key for key, _ in latest.values()]
    rows = {str(row.id): row for row in StepExecution.objects.filter(id__in=ids).only("input", "output")}
    tasks = {str(task.id): task for task in Task.objects.filter(id__in=ids).only("type", "input")}
    told = {name: _step(key, step, rows.get(key), tasks.get(key), plan) for name, (key, step) in latest.items()}
    rows_of = folded.steps.items()
    inside = inside_items((key, step.parent_id, step.visit == ITEM) for key, step in rows_of)
    for key, step in rows_of:
        if step.visit == ITEM or key in inside:
            name = "items" if step.visit == ITEM else "visits"
            count_in(told[step.step_id], name, step.status, step.started_at, step.completed_at)
    return told


def _step(key: str, step: FoldedStep, row: StepExecution | None, task: Task | None, plan: Plan) -> dict[str, Any]:
    ended = step.status is not StepStatus.RUNNING
    return {
        "status": step.status.value if ended else _active_status(step, task, plan),
        "visit": step.visit,
        "attempts": step.attempts,
        "input": task.input if task is not None else row.input if row is not None and ended else None,
        "output": row.output if row is not None and ended else None,
        "outcome": step.outcome,
        "error": step.error,
        "executionId": key,
        "taskId": None if task is None else key,
        "startedAt": step.started_at,
        "completedAt": step.completed_at,
    }


def _active_status(step: FoldedStep, task: Task | None, plan: Plan) -> str:
    """The history does not tell waiting from running; what kind of step it is does."""
    planned = plan.steps.get(step.step_id)
    waits = planned is not None and planned.type in _WAITS
    return "WAITING" if waits or (task is not None and task.type == Task.Type.MANUAL) else "RUNNING"


def _position(key: str, step: FoldedStep) -> dict[str, Any]:
    return {
        "executionId": key,
        "stepId": step.step_id,
        "visit": step.visit,
        "since": step.started_at,
        "attempts": step.attempts,
    }
