"""What the engine is given and what it gives back: instance, executions, signals, commands, decision. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from .concurrency import Claim
from .transitions import ACTIVE_STEP, InstanceStatus, SignalKind, StepStatus


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed. ``type``: TRANSIENT, PERMANENT, VALIDATION, TIMEOUT, EXPRESSION or ENGINE."""

    type: str
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    retryable: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"type": self.type, "code": self.code, "message": self.message, "details": self.details}


ITEM = 0
"""The visit of an item of a FOR_EACH: it is none, the visits of its steps lie below it."""


@dataclass(slots=True)
class Execution:
    """One visit of one step. ``data`` is what its step type keeps while it is active (join counters, …)."""

    id: UUID
    step_id: str
    visit: int
    status: StepStatus
    scope: str = ""
    parent_id: UUID | None = None
    branch: int = 0
    attempt: int = 1
    input: Any = None
    output: Any = None
    outcome: str | None = None
    error: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    seq: int = 0
    """The number of the history entry that changed it last: the order in which things were completed."""

    @property
    def is_item(self) -> bool:
        """Whether this is an item of a FOR_EACH, not a visit of a step.

        An item has the FOR_EACH's step id, its own scope, its index as ``branch``, its value as ``input``, its result as
        ``output``, and while it is under way how often it has entered each of its steps as ``data["visits"]``.
        """
        return self.visit == ITEM

    @property
    def active(self) -> bool:
        return self.status in ACTIVE_STEP

    def result(self) -> dict[str, Any]:
        """What ``steps.<id>`` shows of it in an expression."""
        return {"status": self.status.value, "output": self.output, "error": self.error}


@dataclass(slots=True)
class Instance:
    """The head of a run: everything about it that does not grow."""

    id: UUID
    status: InstanceStatus
    input: Any
    variables: dict[str, Any]
    visits: dict[str, int]
    transitions: int
    seq: int
    definition: dict[str, Any]
    started_at: datetime
    correlation_id: str | None = None
    output: Any = None
    error: dict[str, Any] | None = None
    cancellation: dict[str, Any] | None = None
    compensation: dict[str, Any] | None = None
    current_step_id: str | None = None
    resume_to: InstanceStatus | None = None
    completed_at: datetime | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    """Step → the name that the ids of its executions are made of, where a migration has renamed it."""
    trigger_event_id: str | None = None
    """The event that started it."""
    depth: int = 0
    """How many runs it was started through: 0 for one that no other run started."""

    def copy(self) -> Instance:
        return replace(self, variables=dict(self.variables), visits=dict(self.visits))


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened to a run. ``data`` by kind:

    START {}, TASK_COMPLETED {output, outcome}, TASK_FAILED {error: Failure fields}, TIMER_DUE {purpose},
    CANCEL {reason, requestedBy, source, shouldCompensate}, SUSPEND / RESUME {reason, requestedBy},
    RETRY {stepId?, input?, whole?, requestedBy, reason}, EVENT {event}, SKIP {stepId?, output?, outcome?, requestedBy, reason},
    MOVE {to, input?, requestedBy, reason}, CONTINUE {}: a step, or what undoes, gets the turn it asked for,
    CHILD_COMPLETED {instanceId, output}, CHILD_FAILED {instanceId, error: Failure fields},
    LOOK_BACK {after?}: a wait gets its turn to look for events that came before it; ``after`` as in :class:`LookBack`,
    CANCEL_EVENT {event, pattern?}: one that may cancel the run; ``pattern``: of the trigger that it was found by.
    """

    kind: SignalKind
    execution_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


# Commands: what must happen outside the engine, in the same transaction as the new state.


@dataclass(frozen=True, slots=True)
class RunTask:
    """Put an automated task into the ready queue, ``delay`` seconds from now.

    ``timeout``: seconds one attempt may take (None: what the task definition says). ``again``: it was run before.
    """

    execution_id: UUID
    step_id: str
    definition_id: UUID
    type: str
    input: Any
    attempt: int
    timeout: float | None = None
    delay: float = 0.0
    again: bool = False


@dataclass(frozen=True, slots=True)
class OpenHumanTask:
    """Open a task for a person. ``manual``: the evaluated parameters (assignee, candidateUsers, dueIn, form, …)."""

    execution_id: UUID
    step_id: str
    definition_id: UUID | None
    input: Any
    manual: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start another workflow's run. ``wait``: this run waits for its end, and ends it with the step."""

    execution_id: UUID
    step_id: str
    instance_id: UUID
    definition_id: UUID
    workflow_id: str
    version: str
    input: Any
    wait: bool
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class CancelChild:
    """Cancel the runs that these executions wait for. ``compensate``: their completed work is undone first."""

    execution_ids: tuple[UUID, ...]
    compensate: bool = False


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Write down what a step waits for. ``correlation``: path in the event → the value it must have.

    ``step_id`` None: no step waits for it; the event cancels the run.
    """

    execution_id: UUID
    step_id: str | None
    pattern: str
    condition: str | None
    correlation: dict[str, Any]
    timeout_at: datetime | None = None
    timeout_handler: str | None = None
    lookback: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """That the wait is over: fulfilled (by an event), expired, or cancelled. ``execution_id`` None: all the run's waits are."""

    execution_id: UUID | None
    status: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class LookBack:
    """Bring a wait the next of the events that came before it. ``after``: where the page before ended: (time, id) as text."""

    execution_id: UUID
    after: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RefuseEvent:
    """That an event could not be judged by what waits for it, which goes on waiting; somebody is to look at the event."""

    execution_id: UUID
    event: dict[str, Any]
    failure: Failure


