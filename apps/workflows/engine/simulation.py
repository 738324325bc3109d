"""Running a plan to its end in memory, on a virtual clock, with mocks for the outside world. The same engine as live."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from .items_told import count_in, inside_items
from .memory import Memory
from .plan import Plan
from .state import Execution, OpenHumanTask, RunTask, Signal, StartChild
from .transitions import TERMINAL, InstanceStatus, SignalKind, StepStatus

MAX_ROUNDS = 100_000


@dataclass(slots=True)
class Mock:
    """The answer of the outside world to a step or task. ``times`` None: every time; else it is used up."""

    target: str
    output: Any = None
    outcome: str | None = None
    error: Mapping[str, Any] | None = None
    delay: timedelta = timedelta()
    times: int | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any], duration: Any) -> Mock:
        """From a test definition's mock: {taskId | stepId | workflowId, response | error, action, delay, times}."""
        error = document.get("error")
        if isinstance(error, str):
            error = {"code": error}
        response = document.get("response")
        outcome = document.get("action") or document.get("outcome")
        if outcome is None and isinstance(response, dict) and isinstance(response.get("outcome"), str):
            outcome = response["outcome"]
        return cls(
            target=document.get("stepId") or document.get("taskId") or document["workflowId"],
            output=response,
            outcome=outcome,
            error=error,
            delay=duration(document["delay"]) if "delay" in document else timedelta(),
            times=document.get("times"),
        )

    def signal(self, execution_id: UUID) -> Signal:
        if self.error is None:
            data = {"output": self.output, "outcome": self.outcome}
            return Signal(SignalKind.TASK_COMPLETED, execution_id, data)
        error = {"type": "PERMANENT", "code": "FAILED", "message": "mocked failure", **self.error}
        error.setdefault("retryable", error["type"] == "TRANSIENT")
        return Signal(SignalKind.TASK_FAILED, execution_id, {"error": error})

    def child_signal(self, child: StartChild) -> Signal:
        """The end of a child that a step waits for."""
        told = self.signal(child.execution_id)
        data: dict[str, Any] = {"instanceId": str(child.instance_id)}
        if self.error is None:
            return Signal(SignalKind.CHILD_COMPLETED, child.execution_id, data | {"output": self.output})
        given = told.data["error"]
        error = {name: given[name] for name in ("type", "code", "message", "retryable")} | {"details": data}
        return Signal(SignalKind.CHILD_FAILED, child.execution_id, data | {"error": error})


@dataclass(slots=True)
class Asked:
    """One attempt of something the outside world was asked for: a task, a child, or (``work`` None) an event.

    ``at`` and ``answered_at`` on the virtual clock; ``mock`` None: nobody answered.
    """

    execution_id: UUID
    step_id: str
    visit: int
    attempt: int
    work: RunTask | OpenHumanTask | StartChild | None
    input: Any
    at: datetime
    mock: Mock | None = None
    answered_at: datetime | None = None


