"""What a run of a sequence does next. Pure: the clock, the events and what people ask for are handed in.

A run is begun by an event and takes one event for each of its members. Members have a place in an order; the same place
means side by side. A member is *processed* when its event has come and every required member of a lower place is
processed; one that comes early waits for its turn. A run is *completed* when every required member is processed, and
*failed* when one is missing at the deadline, when one's event became a dead letter, or when a person gives it up.

:func:`begin` makes a run, :func:`advance` moves it: (plan, state, signal) → (state, effects). Which signals a run takes
while it is open, completed or failed stands in one table; every other pair is :class:`Refused` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

FIRST_REPLAY = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=10)


class RunStatus(StrEnum):
    CREATED = "created"  # events came early, and none counts yet
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        return self in (RunStatus.CREATED, RunStatus.IN_PROGRESS)


class MemberStatus(StrEnum):
    PENDING = "pending"
    PROCESSED = "processed"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a run failed."""

    MISSING = "MISSING"  # a required event did not come in time
    OUT_OF_TIME = "OUT_OF_TIME"  # all came, but not all could be handled in time
    MEMBER_FAILED = "MEMBER_FAILED"  # a required event became a dead letter
    GIVEN_UP = "GIVEN_UP"  # a person said so


class StartsWith(StrEnum):
    FIRST = "FIRST"
    ANY = "ANY"


class Strategy(StrEnum):
    MANUAL = "manual"
    RETRY = "retry"
    COMPENSATE = "compensating_events"


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    order: int
    required: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What the rules need of a definition. ``members`` by their place in the order."""

    members: tuple[Member, ...]
    starts_with: StartsWith = StartsWith.ANY
    within: timedelta | None = None
    strategy: Strategy = Strategy.MANUAL
    max_retries: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(sorted(self.members, key=lambda member: member.order)))

    @property
    def lowest(self) -> int:
        return self.members[0].order


@dataclass(frozen=True, slots=True)
class Came:
    """The event that came for a member. ``recorded_at`` is what deadlines go by: senders' clocks differ."""

    id: UUID
    event_id: str
    pattern: str
    timestamp: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class MemberState:
    """``retries``: how often its dead letters were replayed. ``late``: it came after the run had ended."""

    status: MemberStatus = MemberStatus.PENDING
    came: Came | None = None
    processed_at: datetime | None = None
    late: bool = False
    skipped: bool = False
    error: Mapping[str, Any] | None = None
    retries: int = 0


WAITING = MemberState()


@dataclass(frozen=True, slots=True)
class State:
    """One run. ``outcomes``: how often it ended, for an end can be taken back. ``decided_by``: the event that ended it.

    ``renewed_at``: when a person gave it its time anew.
    """

    members: Mapping[str, MemberState] = field(default_factory=dict)
    status: RunStatus = RunStatus.CREATED
    reason: Reason | None = None
    deadline: datetime | None = None
    renewed_at: datetime | None = None
    decided_by: str | None = None
    compensated: bool = False
    outcomes: int = 0

    def member(self, member_id: str) -> MemberState:
        return self.members.get(member_id, WAITING)

    def of_event(self, event: UUID) -> str | None:
        """The member that an event came for."""
        found = (key for key, member in self.members.items() if member.came is not None and member.came.id == event)
        return next(found, None)

    @property
    def first(self) -> Came | None:
        """The event that it began with."""
        came = [member.came for member in self.members.values() if member.came is not None]
        return min(came, key=lambda each: (each.recorded_at, each.event_id), default=None)


# What happens to a run.


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event came that fits these members."""

    came: Came
    fits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    pass


@dataclass(frozen=True, slots=True)
class Died:
    """The event of a member became a dead letter."""

    event: UUID
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recovered:
    """Every dead letter of a member's event was handled after all."""

    event: UUID


@dataclass(frozen=True, slots=True)
class Retry:
    """A person wants a failed run to go on: dead letters are replayed, and the time begins anew."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person says that a failed run counts as completed."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A person says that a member counts as processed."""

    member: str


@dataclass(frozen=True, slots=True)
class Fail:
    """A person gives an open run up."""


Signal = Arrived | TimeIsUp | Died | Recovered | Retry | Resolve | Skip | Fail


