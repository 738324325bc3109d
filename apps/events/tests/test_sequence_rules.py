"""What a run of a sequence does next, as pure rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.events.sequences import rules
from apps.events.sequences.rules import (
    Arrived,
    Came,
    Compensate,
    Died,
    Fail,
    Member,
    MemberStatus,
    Plan,
    Reason,
    Recovered,
    Refused,
    Replay,
    Resolve,
    Retry,
    RunStatus,
    Say,
    Signal,
    Skip,
    StartsWith,
    State,
    Step,
    Strategy,
    TimeIsUp,
    advance,
    begin,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPACE = UUID(int=0)
ERROR = {"message": "It broke."}


def came(name: str, minute: float = 0) -> Came:
    moment = NOON + timedelta(minutes=minute)
    return Came(uuid5(SPACE, name), f"evt-{name}", name, moment, moment)


def arrived(name: str, minute: float = 0, *fits: str) -> Arrived:
    return Arrived(came(name, minute), fits or (name,))


def plan(members: str = "a1 b2 c3", **more: Any) -> Plan:
    """``a1 b2? c2``: a first, then b (optional) and c side by side."""
    parts = (each.rstrip("?") for each in members.split())
    required = ["?" not in each for each in members.split()]
    return Plan(
        tuple(Member(each[0], int(each[1:]), needed) for each, needed in zip(parts, required, strict=True)), **more
    )


def play(of: Plan, *signals: Signal, at: float = 0, **more: Any) -> Step:
    """A run begun by the first signal, after all of them; every effect on the way."""
    now = NOON + timedelta(minutes=at)
    first, *others = signals
    assert isinstance(first, Arrived)
    step = begin(of, first.came, first.fits, now)
    effects = list(step.effects)
    for signal in others:
        step = advance(of, step.state, signal, now, **more)
        effects += step.effects
    return replace(step, effects=tuple(effects))


def statuses(step: Step, of: Plan) -> str:
    return " ".join(f"{each.id}:{step.state.member(each.id).status}" for each in of.members)


def said(step: Step) -> list[tuple[str, str | None, int]]:
    return [(each.status, each.reason, each.number) for each in step.effects if isinstance(each, Say)]


def test_events_in_their_order_complete_a_run() -> None:
    step = play(plan(), arrived("a"), arrived("b", 1), arrived("c", 2))
    assert step.state.status == RunStatus.COMPLETED
    assert said(step) == [("completed", None, 1)]
    assert step.state.decided_by == "evt-c"


def test_one_that_comes_early_counts_when_its_turn_comes() -> None:
    of = plan("a1 b2")
    early = play(of, arrived("b"))
    assert (early.state.status, statuses(early, of)) == (RunStatus.CREATED, "a:pending b:pending")
    step = advance(of, early.state, arrived("a", 1), NOON)
    assert (step.state.status, statuses(step, of)) == (RunStatus.COMPLETED, "a:processed b:processed")


def test_members_in_the_same_place_do_not_wait_for_each_other() -> None:
    of = plan("a1 b2 c2 d3")
    step = play(of, arrived("a"), arrived("c"))
    assert statuses(step, of) == "a:processed b:pending c:processed d:pending"
    assert statuses(play(of, arrived("a"), arrived("d")), of).endswith("d:pending")


def test_what_is_optional_holds_nothing_up_and_is_taken_when_it_comes_late() -> None:
    of = plan("a1 b2? c3")
    step = play(of, arrived("a"), arrived("c", 1))
    assert step.state.status == RunStatus.COMPLETED
    late = arrived("b", 2)
    assert rules.takes_late(of, step.state, late)
    step = advance(of, step.state, late, NOON)
    assert (step.effects, statuses(step, of)) == ((), "a:processed b:processed c:processed")


def test_the_same_event_twice_and_another_of_the_same_kind_change_nothing() -> None:
    of = plan("a1 b2")
    step = play(of, arrived("a"))
    for again in (arrived("a"), arrived("other", 1, "a")):
        assert advance(of, step.state, again, NOON).state == step.state


def test_one_event_counts_for_one_member_only() -> None:
    of = plan("a1 b2")
    step = play(of, arrived("ping", 0, "a", "b"))
    assert statuses(step, of) == "a:processed b:pending"
    assert advance(of, step.state, arrived("pong", 1, "a", "b"), NOON).state.status == RunStatus.COMPLETED


def test_only_the_first_place_begins_a_run_where_that_is_asked_for() -> None:
    of = plan("a1 b1 c2", starts_with=StartsWith.FIRST)
    assert rules.may_begin(of, ["b"])
    assert not rules.may_begin(of, ["c"])
    assert rules.may_begin(plan("a1 b1 c2"), ["c"])
    # One that fits several places begins with the first.
    assert statuses(begin(of, came("x"), ("c", "b"), NOON), of) == "a:pending b:processed c:pending"


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        ([arrived("a")], Reason.MISSING),
        ([arrived("a"), arrived("c")], Reason.MISSING),
        ([arrived("a"), arrived("b"), Died(came("b").id, ERROR), arrived("c")], Reason.OUT_OF_TIME),
    ],
)
def test_a_run_fails_when_its_time_is_up(signals: list[Signal], reason: Reason) -> None:
    of = plan(within=timedelta(hours=1), strategy=Strategy.RETRY, max_retries=3)
    step = play(of, *signals, TimeIsUp())
    assert (step.state.status, step.state.reason, step.state.decided_by) == (RunStatus.FAILED, reason, "evt-a")
    assert said(step) == [("failed", reason, 1)]


def test_the_time_counts_from_the_first_event_in_whatever_order_they_are_taken() -> None:
    of = plan(within=timedelta(hours=1))
    for signals in ([arrived("a", 0), arrived("b", 30)], [arrived("b", 30), arrived("a", 0)]):
        assert play(of, *signals).state.deadline == NOON + timedelta(hours=1)


def test_a_dead_letter_of_a_required_member_fails_the_run_and_one_of_an_optional_member_does_not() -> None:
    of = plan("a1 b2? c3")
    step = play(of, arrived("a"), Died(came("a").id, ERROR))
    assert (step.state.reason, step.state.decided_by) == (Reason.MEMBER_FAILED, "evt-a")
    assert step.state.member("a").error == ERROR
    step = play(of, arrived("a"), arrived("b"), Died(came("b").id, ERROR), arrived("c"))
    assert (step.state.status, statuses(step, of)) == (RunStatus.COMPLETED, "a:processed b:failed c:processed")


def test_a_completed_run_fails_when_one_of_its_events_dies_afterwards() -> None:
    step = play(plan("a1"), arrived("a"), Died(came("a").id, ERROR))
    assert said(step) == [("completed", None, 1), ("failed", "MEMBER_FAILED", 2)]


def test_a_replay_that_succeeds_sets_it_back() -> None:
    of = plan("a1 b2")
    step = play(of, arrived("a"), Died(came("a").id, ERROR), Recovered(came("a").id))
    assert (step.state.status, step.state.reason) == (RunStatus.IN_PROGRESS, None)
    step = play(of, arrived("a"), arrived("b"), Died(came("a").id, ERROR), Recovered(came("a").id))
    assert said(step) == [("completed", None, 1), ("failed", "MEMBER_FAILED", 2), ("completed", None, 3)]


def test_a_replay_does_not_open_a_run_beside_another_or_after_its_time() -> None:
    of = plan("a1 b2", within=timedelta(hours=1))
    signals = [arrived("a"), Died(came("a").id, ERROR), Recovered(came("a").id)]
    assert play(of, *signals, alone=False).state.status == RunStatus.FAILED
    step = play(of, *signals, at=61)
    assert (step.state.status, statuses(step, of)) == (RunStatus.FAILED, "a:processed b:pending")


def test_the_retry_strategy_replays_a_few_times_with_growing_pauses_and_then_fails() -> None:
    of = plan("a1 b2", strategy=Strategy.RETRY, max_retries=2)
    died = Died(came("a").id, ERROR)
    step = play(of, arrived("a"), died, died)
    assert step.state.status == RunStatus.IN_PROGRESS
    assert [each.after.seconds for each in step.effects if isinstance(each, Replay)] == [10, 20]
    # What comes after a failed member waits.
    assert statuses(advance(of, step.state, arrived("b"), NOON), of) == "a:failed b:pending"
    assert said(play(of, arrived("a"), died, died, died)) == [("failed", "MEMBER_FAILED", 1)]
    recovered = play(of, arrived("a"), died, arrived("b"), Recovered(came("a").id))
    assert recovered.state.status == RunStatus.COMPLETED


def test_no_pause_is_longer_than_ten_minutes() -> None:
    assert rules.pause_before(100) == timedelta(minutes=10)


def test_compensating_undoes_what_was_processed_the_last_first_and_only_once() -> None:
    of = plan("a1 b2 c3 d4", strategy=Strategy.COMPENSATE)
    step = begin(of, came("a"), ("a",), NOON)
    step = advance(of, step.state, arrived("b"), NOON + timedelta(minutes=1))
    step = advance(of, step.state, arrived("c"), NOON + timedelta(minutes=2))
    step = advance(of, step.state, Died(came("c").id, ERROR), NOON)
    assert step.effects == (Say(RunStatus.FAILED, Reason.MEMBER_FAILED, 1), Compensate(("b", "a")))
    assert advance(of, step.state, Recovered(came("c").id), NOON).state.status == RunStatus.FAILED
    for verb in (Retry(), Skip("d")):
        with pytest.raises(Refused, match="compensating"):
            advance(of, step.state, verb, NOON)
    settled = advance(of, step.state, Resolve(), NOON)
    assert settled.effects == (Say(RunStatus.COMPLETED, None, 2),)
    again = advance(of, settled.state, Died(came("a").id, ERROR), NOON)
    assert again.effects == (Say(RunStatus.FAILED, Reason.MEMBER_FAILED, 3),)


class TestPeople:
    of = plan("a1 b2", within=timedelta(hours=1))

    def failed(self) -> State:
        return play(self.of, arrived("a"), TimeIsUp(), at=60).state

    def test_retry_gives_the_time_anew_and_takes_what_came_late(self) -> None:
        step = advance(self.of, self.failed(), Retry(), NOON + timedelta(hours=3))
        assert (step.state.status, step.state.deadline) == (RunStatus.IN_PROGRESS, NOON + timedelta(hours=4))
        # The time given anew stays, whatever comes.
        three = plan("a1 b2 c3", within=timedelta(hours=1))
        again = advance(three, replace(step.state), arrived("b", 200), NOON)
        assert again.state.deadline == NOON + timedelta(hours=4)
        late = arrived("b", 70)
        assert rules.takes_late(self.of, self.failed(), late)
        kept = advance(self.of, self.failed(), late, NOON).state
        assert (kept.status, kept.member("b").late) == (RunStatus.FAILED, True)
        assert advance(self.of, kept, Retry(), NOON).state.status == RunStatus.COMPLETED

    def test_what_comes_much_later_is_not_meant(self) -> None:
        assert not rules.takes_late(self.of, self.failed(), arrived("b", 121))

    def test_retry_replays_the_dead_letters_of_members(self) -> None:
        of = plan("a1 b2")
        step = play(of, arrived("a"), Died(came("a").id, ERROR), Retry())
        assert step.effects[-1] == Replay(came("a").id, timedelta())
        assert (step.state.status, statuses(step, of)) == (RunStatus.IN_PROGRESS, "a:failed b:pending")

    def test_retry_waits_for_another_run_of_the_key(self) -> None:
        with pytest.raises(Refused, match="Another run"):
            advance(self.of, self.failed(), Retry(), NOON, alone=False)

    def test_resolve_counts_as_completed(self) -> None:
        assert advance(self.of, self.failed(), Resolve(), NOON).effects == (Say(RunStatus.COMPLETED, None, 2),)

    def test_skip_lets_a_run_go_on(self) -> None:
        step = play(self.of, arrived("a"), Skip("b"))
        assert (step.state.status, said(step)) == (RunStatus.COMPLETED, [("completed", None, 1)])
        assert advance(self.of, self.failed(), Skip("b"), NOON).state.status == RunStatus.COMPLETED
        with pytest.raises(Refused, match="processed already"):
            advance(self.of, self.failed(), Skip("a"), NOON)
        with pytest.raises(Refused, match="no member"):
            advance(self.of, self.failed(), Skip("z"), NOON)

    def test_skip_of_one_of_two_that_are_missing_leaves_it_failed(self) -> None:
        of = plan("a1 b2 c3", within=timedelta(hours=1))
        state = play(of, arrived("a"), TimeIsUp()).state
        step = advance(of, state, Skip("b"), NOON + timedelta(hours=2))
        assert (step.state.status, step.effects) == (RunStatus.FAILED, ())

    def test_fail_gives_up(self) -> None:
        assert said(play(self.of, arrived("a"), Fail())) == [("failed", "GIVEN_UP", 1)]


SIGNALS: list[Signal] = [
    arrived("b", 5),
    TimeIsUp(),
    Died(came("a").id, ERROR),
    Recovered(came("a").id),
    Retry(),
    Resolve(),
    Skip("b"),
    Fail(),
]


def test_the_table_says_for_every_pair_whether_it_is_taken() -> None:
    of = plan("a1 b2")
    states = {
        "open": play(of, arrived("a")).state,
        "completed": play(plan("a1 b2?"), arrived("a")).state,
        "failed": play(of, arrived("a"), Fail()).state,
    }
    for (phase, state), signal in product(states.items(), SIGNALS):
        if (phase, type(signal)) in rules.TABLE:
            advance(of, state, signal, NOON)
        else:
            with pytest.raises(Refused):
                advance(of, state, signal, NOON)


# Properties

PLANS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6).map(
    lambda members: Plan(
        tuple(Member(f"m{index}", order, required) for index, (order, required) in enumerate(members)),
        within=timedelta(days=1),
    )
)


def outcome(of: Plan, names: Iterable[str], died: frozenset[str] = frozenset()) -> State:
    """Arrivals in this order, each at its own time; dead letters right behind their events; then the deadline."""
    state: State | None = None
    for name in names:
        event = arrived(name, int(name[1:]))
        if state is None:
            state = begin(of, event.came, event.fits, NOON).state
        else:
            state = advance(of, state, event, NOON).state
        if name in died:
            state = advance(of, state, Died(event.came.id, ERROR), NOON).state
    assert state is not None
    return advance(of, state, TimeIsUp(), NOON).state if state.status.is_open else state


@given(st.data())
def test_any_interleaving_leads_to_the_same_end_and_none_completes_without_every_required_member(data: Any) -> None:
    of = data.draw(PLANS)
    names = [member.id for member in of.members]
    came_ = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    died = frozenset(data.draw(st.lists(st.sampled_from(came_), unique=True)))
    one = outcome(of, data.draw(st.permutations(came_)), died)
    other = outcome(of, data.draw(st.permutations(came_)), died)
    assert one.status == other.status
    required = {member.id for member in of.members if member.required}
    handled = set(came_) - died
    assert (one.status is RunStatus.COMPLETED) == (required <= handled)
    if one.status is RunStatus.COMPLETED:
        assert all(one.member(name).status is MemberStatus.PROCESSED for name in required)


@given(st.data())
def test_no_member_is_processed_before_its_turn(data: Any) -> None:
    of = data.draw(PLANS)
    names = [member.id for member in of.members]
    state = State()
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=10)):
        if not state.status.is_open:
            break
        state = advance(of, state, arrived(name, int(name[1:])), NOON).state
        for member in of.members:
            if state.member(member.id).status is MemberStatus.PROCESSED:
                lower = [other for other in of.members if other.required and other.order < member.order]
                assert all(state.member(other.id).status is MemberStatus.PROCESSED for other in lower)
