"""Which slots are fired, caught up or missed, and what a run that is still going means. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.workflows.rules.firing import MOST_CAUGHT_UP, MOST_QUEUED, CatchUp, Decision, Overlap, Pace, meets
from apps.workflows.rules.timetable import Timetable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOURLY = Pace("s", Timetable(UTC, "0 * * * *"))


def hours(*values: int) -> list[datetime]:
    return [NOON + timedelta(hours=each) for each in values]


@pytest.mark.parametrize(
    ("catch_up", "now", "on_time", "caught_up", "missed"),
    [
        # Nothing is due, one is due, one is due and a little late.
        ("LAST", timedelta(minutes=59), [], [], 0),
        ("NONE", timedelta(hours=1), [1], [], 0),
        ("NONE", timedelta(hours=1, seconds=30), [1], [], 0),
        # Too late: it was missed.
        ("NONE", timedelta(hours=1, seconds=31), [], [], 1),
        ("LAST", timedelta(hours=1, seconds=31), [], [1], 0),
        ("NONE", timedelta(hours=3, minutes=30), [], [], 3),
        ("LAST", timedelta(hours=3, minutes=30), [], [3], 2),
        ("ALL", timedelta(hours=3, minutes=30), [], [1, 2, 3], 0),
        # One that is on time stands for those before it.
        ("LAST", timedelta(hours=3, seconds=1), [3], [], 2),
        ("ALL", timedelta(hours=3, seconds=1), [3], [1, 2], 0),
    ],
)
def test_what_is_due_is_fired_and_what_is_late_is_as_catch_up_says(
    catch_up: str, now: timedelta, on_time: list[int], caught_up: list[int], missed: int
) -> None:
    verdict = HOURLY.judge(CatchUp(catch_up), after=NOON, now=NOON + now)
    assert list(verdict.on_time) == hours(*on_time)
    assert list(verdict.caught_up) == hours(*caught_up)
    assert (verdict.missed.count if verdict.missed else 0) == missed
    decided = max([0, *on_time, *caught_up, *([missed] if not caught_up and not on_time else [])])
    assert verdict.decided_until == NOON + timedelta(hours=decided)


def test_after_a_year_no_flood_comes() -> None:
    each_second = Pace("s", Timetable(UTC, interval=timedelta(seconds=1), first=NOON))
    verdict = each_second.judge(CatchUp.ALL, after=NOON, now=NOON + timedelta(days=365))
    assert len(verdict.caught_up) == MOST_CAUGHT_UP
    assert len(verdict.on_time) == 31
    assert verdict.missed is not None and verdict.missed.more
    assert verdict.decided_until == NOON + timedelta(days=365)


def test_deciding_again_decides_about_nothing_twice() -> None:
    seen: list[datetime] = []
    after, now = NOON, NOON
    pace = Pace("s", Timetable(UTC, interval=timedelta(seconds=10), first=NOON), jitter=timedelta(seconds=9))
    for step in (3, 40, 1, 0, 300, 7, 9, 2, 60, 30):
        now += timedelta(seconds=step)
        verdict = pace.judge(CatchUp.ALL, after=after, now=now)
        seen += [*verdict.caught_up, *verdict.on_time]
        after = verdict.decided_until
    assert seen == [slot for slot in pace.timetable.slots(NOON, now) if pace.due_at(slot) <= now]


def test_a_slot_with_jitter_waits_for_its_due_time() -> None:
    pace = Pace("s", Timetable(UTC, "0 * * * *"), jitter=timedelta(minutes=30))
    (slot,) = hours(1)
    due = pace.due_at(slot)
    assert slot < due < slot + timedelta(minutes=30)
    assert pace.next(NOON) == (slot, due)
    assert not pace.judge(CatchUp.ALL, after=NOON, now=due - timedelta(seconds=1)).on_time
    assert list(pace.judge(CatchUp.ALL, after=NOON, now=due).on_time) == [slot]


@pytest.mark.parametrize(
    ("overlap", "running", "queued", "expected"),
    [
        (Overlap.SKIP, False, 0, Decision.STARTED),
        (Overlap.SKIP, True, 0, Decision.SKIPPED),
        (Overlap.ALLOW, True, 0, Decision.STARTED),
        (Overlap.CANCEL_RUNNING, True, 0, Decision.STARTED),
        (Overlap.QUEUE, False, 0, Decision.STARTED),
        (Overlap.QUEUE, True, 0, Decision.QUEUED),
        (Overlap.QUEUE, False, 1, Decision.QUEUED),
        (Overlap.QUEUE, True, MOST_QUEUED, Decision.SKIPPED),
    ],
)
def test_a_run_that_is_still_going_meets_the_next_fire(
    overlap: Overlap, running: bool, queued: int, expected: Decision
) -> None:
    assert meets(overlap, running=running, queued=queued)[0] is expected