# What is to be done besides keeping the new state.


@dataclass(frozen=True, slots=True)
class Say:
    """Record the event of this outcome."""

    status: RunStatus
    reason: Reason | None
    number: int


@dataclass(frozen=True, slots=True)
class Compensate:
    """Record the compensating events. ``processed``: members that were, the last one first."""

    processed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Replay the dead letters of an event, after a while."""

    event: UUID
    after: timedelta


Effect = Say | Compensate | Replay


class Refused(Exception):
    """The run's state does not allow it. The message says why, for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """``note``: why nothing changed, in a sentence."""

    state: State
    effects: tuple[Effect, ...] = ()
    note: str = ""


def may_begin(plan: Plan, fits: Sequence[str]) -> bool:
    """Whether an event that fits these members begins a run where none is open."""
    if plan.starts_with is StartsWith.ANY:
        return bool(fits)
    return any(member.id in fits for member in plan.members if member.order == plan.lowest)


def begin(plan: Plan, came: Came, fits: tuple[str, ...], now: datetime) -> Step:
    """A run begun by this event; ask :func:`may_begin` first."""
    if plan.starts_with is StartsWith.FIRST:
        lowest = {member.id for member in plan.members if member.order == plan.lowest}
        fits = tuple(each for each in fits if each in lowest)
    return advance(plan, State(), Arrived(came, fits), now)


def takes_late(plan: Plan, state: State, signal: Arrived) -> bool:
    """Whether a run that has ended takes an event that came late: one that it lacks, while it may still be meant."""
    if _waiting(plan, state, signal) is None:
        return False
    if plan.within is None or state.deadline is None:
        return True
    return signal.came.recorded_at <= state.deadline + plan.within


def advance(plan: Plan, state: State, signal: Signal, now: datetime, *, alone: bool = True) -> Step:
    """The next state and what is to be done. ``alone``: no other run for the same key is open, so this one may be again.

    Raises Refused where the table has nothing for it.
    """
    handler = TABLE.get((_phase(state.status), type(signal)))
    if handler is None:
        raise Refused(_REFUSALS.get(type(signal), "The run's state does not allow it."))
    return handler(_Run(plan, now, alone), state, signal)


def missing(plan: Plan, state: State) -> list[str]:
    """The required members whose events have not come."""
    return [
        member.id
        for member in plan.members
        if member.required and state.member(member.id).came is None and not state.member(member.id).skipped
    ]


def processed(state: State) -> tuple[str, ...]:
    """The members that were processed, the last one first; those that a person skipped are not among them."""
    done = [
        (member.processed_at, key)
        for key, member in state.members.items()
        if member.status is MemberStatus.PROCESSED and member.processed_at is not None and not member.skipped
    ]
    return tuple(key for _, key in sorted(done, reverse=True))


def pause_before(replay: int) -> timedelta:
    """How long the replay with this number waits; the first is 0."""
    return min(FIRST_REPLAY * (1 << min(replay, 20)), LONGEST_PAUSE)


# The handlers of the table.


@dataclass(frozen=True, slots=True)
class _Run:
    plan: Plan
    now: datetime
    alone: bool


def _arrived(run: _Run, state: State, signal: Arrived) -> Step:
    member = _waiting(run.plan, state, signal)
    if member is None:
        return Step(state, note="What it fits has come already.")
    state = _with(state, member.id, came=signal.came)
    state = replace(state, deadline=_deadline(run.plan, state))
    return _ended(run, _settled(run, state), signal.came.event_id)


def _arrived_late(run: _Run, state: State, signal: Arrived) -> Step:
    member = _waiting(run.plan, state, signal)
    if member is None:
        return Step(state, note="What it fits has come already.")
    state = _with(state, member.id, came=signal.came, late=True)
    # A completed run lacked only what it could do without; that one is processed like any other.
    return Step(_settled(run, state) if state.status is RunStatus.COMPLETED else state)


def _time_is_up(run: _Run, state: State, signal: TimeIsUp) -> Step:
    reason = Reason.MISSING if missing(run.plan, state) else Reason.OUT_OF_TIME
    return _failed(run, state, reason, state.first.event_id if state.first else None)


