"""Folding a run's history into its state. The fold of all entries is the run's present; of the first n, its past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .transitions import InstanceStatus, StepStatus

_STEP_STATUS = {
    "STEP_STARTED": StepStatus.RUNNING,
    "STEP_COMPLETED": StepStatus.COMPLETED,
    "STEP_FAILED": StepStatus.FAILED,
    "STEP_SKIPPED": StepStatus.SKIPPED,
    "STEP_MOVED": StepStatus.CANCELLED,
    "STEP_TIMED_OUT": StepStatus.TIMED_OUT,
    "STEP_COMPENSATED": StepStatus.COMPENSATED,
}
_INSTANCE_STATUS = {
    "INSTANCE_STARTED": InstanceStatus.RUNNING,
    "INSTANCE_RETRIED": InstanceStatus.RUNNING,
    "INSTANCE_SUSPENDED": InstanceStatus.SUSPENDED,
    "INSTANCE_COMPLETED": InstanceStatus.COMPLETED,
    "INSTANCE_FAILED": InstanceStatus.FAILED,
    "INSTANCE_CANCELLED": InstanceStatus.CANCELLED,
    "COMPENSATION_STARTED": InstanceStatus.COMPENSATING,
}


@dataclass(slots=True)
class FoldedStep:
    """A visit of a step as the history tells it. An active one is RUNNING, whatever it waits for."""

    step_id: str
    visit: int
    status: StepStatus
    parent_id: str | None = None


@dataclass(slots=True)
class Folded:
    """A run as its history tells it. ``steps`` by execution id."""

    seq: int = 0
    status: InstanceStatus = InstanceStatus.CREATED
    variables: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, FoldedStep] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


class HistoryGap(Exception):
    """The entries are not numbered one after the other."""


def fold(entries: Iterable[dict[str, Any]]) -> Folded:
    """The state that entries 1 … n lead to. Raises HistoryGap when a number is missing or out of order."""
    state = Folded()
    before_suspend = InstanceStatus.RUNNING
    for entry in entries:
        if entry["seq"] != state.seq + 1:
            raise HistoryGap(f"Entry {entry['seq']} follows entry {state.seq}.")
        state.seq = entry["seq"]
        kind, data = entry["type"], entry.get("data") or {}
        if kind == "INSTANCE_SUSPENDED":
            before_suspend = state.status
        if kind in _INSTANCE_STATUS:
            state.status = _INSTANCE_STATUS[kind]
        elif kind == "INSTANCE_RESUMED":
            state.status = before_suspend
        elif kind == "EVENT_AWAITED":
            if state.steps[str(entry["executionId"])].parent_id is None:
                state.status = InstanceStatus.WAITING_FOR_EVENT
        elif kind == "EVENT_WAIT_ENDED":
            if state.status is InstanceStatus.WAITING_FOR_EVENT:
                state.status = InstanceStatus.RUNNING
        elif kind == "STEP_STARTED":
            state.steps[str(entry["executionId"])] = FoldedStep(
                entry["stepId"], entry["visit"], StepStatus.RUNNING, _text(data.get("parentId"))
            )
        elif kind in _STEP_STATUS:
            state.steps[str(entry["executionId"])].status = _STEP_STATUS[kind]
        elif kind == "STEP_CANCELLED":
            _cancel(state, _text(data.get("below")))
        elif kind == "VARIABLES_SET":
            state.variables |= data["variables"]
        elif kind == "EVENT_EMITTED":
            state.events.append(data["eventId"])
    return state


def _text(value: Any) -> str | None:
    """Ids are UUIDs fresh from the engine and text from the store."""
    return None if value is None else str(value)


def _cancel(state: Folded, below: str | None) -> None:
    for step in state.steps.values():
        if step.status is StepStatus.RUNNING and (below is None or _lies_below(state, step, below)):
            step.status = StepStatus.CANCELLED


def _lies_below(state: Folded, step: FoldedStep, ancestor: str) -> bool:
    parent = step.parent_id
    while parent is not None:
        if parent == ancestor:
            return True
        parent = state.steps[parent].parent_id if parent in state.steps else None
    return False
