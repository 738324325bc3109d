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

from . import failures, undoing
from .plan import Expression, Plan, Step
from .scopes import Scopes
from .state import (
    ArmTimer,
    CancelBelow,
    CancelChild,
    CancelWork,
    Command,
    Decision,
    DisarmTimers,
    EmitEvent,
    Execution,
    Failure,
    Instance,
    OpenHumanTask,
    RefuseEvent,
    RunTask,
    Signal,
    StartChild,
    State,
    Subscribe,
    Unsubscribe,
    cancel_id,
    execution_id,
    name_of,
)
from .transitions import TERMINAL, InstanceStatus, StepStatus, check_execution


@dataclass(frozen=True, slots=True)
class Move:
    """A path that is about to enter a step. ``input``: an edited input that replaces what the step would compute.

    ``again``: the step is done again, after its last visit did not end well.
    """

    step_id: str
    scope: str = ""
    parent_id: UUID | None = None
    branch: int = 0
    input: Any = None
    edited: bool = False
    again: bool = False


_BEGINNINGS = RunTask | OpenHumanTask | StartChild | Subscribe | ArmTimer
"""What an advance begins for an execution, and takes back when it ends the execution after all."""


class Unusable(Exception):
    """An expression gave a value that the run cannot go on with. ``code`` says which kind."""

    def __init__(
        self, code: str, message: str, *, error_type: str = "EXPRESSION", details: dict[str, Any] | None = None
    ) -> None:
        self.code, self.message, self.type, self.details = code, message, error_type, details or {}
        super().__init__(message)