def _died(run: _Run, state: State, signal: Died) -> Step:
    key = state.of_event(signal.event)
    if key is None:
        return Step(state, note="It is none of the run's events.")
    before = state.member(key)
    state = _with(state, key, status=MemberStatus.FAILED, error=signal.error, processed_at=None)
    if state.status is RunStatus.FAILED or not _plan_of(run.plan, key).required:
        return Step(state)
    if run.plan.strategy is Strategy.RETRY and before.retries < run.plan.max_retries:
        state = _with(state, key, retries=before.retries + 1)
        return Step(_settled(run, state), (Replay(signal.event, pause_before(before.retries)),))
    assert before.came is not None
    return _failed(run, state, Reason.MEMBER_FAILED, before.came.event_id)


def _recovered(run: _Run, state: State, signal: Recovered) -> Step:
    key = state.of_event(signal.event)
    if key is None or state.member(key).status is not MemberStatus.FAILED:
        return Step(state, note="Nothing had failed.")
    came = state.member(key).came
    assert came is not None
    state = _with(state, key, status=MemberStatus.PENDING, error=None)
    if not state.member(key).late and _is_its_turn(run.plan, state, _plan_of(run.plan, key)):
        state = _with(state, key, status=MemberStatus.PROCESSED, processed_at=run.now)
    if state.status is RunStatus.FAILED:
        return _reopened(run, state, came.event_id) if state.reason is Reason.MEMBER_FAILED else Step(state)
    return _ended(run, _settled(run, state), came.event_id)


def _retry(run: _Run, state: State, signal: Retry) -> Step:
    if state.compensated:
        raise Refused("Its compensating events were recorded; a new run begins with the next event.")
    if not run.alone:
        raise Refused("Another run for the same key is open.")
    effects = []
    for key, member in state.members.items():
        if member.status is MemberStatus.FAILED and member.came is not None:
            effects.append(Replay(member.came.id, timedelta()))
            state = _with(state, key, retries=0)
    state = replace(state, status=RunStatus.IN_PROGRESS, reason=None, decided_by=None, renewed_at=run.now)
    state = replace(state, deadline=_deadline(run.plan, state))
    step = _ended(run, _settled(run, state), _latest(state))
    return replace(step, effects=(*effects, *step.effects))


def _resolve(run: _Run, state: State, signal: Resolve) -> Step:
    return _completed(state, state.decided_by)


def _skip(run: _Run, state: State, signal: Skip) -> Step:
    if all(member.id != signal.member for member in run.plan.members):
        raise Refused(f"The sequence has no member {signal.member}.")
    if state.member(signal.member).status is MemberStatus.PROCESSED:
        raise Refused(f"{signal.member} is processed already.")
    if state.compensated:
        raise Refused("Its compensating events were recorded; there is nothing left to go on with.")
    state = _with(state, signal.member, status=MemberStatus.PROCESSED, skipped=True, processed_at=run.now, error=None)
    if state.status is RunStatus.FAILED:
        return _reopened(run, state, _latest(state))
    return _ended(run, _settled(run, state), _latest(state))


def _fail(run: _Run, state: State, signal: Fail) -> Step:
    return _failed(run, state, Reason.GIVEN_UP, _latest(state))


_OPEN, _COMPLETED, _FAILED = "open", "completed", "failed"
TABLE: Mapping[tuple[str, type[Any]], Callable[[_Run, State, Any], Step]] = {
    (_OPEN, Arrived): _arrived,
    (_OPEN, TimeIsUp): _time_is_up,
    (_OPEN, Died): _died,
    (_OPEN, Recovered): _recovered,
    (_OPEN, Skip): _skip,
    (_OPEN, Fail): _fail,
    (_COMPLETED, Arrived): _arrived_late,
    (_COMPLETED, Died): _died,
    (_COMPLETED, Recovered): _recovered,
    (_FAILED, Arrived): _arrived_late,
    (_FAILED, Died): _died,
    (_FAILED, Recovered): _recovered,
    (_FAILED, Retry): _retry,
    (_FAILED, Resolve): _resolve,
    (_FAILED, Skip): _skip,
}
"""(phase, signal) → what it does; a pair that is not here is refused."""

