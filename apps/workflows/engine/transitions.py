"""The state rules, as tables. Nothing else in the code base decides whether a signal or a change of status is allowed.

INSTANCE: what an instance in a status does with a signal:

* APPLY   the signal is worked on now
* HOLD    it is kept and worked on after a resume
* IGNORE  it comes too late to matter (a result for a run that has ended); nothing happens
* REFUSE  it makes no sense now; whoever sent it is told (:class:`IllegalSignal`)

EXECUTION: which statuses may follow a status of a step execution.
"""

from __future__ import annotations

from enum import StrEnum


class InstanceStatus(StrEnum):
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    WAITING_FOR_EVENT = "WAITING_FOR_EVENT"
    SUSPENDED = "SUSPENDED"
    COMPENSATING = "COMPENSATING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class StepStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"
    COMPENSATED = "COMPENSATED"


class SignalKind(StrEnum):
    START = "START"
    TASK_COMPLETED = "TASK_COMPLETED"
    TASK_FAILED = "TASK_FAILED"
    TIMER_DUE = "TIMER_DUE"
    CANCEL = "CANCEL"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    RETRY = "RETRY"
    EVENT = "EVENT"
    CONTINUE = "CONTINUE"
    SKIP = "SKIP"
    MOVE = "MOVE"
    CHILD_COMPLETED = "CHILD_COMPLETED"
    CHILD_FAILED = "CHILD_FAILED"
    CANCEL_EVENT = "CANCEL_EVENT"
    LOOK_BACK = "LOOK_BACK"


class Rule(StrEnum):
    APPLY = "APPLY"
    HOLD = "HOLD"
    IGNORE = "IGNORE"
    REFUSE = "REFUSE"


APPLY, HOLD, IGNORE, REFUSE = Rule.APPLY, Rule.HOLD, Rule.IGNORE, Rule.REFUSE
_S, _I, _K = StepStatus, InstanceStatus, SignalKind

_SIGNALS = (
    _K.START, _K.TASK_COMPLETED, _K.TASK_FAILED, _K.TIMER_DUE, _K.CANCEL, _K.SUSPEND, _K.RESUME, _K.RETRY, _K.EVENT,
    _K.CONTINUE, _K.CHILD_COMPLETED, _K.CHILD_FAILED,
)  # fmt: skip
_ROWS = {
    #                       START   TASK_COMPLETED TASK_FAILED TIMER_DUE CANCEL  SUSPEND RESUME  RETRY   EVENT   CONTINUE  CHILD_COMPLETED, _FAILED
    _I.CREATED:           (APPLY,  REFUSE,        REFUSE,     IGNORE,   APPLY,  REFUSE, REFUSE, REFUSE, REFUSE, REFUSE, REFUSE, REFUSE),
    _I.RUNNING:           (IGNORE, APPLY,         APPLY,      APPLY,    APPLY,  APPLY,  REFUSE, REFUSE, APPLY,  APPLY, APPLY, APPLY),
    _I.WAITING_FOR_EVENT: (IGNORE, APPLY,         APPLY,      APPLY,    APPLY,  APPLY,  REFUSE, REFUSE, APPLY,  APPLY, APPLY, APPLY),
    _I.SUSPENDED:         (IGNORE, HOLD,          HOLD,       HOLD,     APPLY,  REFUSE, APPLY,  REFUSE, HOLD,   HOLD, HOLD, HOLD),
    _I.COMPENSATING:      (IGNORE, APPLY,         APPLY,      APPLY,    REFUSE, REFUSE, REFUSE, REFUSE, IGNORE, APPLY, APPLY, APPLY),
    _I.COMPLETED:         (IGNORE, IGNORE,        IGNORE,     IGNORE,   REFUSE, REFUSE, REFUSE, REFUSE, REFUSE, IGNORE, IGNORE, IGNORE),
    _I.FAILED:            (IGNORE, IGNORE,        IGNORE,     IGNORE,   REFUSE, REFUSE, REFUSE, APPLY,  REFUSE, IGNORE, IGNORE, IGNORE),
    _I.CANCELLED:         (IGNORE, IGNORE,        IGNORE,     IGNORE,   REFUSE, REFUSE, REFUSE, APPLY,  REFUSE, IGNORE, IGNORE, IGNORE),
}  # fmt: skip
INSTANCE: dict[tuple[InstanceStatus, SignalKind], Rule] = {
    (status, signal): rule for status, rules in _ROWS.items() for signal, rule in zip(_SIGNALS, rules, strict=True)
}

