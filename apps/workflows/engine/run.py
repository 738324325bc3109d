"""The working copy of one advance: everything the step types, joins and failure rules change goes through here."""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from .plan import Expression, Plan, Step
from .state import (
    ArmTimer,
    CancelBelow,
    CancelWork,
    Command,
    Decision,
    DisarmTimers,
    EmitEvent,
    Execution,
    Failure,
    Instance,
    OpenHumanTask,
    RunTask,
    Signal,
    State,
    execution_id,
)
from .transitions import TERMINAL, InstanceStatus, StepStatus, check_execution


@dataclass(frozen=True, slots=True)
class Move:
    """A path that is about to enter a step. ``input``: an edited input that replaces what the step would compute."""

    step_id: str
    scope: str = ""
    parent_id: UUID | None = None
    branch: int = 0
    input: Any = None
    edited: bool = False


class Unusable(Exception):
    """An expression gave a value that the run cannot go on with. ``code`` says which kind."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


MAX_VALUE = 4 * 1024 * 1024
"""The largest value that an expression may give, as :func:`weight` measures it."""

MAX_ADVANCE = 64 * 1024 * 1024
"""The same for all values of one advance together. A loop that doubles a text must not take the process with it."""


def weight(value: Any) -> int:
    """About how many bytes of JSON a value is."""
    try:
        return len(marshal.dumps(value, 2))  # the quickest count there is; it makes no difference what it writes
    except ValueError:  # nested too deep, or no plain data
        return len(repr(value))


class Run:
    """One advance at work. The state it was given stays untouched until the caller takes the decision."""

    def __init__(self, plan: Plan, state: State, now: datetime) -> None:
        self.plan, self.now = plan, now
        self.instance: Instance = state.instance.copy()
        self.executions: dict[UUID, Execution] = dict(state.executions)
        self.results: dict[str, Execution] = dict(state.results)
        self.moves: deque[Move] = deque()
        self.held: list[Signal] = []
        self.history: list[dict[str, Any]] = []
        self._commands: list[Command] = []
        self._new: dict[UUID, Execution] = {}
        self._changed: dict[UUID, Execution] = {}
        self._context: dict[str, Any] | None = None
        self._weight = 0

    # Reading

    @property
    def over(self) -> bool:
        return self.instance.status in TERMINAL

    def evaluate(self, expression: Expression, extra: Mapping[str, Any] | None = None) -> Any:
        """Raises the language's error, or Unusable for a value that is too large."""
        context = self.context()
        value = expression.evaluate(context if extra is None else {**context, **extra})
        if isinstance(value, str | dict | list | tuple):
            self._weight += (mine := weight(value))
            if mine > MAX_VALUE or self._weight > MAX_ADVANCE:
                whose = "The value" if mine > MAX_VALUE else "What the run computed at one go"
                raise Unusable("VALUE_TOO_LARGE", f"{whose} is too large; keep less, or keep a reference to it.")
        return value

    def is_true(self, expression: Expression, extra: Mapping[str, Any] | None = None) -> bool:
        value = self.evaluate(expression, extra)
        if value is True or value is False:
            return bool(value)
        raise Unusable("NOT_BOOLEAN", f"The condition gave {type(value).__name__} instead of true or false.")

    def context(self) -> dict[str, Any]:
        """What expressions see. Built once an advance; step results are added to it as steps end."""
        if self._context is None:
            instance = self.instance
            self._context = {
                "input": instance.input,
                "vars": instance.variables,
                "steps": {step_id: execution.result() for step_id, execution in self.results.items()},
                "workflow": {
                    "instance": {
                        "id": str(instance.id),
                        "startedAt": instance.started_at.isoformat(),
                        "correlationId": instance.correlation_id,
                        "definition": instance.definition,
                    },
                    "cancellation": instance.cancellation or {},
                },
                "now": self.now,
            }
        return self._context

    # Writing

    def record(self, kind: str, execution: Execution | None = None, data: dict[str, Any] | None = None) -> None:
        """Add a history entry; ``seq`` counts on without a gap."""
        self.instance.seq += 1
        entry: dict[str, Any] = {"seq": self.instance.seq, "type": kind}
        if execution is not None:
            entry |= {"stepId": execution.step_id, "visit": execution.visit, "executionId": execution.id}
            execution.seq = self.instance.seq
        if data:
            entry["data"] = data
        self.history.append(entry)

    def command(self, command: Command) -> None:
        self._commands.append(command)

    def open(self, move: Move) -> Execution:
        """The execution of the step that a path enters now."""
        instance, step_id = self.instance, move.step_id
        key = f"{move.scope}/{step_id}" if move.scope else step_id
        if step_id in self.plan.cyclic or key in instance.visits:
            visit = instance.visits[key] = instance.visits.get(key, 0) + 1
        else:
            # A step outside every loop is entered once between two retries of the run.
            visit = 1 + instance.visits.get("*", 0)
        execution = Execution(
            id=execution_id(instance, move.scope, step_id, visit),
            step_id=step_id,
            visit=visit,
            status=StepStatus.RUNNING,
            scope=move.scope,
            parent_id=move.parent_id,
            branch=move.branch,
            started_at=self.now,
        )
        self.executions[execution.id] = self._new[execution.id] = execution
        if instance.status is not InstanceStatus.COMPENSATING:  # where a retry would go on
            instance.current_step_id = step_id
        parent = {"parentId": move.parent_id, "branch": move.branch} if move.parent_id else None
        self.record("STEP_STARTED", execution, parent)
        return execution

    def touch(self, execution: Execution) -> Execution:
        """The copy of a loaded execution that may be changed."""
        if execution.id in self._new or execution.id in self._changed:
            return self.executions[execution.id]
        copy = replace(execution, data=None if execution.data is None else dict(execution.data))
        self.executions[copy.id] = self._changed[copy.id] = copy
        return copy

    def set_status(self, execution: Execution, status: StepStatus) -> None:
        if execution.status is not status:
            check_execution(execution.status, status)
            execution.status = status
        if not execution.active:
            execution.completed_at = execution.completed_at or self.now
            execution.data = None

    def set_result(self, execution: Execution) -> None:
        """Let ``steps.<id>`` show this execution from now on."""
        self.results[execution.step_id] = execution
        if self._context is not None:
            self._context["steps"][execution.step_id] = execution.result()

    def cancel_below(self, parent: Execution | None) -> None:
        """End every position below ``parent`` (of the whole run when None) that there is so far.

        Those this advance knows end here, with whatever it wanted done for them; the command ends those it never loaded.
        It is carried out on what there was before the advance, so that what comes later in it is spared.
        """
        known = [each for each in self.executions.values() if each.active and self._is_below(each, parent)]
        for each in known:
            self.set_status(self.touch(each), StepStatus.CANCELLED)
        ended = {each.id for each in known}
        self._commands = [
            command
            for command in self._commands
            if not (isinstance(command, RunTask | OpenHumanTask | ArmTimer) and command.execution_id in ended)
        ]
        if parent is None:
            self.moves.clear()
        else:
            self.moves = deque(move for move in self.moves if not self._leads_below(move.parent_id, parent))
        self.command(CancelBelow(None if parent is None else parent.id))
        self.record("STEP_CANCELLED", None, {"below": None if parent is None else parent.id})

    def _is_below(self, execution: Execution, parent: Execution | None) -> bool:
        return parent is None or self._leads_below(execution.parent_id, parent)

    def _leads_below(self, parent_id: UUID | None, ancestor: Execution) -> bool:
        while parent_id is not None:
            if parent_id == ancestor.id:
                return True
            parent = self.executions.get(parent_id)
            parent_id = None if parent is None else parent.parent_id
        return False

    def arm_timeout(self, step: Step, execution: Execution, due: datetime) -> None:
        self.command(ArmTimer(execution.id, "timeout", due))
        execution.data = {**(execution.data or {}), "timer": True}

    def withdraw(self, execution: Execution, *, work: bool) -> None:
        """Take back the execution's timers, and with ``work`` its open task."""
        if work:
            self.command(CancelWork((execution.id,)))
        elif execution.data and execution.data.get("timer"):
            self.command(DisarmTimers((execution.id,)))

    def finish(self, status: InstanceStatus, *, output: Any = None, failure: Failure | None = None) -> None:
        """End the run. The caller has cancelled the positions that are left."""
        if failure is not None:
            self.instance.error = failure.as_json()
        self.instance.status = status
        self.instance.output = output
        self.instance.completed_at = self.now
        self.moves.clear()
        if self.plan.timeout is not None:  # the run's own timer, also where it was armed a moment ago
            self._commands = [
                each for each in self._commands if not (isinstance(each, ArmTimer) and each.execution_id is None)
            ]
            self.command(CancelBelow(None))
        data = {"output": output} if status is InstanceStatus.COMPLETED else {"error": self.instance.error}
        if status is not InstanceStatus.COMPLETED and output is not None:
            data["output"] = output
        if self.instance.cancellation is not None:
            data["cancellation"] = self.instance.cancellation
        self.record(f"INSTANCE_{status.value}", None, data)

    def emit(self, execution: Execution | None, pattern: str, payload: Any, index: int = 0) -> str:
        # A long pattern is shortened, for an event's id has 255 characters at most.
        name = pattern if len(pattern) <= 200 else blake2b(pattern.encode(), digest_size=16).hexdigest()
        key = f"{execution.id if execution else self.instance.id}:{name}:{index}"
        self.command(EmitEvent(key, pattern, payload))
        self.record("EVENT_EMITTED", execution, {"pattern": pattern, "eventId": key})
        return key

    def decision(self) -> Decision:
        return Decision(
            instance=self.instance,
            new=list(self._new.values()),
            changed=list(self._changed.values()),
            commands=self._commands,
            history=self.history,
            held=self.held,
        )