@dataclass(frozen=True, slots=True)
class CancelWork:
    """Withdraw the open task and the timers of these executions."""

    execution_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class CancelBelow:
    """End every execution below ``execution_id`` (of the whole run when None), with its task, timers, child, subscription.

    Carried out first, on what was active before the advance: what the advance itself opened is spared. ``compensate``: the
    work that children have completed is undone.
    """

    execution_id: UUID | None
    compensate: bool = False


@dataclass(frozen=True, slots=True)
class ArmTimer:
    """Send TIMER_DUE for this execution (for the run when None) at ``due``. ``purpose``: delay, timeout, retry."""

    execution_id: UUID | None
    purpose: str
    due: datetime


@dataclass(frozen=True, slots=True)
class DisarmTimers:
    execution_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class PauseWork:
    """Stop every timer, every task not yet begun and every child that is waited for (``resume`` False), or let them go on."""

    resume: bool


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """Record an event. ``key`` is unique for this emission, so recording it twice is one event.

    ``version``: of its definition. ``cause``: the event that moved the run here, if one did. ``task``: the task that it is
    about, where it is not the run that says it, and ``by``: who completed that.
    """

    key: str
    pattern: str
    payload: Any
    version: str = "1.0.0"
    cause: dict[str, Any] | None = None
    task: dict[str, Any] | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class AnotherTurn:
    """Send CONTINUE for this execution (None: for what undoes the run's work) at once.

    There is more to do than one advance should, or has the rows for.
    """

    execution_id: UUID | None


Command = (
    RunTask | OpenHumanTask | StartChild | Subscribe | Unsubscribe | LookBack | RefuseEvent | CancelWork
    | CancelChild | CancelBelow | ArmTimer | DisarmTimers | PauseWork | EmitEvent | AnotherTurn
)  # fmt: skip


@dataclass(slots=True)
class State:
    """What an advance is given of a run.

    ``executions``: those that the signals address, with the executions they are nested in, and the items that
    ``needs.result_ids`` names. ``results``: by step id, the latest execution of each step that it names; ``inner``: by
    scope, the same of the steps inside items. ``earlier``: visits before the latest, where completed work is undone.
    """

    instance: Instance
    executions: dict[UUID, Execution]
    results: dict[str, Execution]
    inner: dict[str, dict[str, Execution]] = field(default_factory=dict)
    earlier: list[Execution] = field(default_factory=list)


@dataclass(slots=True)
class Decision:
    """What an advance decided. ``new`` and ``changed`` executions are disjoint; ``history`` is in order, from seq + 1."""

    instance: Instance
    new: list[Execution]
    changed: list[Execution]
    commands: list[Command]
    history: list[dict[str, Any]]
    held: list[Signal]


def execution_id(instance: Instance, scope: str, step_id: str, visit: int) -> UUID:
    """The id of an execution: made from what it is, so that doing the same thing twice meets the primary key.

    The first half is the instance's own (time-ordered), which keeps a run's rows together in the index.
    """
    return id_of(instance.id, scope, name_of(instance, step_id), visit)


def id_of(instance_id: UUID, scope: str, name: str, visit: int) -> UUID:
    """The same, where a step's ``name`` in ids is known."""
    digest = blake2b(f"{scope}\0{name}\0{visit}".encode(), digest_size=8, key=instance_id.bytes).digest()
    return UUID(bytes=instance_id.bytes[:8] + digest)


def name_of(instance: Instance, step_id: str) -> str:
    """What ids and scopes are made of: the step's own name, or the one that it had before a migration renamed it."""
    return instance.aliases.get(step_id, step_id)


def items_of(instance: Instance, execution: Execution) -> str:
    """What the scopes of the items of a FOR_EACH begin with. Each attempt has items of its own."""
    outer = f"{execution.scope}/" if execution.scope else ""
    attempt = f".{execution.attempt}" if execution.attempt > 1 else ""
    return f"{outer}{name_of(instance, execution.step_id)}#{execution.visit}{attempt}"


def item_id(instance: Instance, items: str, step_id: str, index: int) -> UUID:
    """The id of one item; ``items`` as ``items_of`` gives it."""
    return execution_id(instance, f"{items}[{index}]", step_id, ITEM)


def child_id(execution: Execution, instance: Instance) -> UUID:
    """The id of the run that an attempt of a SUB_WORKFLOW step starts: another attempt starts another run."""
    digest = blake2b(f"child\0{execution.attempt}".encode(), digest_size=8, key=execution.id.bytes).digest()
    return UUID(bytes=instance.id.bytes[:8] + digest)


def cancel_id(instance_id: UUID, index: int) -> UUID:
    """What a run waits under for the event of one of its cancellation triggers, as steps do under their executions' ids."""
    digest = blake2b(f"cancel\0{index}".encode(), digest_size=8, key=instance_id.bytes).digest()
    return UUID(bytes=instance_id.bytes[:8] + digest)
