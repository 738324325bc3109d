"""Folding a run's history into its state. The fold of all entries is the run's present; of the first n, its past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from .state import ITEM, id_of
from .transitions import InstanceStatus, StepStatus

_STEP_STATUS = {
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
    """A visit of a step as the history tells it. An active one is RUNNING, whatever it waits for.

    ``error``: why it failed, or why it is tried again. Times are those of the entries, where these bear any.
    """

    step_id: str
    visit: int
    status: StepStatus
    parent_id: str | None = None
    attempts: int = 1
    outcome: str | None = None
    error: dict[str, Any] | None = None
    started_at: Any = None
    completed_at: Any = None


@dataclass(slots=True)
class Folded:
    """A run as its history tells it. ``steps`` and ``positions`` (those that have not ended) by execution id."""

    seq: int = 0
    at: Any = None
    status: InstanceStatus = InstanceStatus.CREATED
    variables: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, FoldedStep] = field(default_factory=dict)
    positions: dict[str, FoldedStep] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    current_step_id: str | None = None
    output: Any = None
    error: dict[str, Any] | None = None
    cancellation: dict[str, Any] | None = None
    suspension: dict[str, Any] | None = None
    _before_suspend: InstanceStatus = InstanceStatus.RUNNING

    def take(self, entry: dict[str, Any]) -> None:
        """Take one more entry in. Raises HistoryGap when it does not follow the one before."""
        if entry["seq"] != self.seq + 1:
            raise HistoryGap(f"Entry {entry['seq']} follows entry {self.seq}.")
        self.seq, self.at = entry["seq"], entry.get("at")
        kind, data = entry["type"], entry.get("data") or {}
        if kind in _INSTANCE_STATUS:
            self._take_status(kind, data)
        elif kind in _STEP_STATUS:
            self._end(entry, _STEP_STATUS[kind], data)
        elif kind == "INSTANCE_RESUMED":
            self.status, self.suspension = self._before_suspend, None
        elif kind == "INSTANCE_MIGRATED":
            self._rename(data.get("mapping") or {})
        elif kind == "EVENT_AWAITED":
            if self.steps[str(entry["executionId"])].parent_id is None:
                self.status = InstanceStatus.WAITING_FOR_EVENT
        elif kind == "EVENT_WAIT_ENDED":
            if self.status is InstanceStatus.WAITING_FOR_EVENT:
                self.status = InstanceStatus.RUNNING
        elif kind == "STEP_STARTED":
            self._begin(entry, data)
        elif kind == "ITEMS_CREATED":
            self._create_items(entry, data)
        elif kind == "STEP_RETRY_SCHEDULED":
            step = self.steps[str(entry["executionId"])]
            step.attempts, step.error = data["attempt"], data.get("error")
        elif kind == "STEP_CANCELLED":
            self._cancel(_text(data.get("below")))
        elif kind == "VARIABLES_SET":
            self.variables |= data["variables"]
        elif kind == "EVENT_EMITTED":
            self.events.append(data["eventId"])

    def _take_status(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "INSTANCE_SUSPENDED":
            self._before_suspend = self.status
            self.suspension = {"at": self.at, **data}
        self.status = _INSTANCE_STATUS[kind]
        if kind == "INSTANCE_RETRIED":
            self.output = self.error = self.cancellation = None
        self.output = data.get("output", self.output)
        self.error = data.get("error", self.error)
        self.cancellation = data.get("cancellation", self.cancellation)

    def _begin(self, entry: dict[str, Any], data: dict[str, Any]) -> None:
        key = str(entry["executionId"])
        step = FoldedStep(entry["stepId"], entry["visit"], StepStatus.RUNNING, _text(data.get("parentId")))
        step.started_at = self.at
        self.steps[key] = self.positions[key] = step
        if self.status is not InstanceStatus.COMPENSATING:
            self.current_step_id = step.step_id

    def _create_items(self, entry: dict[str, Any], data: dict[str, Any]) -> None:
        """One entry stands for all the items of a FOR_EACH: their ids follow from where they lie."""
        instance_id, parent = UUID(data["instanceId"]), str(entry["executionId"])
        for index in range(data["total"]):
            key = str(id_of(instance_id, f"{data['items']}[{index}]", data["name"], ITEM))
            step = FoldedStep(entry["stepId"], ITEM, StepStatus.RUNNING, parent)
            step.started_at = self.at
            self.steps[key] = self.positions[key] = step

    def _end(self, entry: dict[str, Any], status: StepStatus, data: dict[str, Any]) -> None:
        key = str(entry["executionId"])
        step = self.steps[key]
        step.status = status
        step.outcome = data.get("outcome", step.outcome)
        step.error = data.get("error", step.error)
        if self.positions.pop(key, None) is not None:
            step.completed_at = self.at

    def _cancel(self, below: str | None) -> None:
        """Only positions are looked at: what has ended stays as it ended, however much of it there is."""
        for key in [key for key, step in self.positions.items() if below is None or self._lies_below(step, below)]:
            step = self.positions.pop(key)
            step.status, step.completed_at = StepStatus.CANCELLED, self.at

    def _lies_below(self, step: FoldedStep, ancestor: str) -> bool:
        parent = step.parent_id
        while parent is not None:
            if parent == ancestor:
                return True
            parent = self.steps[parent].parent_id if parent in self.steps else None
        return False

    def _rename(self, mapping: dict[str, str]) -> None:
        for step in self.steps.values() if mapping else ():
            step.step_id = mapping.get(step.step_id, step.step_id)
        self.current_step_id = mapping.get(self.current_step_id or "", self.current_step_id)


class HistoryGap(Exception):
    """The entries are not numbered one after the other."""


def fold(entries: Iterable[dict[str, Any]]) -> Folded:
    """The state that entries 1 … n lead to. Raises HistoryGap when a number is missing or out of order."""
    state = Folded()
    for entry in entries:
        state.take(entry)
    return state


def _text(value: Any) -> str | None:
    """Ids are UUIDs fresh from the engine and text from the store."""
    return None if value is None else str(value)