# What a person may do to a position, and to the step where a failed run stopped.
_REPAIRS = {
    #                       SKIP    MOVE
    _I.CREATED:           (REFUSE, REFUSE),
    _I.RUNNING:           (APPLY,  APPLY),
    _I.WAITING_FOR_EVENT: (APPLY,  APPLY),
    _I.SUSPENDED:         (REFUSE, REFUSE),
    _I.COMPENSATING:      (APPLY,  REFUSE),
    _I.COMPLETED:         (REFUSE, REFUSE),
    _I.FAILED:            (APPLY,  REFUSE),
    _I.CANCELLED:         (REFUSE, REFUSE),
}  # fmt: skip
INSTANCE |= {
    (status, signal): rule
    for status, rules in _REPAIRS.items()
    for signal, rule in zip((_K.SKIP, _K.MOVE), rules, strict=True)
}

# What an event that may cancel the run does, and the turn in which a wait looks for events that came before it.
_EVENTS = {
    #                       CANCEL_EVENT LOOK_BACK
    _I.CREATED:           (IGNORE,      IGNORE),
    _I.RUNNING:           (APPLY,       APPLY),
    _I.WAITING_FOR_EVENT: (APPLY,       APPLY),
    _I.SUSPENDED:         (APPLY,       HOLD),
    _I.COMPENSATING:      (IGNORE,      IGNORE),
    _I.COMPLETED:         (IGNORE,      IGNORE),
    _I.FAILED:            (IGNORE,      IGNORE),
    _I.CANCELLED:         (IGNORE,      IGNORE),
}  # fmt: skip
INSTANCE |= {
    (status, signal): rule
    for status, rules in _EVENTS.items()
    for signal, rule in zip((_K.CANCEL_EVENT, _K.LOOK_BACK), rules, strict=True)
}

TERMINAL = frozenset({_I.COMPLETED, _I.FAILED, _I.CANCELLED})
"""An instance in one of these does nothing any more unless a person retries it."""

ACTIVE_STEP = frozenset({_S.PENDING, _S.RUNNING, _S.WAITING})
"""An execution in one of these is a position of its run."""

EXECUTION: dict[StepStatus, frozenset[StepStatus]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.WAITING, _S.CANCELLED, _S.TIMED_OUT, _S.FAILED, _S.COMPLETED, _S.SKIPPED}),
    _S.RUNNING: frozenset({_S.PENDING, _S.WAITING, _S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.TIMED_OUT, _S.SKIPPED}),
    _S.WAITING: frozenset({_S.PENDING, _S.RUNNING, _S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.TIMED_OUT, _S.SKIPPED}),
    _S.COMPLETED: frozenset({_S.COMPENSATED}),
    _S.FAILED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.TIMED_OUT: frozenset(),
    _S.COMPENSATED: frozenset(),
}


class IllegalSignal(Exception):
    """The instance's state no longer (or not yet) allows this; nothing was changed. ``position``: which of those given."""

    def __init__(self, status: InstanceStatus, signal: SignalKind, position: int = 0) -> None:
        self.status, self.signal, self.position = status, signal, position
        super().__init__(f"A run that is {status} cannot take {signal}.")


class IllegalTransition(Exception):
    """A bug in the engine, not in a definition: a status followed one that it may not follow."""


def check_execution(before: StepStatus, after: StepStatus) -> None:
    """Raise IllegalTransition unless ``after`` may follow ``before``."""
    if after not in EXECUTION[before]:
        raise IllegalTransition(f"A step that is {before} cannot become {after}.")