def failure_of(error: Exception, about: str = "") -> Failure:
    """The failure that an expression's error, or its unusable value, is. ``about``: what the message begins with."""
    if isinstance(error, Unusable):
        return Failure(error.type, error.code, about + error.message, error.details)
    return Failure("EXPRESSION", getattr(error, "code", ""), about + str(getattr(error, "message", error)))


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
        self.earlier: dict[UUID, Execution] = {each.id: each for each in state.earlier}
        self.scopes = Scopes(self.executions, state.inner)
        self.scope = ""
        """The scope that expressions are evaluated in."""
        self.at = ""
        """The place that they stand at, mostly a step: it decides what ``error`` is."""
        self.cause: dict[str, Any] | None = None
        """The event that moves the run now, if one does."""
        self.items_begun = 0
        self.moves: deque[Move] = deque()
        self.held: list[Signal] = []
        self.history: list[dict[str, Any]] = []
        self._commands: list[Command] = []
        self._new: dict[UUID, Execution] = {}
        self._changed: dict[UUID, Execution] = {}
        self._below: dict[UUID, list[UUID]] = {}
        for execution in self.executions.values():
            self._note_parent(execution)
        self._context: dict[str, Any] | None = None
        self.weight = 0
        self.undoes = False
        """Whether completed work is undone: then children that are cancelled undo theirs too."""

    # Reading

    @property
    def over(self) -> bool:
        return self.instance.status in TERMINAL

    def evaluate(self, expression: Expression, extra: Mapping[str, Any] | None = None) -> Any:
        """Raises the language's error, or Unusable for a value that is too large."""
        context = self.context()
        if self.at in self.plan.errors:
            context = {**context, "error": failures.failure(self)}
        if self.instance.status is InstanceStatus.COMPENSATING:
            context = undoing.shown(self, context)
        value = expression.evaluate(context if extra is None else {**context, **extra})
        return self.bounded(value)

    def bounded(self, value: Any) -> Any:
        """The value itself, if the run may hold one so large; else Unusable."""
        if isinstance(value, str | dict | list | tuple):
            self.weight += (mine := weight(value))
            if mine > MAX_VALUE or self.weight > MAX_ADVANCE:
                whose = "The value" if mine > MAX_VALUE else "What the run computed at one go"
                raise Unusable("VALUE_TOO_LARGE", f"{whose} is too large; keep less, or keep a reference to it.")
        return value

    def is_true(self, expression: Expression, extra: Mapping[str, Any] | None = None) -> bool:
        value = self.evaluate(expression, extra)
        if value is True or value is False:
            return bool(value)
        raise Unusable("NOT_BOOLEAN", f"The condition gave {type(value).__name__} instead of true or false.")

    def context(self) -> dict[str, Any]:
        """What expressions see in the present scope. Built once an advance; step results are added as steps end."""
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
        return self.scopes.context(self.scope, self._context)

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

    def enter(self, step_id: str) -> None:
        """A path of the run's own is about to enter a step."""
        self.moves.append(Move(step_id))

    def open(self, move: Move) -> Execution:
        """The execution of the step that a path enters now."""
        instance, step_id, visit = self.instance, move.step_id, self._next_visit(move)
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
        self.add(execution)
        if instance.status is not InstanceStatus.COMPENSATING:  # where a retry would go on
            instance.current_step_id = step_id
        parent = {"parentId": move.parent_id, "branch": move.branch} if move.parent_id else None
        self.record("STEP_STARTED", execution, parent)
        return execution

    def add(self, execution: Execution) -> None:
        """Take in an execution that there was not before."""
        self.executions[execution.id] = self._new[execution.id] = execution
        self.scopes.add(execution)
        self._note_parent(execution)

    def _note_parent(self, execution: Execution) -> None:
        if execution.parent_id is not None:
            self._below.setdefault(execution.parent_id, []).append(execution.id)

    def _next_visit(self, move: Move) -> int:
        step_id, visits = move.step_id, self.instance.visits
        if (item := self.scopes.item(move.scope)) is not None:
            # An item counts the steps inside it, so that the run's head does not grow with its items.
            item, name = self.touch(item), name_of(self.instance, step_id)
            assert item.data is not None
            inside = item.data["visits"]
            visit: int = inside.get(name, 0) + 1
            item.data = {**item.data, "visits": {**inside, name: visit}}
            return visit
        if self.instance.status is InstanceStatus.COMPENSATING:
            # A step that undoes is entered once for every visit of the step it undoes.
            visits[step_id] = max(visits.get(step_id, 0), visits.get("*", 0)) + 1
            return visits[step_id]
        if step_id in self.plan.cyclic or step_id in visits:
            visits[step_id] = visits.get(step_id, 0) + 1
            return visits[step_id]
        # A step outside every loop is entered once between two retries of the run.
        return 1 + visits.get("*", 0)

    def may_enter(self, move: Move) -> bool:
        """Whether the budget has room for one more step. A run has one, and each item of a FOR_EACH its own."""
        if (item := self.scopes.item(move.scope)) is not None:
            assert item.data is not None
            entered: int = sum(item.data["visits"].values())
            return entered < self.plan.max_transitions
        self.instance.transitions += 1
        return self.instance.transitions <= self.plan.max_transitions

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
        if not execution.scope:
            self.results[execution.step_id] = execution
            if self._context is not None:
                self._context["steps"][execution.step_id] = execution.result()
        self.scopes.show(execution)

    def cancel_below(self, parent: Execution | None) -> None:
        """End every position below ``parent`` (of the whole run when None) that there is so far.

        Those this advance knows end here, with whatever it wanted done for them; the command ends those it never loaded.
        It is carried out on what there was before the advance, so that what comes later in it is spared.
        """
        known = [each for each in self._all_below(parent) if each.active]
        for each in known:
            self.set_status(self.touch(each), StepStatus.CANCELLED)
        ended = {each.id for each in known}
        self._commands = [
            command
            for command in self._commands
            if not (isinstance(command, _BEGINNINGS) and command.execution_id in ended)
        ]
        if parent is None:
            self.moves.clear()
        else:
            self.moves = deque(move for move in self.moves if not self._leads_below(move.parent_id, parent))
        if parent is None or parent.id not in self._new:  # below a new one there was nothing before
            self.command(CancelBelow(None if parent is None else parent.id))
        self.record("STEP_CANCELLED", None, {"below": None if parent is None else parent.id})

    def _all_below(self, parent: Execution | None) -> list[Execution]:
        """What this advance knows below ``parent``, found without a look at all the items beside it."""
        if parent is None:
            return list(self.executions.values())
        found: list[Execution] = []
        pending = [parent.id]
        while pending:
            below = self._below.get(pending.pop(), ())
            found += [self.executions[each] for each in below]
            pending += below
        return found

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
            if execution.data and "instanceId" in execution.data:
                self.command(CancelChild((execution.id,)))
        elif execution.data and execution.data.get("timer"):
            self.command(DisarmTimers((execution.id,)))

    def finish(self, status: InstanceStatus, *, output: Any = None, failure: Failure | None = None) -> None:
        """End the run. The caller has cancelled the positions that are left."""
        if failure is not None:
            self.instance.error = failure.as_json()
        self.end_cancels()
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

    def end_cancels(self) -> None:
        """Wait no more for the events that would cancel the run; while its work is undone it does not already."""
        if not self.plan.cancels or self.instance.status is InstanceStatus.COMPENSATING:
            return
        ids = [cancel_id(self.instance.id, index) for index in range(len(self.plan.cancels))]
        settled = {each.execution_id for each in self._commands if isinstance(each, Subscribe | Unsubscribe)}
        self._commands = [c for c in self._commands if not (isinstance(c, Subscribe) and c.execution_id in ids)]
        for id_ in ids:
            if id_ not in settled:
                self.command(Unsubscribe(id_, "cancelled"))

    def checked(self, pattern: str, payload: Any) -> str:
        """The version of the event's definition. Raises Unusable for a payload that does not fit it."""
        version, problems = self.plan.check_event(pattern, payload)
        if problems:
            message = f"The payload does not fit what the event {pattern} {version} is defined as."
            details = {"pattern": pattern, "version": version, "violations": problems}
            raise Unusable("EVENT_PAYLOAD_INVALID", message, error_type="VALIDATION", details=details)
        return version

    def emit(
        self,
        execution: Execution | None,
        pattern: str,
        payload: Any,
        index: int = 0,
        *,
        task: dict[str, Any] | None = None,
        by: str | None = None,
    ) -> str:
        """Record an event. Raises Unusable for a payload that does not fit the event's definition."""
        version = self.checked(pattern, payload)
        # A long pattern is shortened, for an event's id has 255 characters at most.
        name = pattern if len(pattern) <= 200 else blake2b(pattern.encode(), digest_size=16).hexdigest()
        key = f"{execution.id if execution else self.instance.id}:{name}:{index}"
        self.command(EmitEvent(key, pattern, payload, version, self.cause, task, by))
        self.record("EVENT_EMITTED", execution, {"pattern": pattern, "eventId": key})
        return key

    def refuse_event(self, id_: UUID, event: dict[str, Any], failure: Failure, execution: Execution | None) -> None:
        """Leave an event to people that what waits under ``id_`` (a step's ``execution``, if one does) cannot judge."""
        self.command(RefuseEvent(id_, event, failure))
        data = {"pattern": event.get("pattern"), "eventId": event.get("eventId"), "error": failure.as_json()}
        self.record("EVENT_REFUSED", execution, data)

    def decision(self) -> Decision:
        return Decision(
            instance=self.instance,
            new=list(self._new.values()),
            changed=list(self._changed.values()),
            commands=[self._undoing(each) for each in self._commands] if self.undoes else self._commands,
            history=self.history,
            held=self.held,
        )

    @staticmethod
    def _undoing(command: Command) -> Command:
        return replace(command, compensate=True) if isinstance(command, CancelBelow | CancelChild) else command