_REFUSALS: Mapping[type[Any], str] = {
    TimeIsUp: "The run has ended.",
    Retry: "Only a failed run can be tried again.",
    Resolve: "Only a failed run can be settled.",
    Skip: "A completed run lacks nothing.",
    Fail: "The run has ended.",
}


def _phase(status: RunStatus) -> str:
    return _OPEN if status.is_open else str(status)


def _plan_of(plan: Plan, key: str) -> Member:
    return next(member for member in plan.members if member.id == key)


def _with(state: State, key: str, **changes: Any) -> State:
    return replace(state, members={**state.members, key: replace(state.member(key), **changes)})


def _waiting(plan: Plan, state: State, signal: Arrived) -> Member | None:
    """The first member in the order that the event fits and that no event has come for."""
    if state.of_event(signal.came.id) is not None:
        return None
    for member in plan.members:
        held = state.member(member.id)
        if member.id in signal.fits and held.came is None and not held.skipped:
            return member
    return None


def _deadline(plan: Plan, state: State) -> datetime | None:
    """Counted from the first event, whichever was taken first: the order of taking must not decide."""
    begins = state.renewed_at or (state.first.recorded_at if state.first else None)
    return None if plan.within is None or begins is None else begins + plan.within


def _settled(run: _Run, state: State) -> State:
    """Every member whose event has come and whose turn it is becomes processed."""
    status = state.status
    for member in run.plan.members:
        held = state.member(member.id)
        if held.status is MemberStatus.PENDING and held.came is not None and _is_its_turn(run.plan, state, member):
            state = _with(
                state, member.id, status=MemberStatus.PROCESSED, processed_at=held.processed_at or run.now, error=None
            )
    if status is RunStatus.CREATED and any(held.status is not MemberStatus.PENDING for held in state.members.values()):
        state = replace(state, status=RunStatus.IN_PROGRESS)
    return state


def _is_its_turn(plan: Plan, state: State, member: Member) -> bool:
    return all(
        state.member(other.id).status is MemberStatus.PROCESSED
        for other in plan.members
        if other.required and other.order < member.order
    )


def _all_done(plan: Plan, state: State) -> bool:
    return all(state.member(member.id).status is MemberStatus.PROCESSED for member in plan.members if member.required)


def _ended(run: _Run, state: State, decided_by: str | None) -> Step:
    """Completed, if nothing is open any more."""
    if state.status.is_open and _all_done(run.plan, state):
        return _completed(state, decided_by)
    return Step(state)


def _completed(state: State, decided_by: str | None) -> Step:
    number = state.outcomes + 1
    state = replace(state, status=RunStatus.COMPLETED, reason=None, decided_by=decided_by, outcomes=number)
    return Step(state, (Say(RunStatus.COMPLETED, None, number),))


def _failed(run: _Run, state: State, reason: Reason, decided_by: str | None) -> Step:
    number = state.outcomes + 1
    effects: tuple[Effect, ...] = (Say(RunStatus.FAILED, reason, number),)
    compensates = run.plan.strategy is Strategy.COMPENSATE and not state.compensated
    if compensates:
        effects = (*effects, Compensate(processed(state)))
    state = replace(
        state,
        status=RunStatus.FAILED,
        reason=reason,
        decided_by=decided_by,
        outcomes=number,
        compensated=state.compensated or compensates,
    )
    return Step(state, effects)


def _reopened(run: _Run, state: State, decided_by: str | None) -> Step:
    """A failed run with less in its way: completed if nothing is, open again if only time is needed and there is some."""
    if state.compensated:
        return Step(state)
    settled = _settled(run, state)
    if _all_done(run.plan, settled):
        return _completed(settled, decided_by)
    hindered = any(settled.member(each.id).status is MemberStatus.FAILED for each in run.plan.members if each.required)
    if hindered or not run.alone or (state.deadline is not None and state.deadline <= run.now):
        return Step(state)
    return Step(replace(settled, status=RunStatus.IN_PROGRESS, reason=None, decided_by=None))


def _latest(state: State) -> str | None:
    came = [member.came for member in state.members.values() if member.came is not None]
    return max(came, key=lambda each: (each.recorded_at, each.event_id)).event_id if came else None
