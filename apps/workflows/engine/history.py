"""Folding a run's history into its state. The fold of all entries is the run's present; of the first n, its past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from .state import ITEM, id_of
from .transitions import InstanceStatus, StepStatus

_STEP_STATUS = {
    "STEP_STARTED": StepStatus.RUNNING,
    "STEP_COMPLETED": StepStatus.COMPLETED,
    "STEP_FAILED": StepStatus.FAILED,
    "STEP_SKIPPED": StepStatus.SKIPPED,
    "STEP_MOVED": StepStatus.CANCELLED,
    "STEP_TIMED_OUT": StepStatus.TIMED_OUT,
    "STEP_COMPENSATED": StepStatus.COMPENSATED,
    "ITEM_COMPLETED": StepStatus.COMPLETED,
    "ITEM_FAILED": StepStatus.FAILED,
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
    below: dict[str, list[str]] = field(default_factory=dict)
    """The executions directly below each."""


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
            parent = _text(data.get("parentId"))
            _begin(
                state,
                str(entry["executionId"]),
                FoldedStep(entry["stepId"], entry["visit"], StepStatus.RUNNING, parent),
            )
        elif kind == "ITEMS_CREATED":
            _create_items(state, entry["stepId"], str(entry["executionId"]), data)
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


def _begin(state: Folded, execution_id: str, step: FoldedStep) -> None:
    state.steps[execution_id] = step
    if step.parent_id is not None:
        state.below.setdefault(step.parent_id, []).append(execution_id)


def _create_items(state: Folded, step_id: str, parent: str, data: dict[str, Any]) -> None:
    """One entry stands for all the items of a FOR_EACH: their ids follow from where they lie."""
    instance_id = UUID(data["instanceId"])
    for index in range(data["total"]):
        item = id_of(instance_id, f"{data['items']}[{index}]", data["name"], ITEM)
        _begin(state, str(item), FoldedStep(step_id, ITEM, StepStatus.RUNNING, parent))


def _cancel(state: Folded, below: str | None) -> None:
    for step in state.steps.values() if below is None else _below(state, below):
        if step.status is StepStatus.RUNNING:
            step.status = StepStatus.CANCELLED


def _below(state: Folded, ancestor: str) -> Iterator[FoldedStep]:
    pending = [ancestor]
    while pending:
        found = state.below.get(pending.pop(), [])
        yield from (state.steps[each] for each in found)
        pending += found
