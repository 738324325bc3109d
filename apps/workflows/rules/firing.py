"""What becomes of slots: fired, caught up, or missed; and what a run that is still going means for the next one.

A slot that is due is fired. One that could not be fired within ``GRACE`` of its due time was missed, and ``catchUp`` says
what becomes of it: NONE nothing, LAST the newest of them is fired (none, when a later slot is fired anyway), ALL every one,
up to ``MOST_CAUGHT_UP``. So no downtime and no pause is ever followed by a flood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from .timetable import Timetable, jitter_of

GRACE = timedelta(seconds=30)
MOST_CAUGHT_UP = 100
"""Missed slots that one schedule fires at once, the newest ones."""
MOST_COUNTED = 1_000
"""Missed slots are counted up to here; more are "more than"."""
MOST_QUEUED = 100
"""Fires of one schedule that wait for its run to end; what comes then is skipped."""


class CatchUp(StrEnum):
    NONE = "NONE"
    LAST = "LAST"
    ALL = "ALL"


class Overlap(StrEnum):
    SKIP = "SKIP"
    QUEUE = "QUEUE"
    ALLOW = "ALLOW"
    CANCEL_RUNNING = "CANCEL_RUNNING"


class Decision(StrEnum):
    """What was decided about a slot."""

    STARTED = "STARTED"
    QUEUED = "QUEUED"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"
    FAILED = "FAILED"


class Origin(StrEnum):
    """Why a slot was looked at: its time had come, it was made up for, or a person asked."""

    DUE = "DUE"
    CATCH_UP = "CATCH_UP"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Missed:
    """Slots that nobody fires. ``more``: there are older ones than ``first``, uncounted."""

    first: datetime
    last: datetime
    count: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Late:
    """Slots that were not fired in time: the newest of them, and whether there are older ones."""

    slots: Sequence[datetime]
    more: bool = False

    def divide(self, catch_up: CatchUp, *, fires_anyway: bool = False) -> tuple[list[datetime], Missed | None]:
        """(slots to fire now, what stays missed)."""
        wanted = {CatchUp.NONE: 0, CatchUp.LAST: 0 if fires_anyway else 1, CatchUp.ALL: MOST_CAUGHT_UP}[catch_up]
        kept = len(self.slots) - wanted
        left = list(self.slots[: max(kept, 0)])
        missed = Missed(left[0], left[-1], len(left), self.more) if left else None
        return list(self.slots[max(kept, 0) :]), missed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about a schedule now. ``decided_until``: the last slot that this decides about."""

    on_time: Sequence[datetime]
    caught_up: Sequence[datetime]
    missed: Missed | None
    decided_until: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """A timetable with the name of whose it is and its jitter: slots, and when each is due."""

    key: str
    timetable: Timetable
    jitter: timedelta = timedelta(0)

    def due_at(self, slot: datetime) -> datetime:
        return slot + jitter_of(self.key, slot, self.jitter)

    def next(self, after: datetime) -> tuple[datetime, datetime] | tuple[None, None]:
        """(slot, when it is due) of the first slot later than ``after``."""
        slot = self.timetable.next(after)
        return (None, None) if slot is None else (slot, self.due_at(slot))

    def late(self, after: datetime, until: datetime) -> Late:
        """The slots in (after, until]."""
        return Late(*self.timetable.newest(after, until, MOST_COUNTED))

    def judge(self, catch_up: CatchUp, *, after: datetime, now: datetime) -> Verdict:
        """Decide about every slot later than ``after`` that is due by ``now``."""
        long_past = now - GRACE - self.jitter - timedelta(microseconds=1)
        late = self.late(after, long_past) if long_past > after else Late(())
        recent = list(
            takewhile(lambda slot: self.due_at(slot) <= now, self.timetable.slots(max(after, long_past), now))
        )
        on_time = [slot for slot in recent if self.due_at(slot) >= now - GRACE]
        overdue = [*late.slots, *(slot for slot in recent if self.due_at(slot) < now - GRACE)]
        caught_up, missed = Late(overdue, late.more).divide(catch_up, fires_anyway=bool(on_time))
        decided = [*overdue[-1:], *recent[-1:]]
        return Verdict(on_time, caught_up, missed, max(decided, default=after))


def meets(overlap: Overlap, *, running: bool, queued: int) -> tuple[Decision, str]:
    """What becomes of a slot while the last run is still going, with the reason where it is not simply fired."""
    if overlap is Overlap.QUEUE and (running or queued):
        if queued >= MOST_QUEUED:
            return Decision.SKIPPED, f"{MOST_QUEUED} fires wait already."
        return Decision.QUEUED, "The last run is still going."
    if overlap is Overlap.SKIP and running:
        return Decision.SKIPPED, "The last run is still going."
    return Decision.STARTED, ""
