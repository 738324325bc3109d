"""A run kept in memory: what the orchestrator does in Postgres, for simulations, dry runs and property tests.

It gives the engine just the rows the orchestrator would, so that a simulation misses what the live system would miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from . import needs
from .advance import advance
from .plan import Plan
from .state import (
    AnotherTurn,
    ArmTimer,
    CancelBelow,
    CancelChild,
    CancelWork,
    Decision,
    DisarmTimers,
    EmitEvent,
    Execution,
    Instance,
    OpenHumanTask,
    PauseWork,
    RefuseEvent,
    RunTask,
    Signal,
    StartChild,
    Subscribe,
    Unsubscribe,
)
from .transitions import InstanceStatus, SignalKind, StepStatus


@dataclass(slots=True)
class MemoryTimer:
    execution_id: UUID | None
    purpose: str
    due: datetime | None
    remaining: timedelta | None = None


@dataclass
class Memory:
    """One run: its head, all its executions, open work, timers, events and history."""

    plan: Plan
    instance: Instance
    executions: dict[UUID, Execution] = field(default_factory=dict)
    open_work: dict[UUID, RunTask | OpenHumanTask | StartChild] = field(default_factory=dict)
    """By execution: what somebody outside is to answer. A child that nobody waits for is in ``detached``."""
    detached: list[StartChild] = field(default_factory=list)
    subscriptions: dict[UUID, Subscribe] = field(default_factory=dict)
    """By execution: those that are active."""
    timers: list[MemoryTimer] = field(default_factory=list)
    events: dict[str, EmitEvent] = field(default_factory=dict)
    refused: list[RefuseEvent] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    held: list[Signal] = field(default_factory=list)
    inbox: list[Signal] = field(default_factory=list)
    """Turns that steps have asked for."""

    @classmethod
    def begin(cls, plan: Plan, instance_id: UUID, start_input: Any, now: datetime) -> Memory:
        """A run that is accepted and not started."""
        instance = Instance(
            id=instance_id,
            status=InstanceStatus.CREATED,
            input=start_input,
            variables={},
            visits={},
            transitions=0,
            seq=0,
            definition={"workflowId": plan.workflow_id, "version": plan.version},
            started_at=now,
        )
        return cls(plan, instance)

    def give(self, signals: Sequence[Signal], now: datetime) -> Decision:
        """Advance by these signals, and keep what comes of it. Raises IllegalSignal; then nothing has changed."""
        addressed = self._addressed(signals)
        wanted = needs.result_ids(self.plan, self.instance, signals, addressed)
        found = [self.executions[each] for each in wanted if each in self.executions]
        decision = advance(self.plan, needs.state(self.instance, addressed, found), signals, now)
        self.keep(decision, now)
        return decision

    def settle(self, now: datetime) -> None:
        """Give the run every turn it has asked for."""
        while self.inbox:
            self.give([self.inbox.pop(0)], now)

    def _addressed(self, signals: Sequence[Signal]) -> dict[UUID, Execution]:
        found: dict[UUID, Execution] = {}
        for signal in signals:
            execution_id = signal.execution_id
            while execution_id is not None and execution_id in self.executions:
                found[execution_id] = execution = self.executions[execution_id]
                execution_id = execution.parent_id
        return found

    def keep(self, decision: Decision, now: datetime) -> None:
        """Take a decision over: cancellations first, for they concern only what there was before."""
        ended: set[UUID | None] = set()
        for command in decision.commands:
            if isinstance(command, CancelBelow):
                ended |= self._cancel_below(command.execution_id, now)
        self._drop(ended)
        self.subscriptions = {id_: each for id_, each in self.subscriptions.items() if id_ not in ended}
        self.instance = decision.instance
        for execution in decision.new:
            if execution.id in self.executions:
                raise ValueError(f"{execution.step_id} visit {execution.visit} is executed twice")
        self.executions |= {execution.id: execution for execution in (*decision.new, *decision.changed)}
        self.history += decision.history
        self.held += decision.held
        for command in decision.commands:
            match command:
                case RunTask() | OpenHumanTask():
                    self.open_work[command.execution_id] = command
                case ArmTimer():
                    self.timers.append(MemoryTimer(command.execution_id, command.purpose, command.due))
                case EmitEvent():
                    self.events.setdefault(command.key, command)
                case StartChild():
                    if command.wait:
                        self.open_work[command.execution_id] = command
                    else:
                        self.detached.append(command)
                case Subscribe():
                    self.subscriptions[command.execution_id] = command
                case Unsubscribe(execution_id=None):
                    self.subscriptions.clear()
                case Unsubscribe(execution_id=UUID() as execution_id):
                    self.subscriptions.pop(execution_id, None)
                case RefuseEvent():
                    self.refused.append(command)
                case DisarmTimers() | CancelWork() | CancelChild():
                    self._drop(set(command.execution_ids))
                    if isinstance(command, CancelWork):
                        for execution_id in command.execution_ids:
                            self.subscriptions.pop(execution_id, None)
                case PauseWork():
                    self._pause(command.resume, now)
                case AnotherTurn():
                    self.inbox.append(Signal(SignalKind.CONTINUE, command.execution_id))
        self._drop({id_ for id_ in self.open_work if not self.executions[id_].active})
        self.open_work = {id_: work for id_, work in self.open_work.items() if not self._is_over(work)}

    def _is_over(self, work: RunTask | OpenHumanTask | StartChild) -> bool:
        """Whether it is a child that has ended: its step may be about to start another."""
        if not isinstance(work, StartChild):
            return False
        return (self.executions[work.execution_id].data or {}).get("instanceId") != str(work.instance_id)

    def _drop(self, ended: set[UUID | None]) -> None:
        self.timers = [timer for timer in self.timers if timer.execution_id not in ended]
        self.open_work = {id_: work for id_, work in self.open_work.items() if id_ not in ended}

    def _cancel_below(self, parent_id: UUID | None, now: datetime) -> set[UUID | None]:
        ended: set[UUID | None] = {None} if parent_id is None else set()
        for execution in list(self.executions.values()):
            if execution.active and self._is_below(execution, parent_id):
                cancelled = replace(execution, status=StepStatus.CANCELLED, completed_at=now, data=None)
                self.executions[execution.id] = cancelled
                ended.add(execution.id)
        return ended

    def _is_below(self, execution: Execution, ancestor_id: UUID | None) -> bool:
        if ancestor_id is None:
            return True
        parent_id = execution.parent_id
        while parent_id is not None:
            if parent_id == ancestor_id:
                return True
            parent_id = self.executions[parent_id].parent_id
        return False

    def _pause(self, resume: bool, now: datetime) -> None:
        for timer in self.timers:
            if resume and timer.remaining is not None:
                timer.due, timer.remaining = now + timer.remaining, None
            elif not resume and timer.due is not None:
                timer.remaining = timer.due - now
                timer.due = None

    def due(self, now: datetime) -> list[Signal]:
        """Take out the timers that are due by ``now``, in order, as signals."""
        ready = sorted((t for t in self.timers if t.due is not None and t.due <= now), key=lambda t: t.due or now)
        self.timers = [timer for timer in self.timers if timer not in ready]
        return [Signal(SignalKind.TIMER_DUE, timer.execution_id, {"purpose": timer.purpose}) for timer in ready]

    def next_due(self) -> datetime | None:
        """When the next timer is due."""
        return min((timer.due for timer in self.timers if timer.due is not None), default=None)
