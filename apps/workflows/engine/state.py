"""What the engine is given and what it gives back: instance, executions, signals, commands, decision. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

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

    def copy(self) -> Instance:
        return replace(self, variables=dict(self.variables), visits=dict(self.visits))


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened to a run. ``data`` by kind:

    START {}, TASK_COMPLETED {output, outcome}, TASK_FAILED {error: Failure fields}, TIMER_DUE {purpose},
    CANCEL {reason, requestedBy, source, shouldCompensate}, SUSPEND / RESUME {reason, requestedBy},
    RETRY {stepId?, input?, whole?, requestedBy, reason}, EVENT {event}, SKIP {stepId?, output?, outcome?, requestedBy, reason},
    MOVE {to, input?, requestedBy, reason}.
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
class CancelWork:
    """Withdraw the open task and the timers of these executions."""

    execution_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class CancelBelow:
    """End every execution below ``execution_id`` (of the whole run when None), with its tasks and timers.

    Carried out first, on what was active before the advance: what the advance itself opened is spared.
    """

    execution_id: UUID | None


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
    """Stop every timer and every task not yet begun (``resume`` False), or let them go on with the time they had left."""

    resume: bool


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """Record an event. ``key`` is unique for this emission, so recording it twice is one event."""

    key: str
    pattern: str
    payload: Any


Command = (
    RunTask | OpenHumanTask | CancelWork | CancelBelow | ArmTimer | DisarmTimers | PauseWork | EmitEvent
)  # fmt: skip


@dataclass(slots=True)
class State:
    """What an advance is given of a run.

    ``executions``: those that the signals address, with the executions they are nested in. ``results``: by step id, the
    latest execution of each step that ``needs.result_ids`` names.
    """

    instance: Instance
    executions: dict[UUID, Execution]
    results: dict[str, Execution]


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
    name = instance.aliases.get(step_id, step_id)
    digest = blake2b(f"{scope}\0{name}\0{visit}".encode(), digest_size=8, key=instance.id.bytes).digest()
    return UUID(bytes=instance.id.bytes[:8] + digest)