@dataclass
class Simulation:
    """A run with its clock and its mocks. ``unanswered``: steps that wait for something no mock answers.

    ``asked``: everything the outside world was asked for. ``answer``: may answer what no mock answers, or overrule the
    mock (None: leaves it as it is).
    """

    plan: Plan
    memory: Memory
    now: datetime
    mocks: Sequence[Mock]
    answer: Callable[[Asked], Mock | None] = lambda asked: None
    asked: list[Asked] = field(default_factory=list)
    agenda: list[tuple[datetime, int, Signal]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _begun: set[tuple[UUID, int]] = field(default_factory=set)
    _inputs: dict[UUID, Any] = field(default_factory=dict)
    _awaited: dict[UUID, Execution] = field(default_factory=dict)
    _let_go: int = 0

    @classmethod
    def begin(
        cls,
        plan: Plan,
        *,
        instance_id: UUID,
        start_input: Any,
        now: datetime,
        mocks: Sequence[Mock] = (),
        answer: Callable[[Asked], Mock | None] = lambda asked: None,
    ) -> Simulation:
        return cls(plan, Memory.begin(plan, instance_id, start_input, now), now, mocks, answer)

    def at(self, when: datetime, signal: Signal) -> None:
        """Let something happen later."""
        heapq.heappush(self.agenda, (when, next(self._order), signal))

    def run(self) -> None:
        """Go on until the run is over, or nothing more can happen without somebody answering."""
        if self.memory.instance.seq == 0:
            self._give([Signal(SignalKind.START)])
        for _ in range(MAX_ROUNDS):
            if self.memory.instance.status in TERMINAL and not self.agenda:
                break
            due = min(filter(None, (self.agenda[0][0] if self.agenda else None, self.memory.next_due())), default=None)
            if due is None:
                break
            self.now = max(self.now, due)
            signals = self.memory.due(self.now)
            while self.agenda and self.agenda[0][0] <= self.now:
                signals.append(heapq.heappop(self.agenda)[2])
            for signal in signals:
                self._give([signal])
                self._give_held()
        open_steps = [work.step_id for id_, work in self.memory.open_work.items() if self.memory.executions[id_].active]
        awaited = [each for each in self._awaited.values() if self.memory.executions[each.id].active]
        self.unanswered = sorted(open_steps + [each.step_id for each in awaited])

    def _give_held(self) -> None:
        """What came while the run was suspended is worked on once it goes on."""
        if self.memory.held and self.memory.instance.status is not InstanceStatus.SUSPENDED:
            held, self.memory.held = self.memory.held, []
            if self.memory.instance.status not in TERMINAL:
                self._give(held)

    def _give(self, signals: Sequence[Signal]) -> None:
        before = len(self.memory.history)
        self.memory.give(signals, self.now)
        self.memory.settle(self.now)
        for entry in self.memory.history[before:]:
            entry["at"] = self.now
            if entry["type"] == "STEP_STARTED":
                self.path.append(entry["stepId"])
            elif entry["type"] == "EVENT_AWAITED":
                self._await(self.memory.executions[entry["executionId"]])
        for execution_id, work in list(self.memory.open_work.items()):
            execution = self.memory.executions[execution_id]
            if execution.active and (execution_id, execution.attempt) not in self._begun:
                self._ask(execution, work)

        for child in self.memory.detached[self._let_go :]:
            self._let_go += 1
            begun = self.memory.executions[child.execution_id]
            self.asked.append(Asked(begun.id, begun.step_id, begun.visit, begun.attempt, child, child.input, self.now))

    def _ask(self, execution: Execution, work: RunTask | OpenHumanTask | StartChild) -> None:
        self._begun.add((execution.id, execution.attempt))
        again = isinstance(work, RunTask) and work.again
        value = self._inputs[execution.id] = self._inputs.get(execution.id) if again else work.input
        delay = timedelta(seconds=work.delay) if isinstance(work, RunTask) else timedelta()
        asked = Asked(
            execution.id, execution.step_id, execution.visit, execution.attempt, work, value, self.now + delay
        )
        step = self.plan.steps[work.step_id]
        names = {work.step_id}
        if step.task is not None:
            names.add(step.task.task_id)
        if step.child is not None:
            names.add(step.child.workflow_id)
        self._answer(asked, names)
        if asked.mock is not None and asked.answered_at is not None:
            mock = asked.mock
            signal = mock.child_signal(work) if isinstance(work, StartChild) else mock.signal(execution.id)
            self.at(asked.answered_at, signal)

    def _await(self, execution: Execution) -> None:
        """An event is mocked by the step that waits for it; ``response`` is its payload."""
        self._awaited[execution.id] = execution
        asked = Asked(execution.id, execution.step_id, execution.visit, execution.attempt, None, None, self.now)
        self._answer(asked, {execution.step_id})
        if asked.mock is not None and asked.mock.error is None and asked.answered_at is not None:
            pattern = (execution.data or {}).get("eventPattern", "")
            event = {"eventId": f"mock:{execution.id}", "pattern": pattern, "payload": asked.mock.output}
            event |= {"metadata": {}, "source": {"type": "external"}, "timestamp": asked.answered_at.isoformat()}
            self.at(asked.answered_at, Signal(SignalKind.EVENT, execution.id, {"event": event}))

    def _answer(self, asked: Asked, names: set[str]) -> None:
        self.asked.append(asked)
        mock = next((each for each in self.mocks if each.target in names and each.times != 0), None)
        asked.mock = mock
        asked.mock = self.answer(asked) or mock
        if mock is not None and mock.times is not None:
            mock.times -= 1
        if asked.mock is not None:
            asked.answered_at = asked.at + asked.mock.delay

    def steps(self) -> dict[str, dict[str, Any]]:
        """The latest visit of each step: {status, output, error, outcome, input, visit, attempts, executed, times}.

        Of a FOR_EACH also ``items``, of a step inside one ``visits``: {total, byStatus} of all of them.
        """
        executions = self.memory.executions
        found: dict[str, dict[str, Any]] = {}
        for execution in sorted(executions.values(), key=lambda each: each.visit):
            ran = execution.status not in (StepStatus.SKIPPED,)
            found[execution.step_id] = execution.result() | {
                "visit": execution.visit,
                "executed": ran,
                "input": self._inputs.get(execution.id, execution.input),
                "outcome": execution.outcome,
                "attempts": execution.attempt,
                "startedAt": execution.started_at,
                "completedAt": execution.completed_at,
            }
        inside = inside_items((each.id, each.parent_id, each.is_item) for each in executions.values())
        for execution in executions.values():
            if execution.is_item or execution.id in inside:
                name = "items" if execution.is_item else "visits"
                count_in(found[execution.step_id], name, execution.status, execution.started_at, execution.completed_at)
        return found
