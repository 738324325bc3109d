"""When a schedule fires: its slots. A slot is the moment the rule names, in UTC.

Clock changes, for `cron`:

* a line that names its minute and its hour fires once for each such time of the wall clock. A time that the spring night
  leaves out fires at the first moment after the gap (02:30 becomes 03:00); one that the autumn night has twice fires the
  first time.
* a line whose minute or hour begins with `*` follows elapsed time: `*/15 * * * *` fires every real quarter of an hour.

An `interval` is elapsed time, whatever clocks do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

LONGEST_CRON = 200
"""Characters of a cron line."""
HORIZON = timedelta(days=8 * 366)
"""A line without a slot in that time never fires: 29 February can be eight years away, nothing sensible is further."""

_WINDOWS = tuple(timedelta(hours=1) * 8**n for n in range(7))


class BadCron(ValueError):
    """A text that is no cron line. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """``first``: the first slot of an interval. ``start_at`` and ``end_at`` are both included."""

    zone: tzinfo
    cron: str = ""
    interval: timedelta | None = None
    first: datetime | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None

    def slots(self, after: datetime, until: datetime | None = None) -> Iterator[datetime]:
        """The slots later than ``after``, up to ``until`` (included); without it, as far as the rule goes."""
        if self.start_at is not None and self.start_at > after:
            after = self.start_at - timedelta(microseconds=1)
        ends = [each for each in (until, self.end_at) if each is not None]
        end = min(ends) if ends else None
        try:
            for slot in self._of_interval(after) if self.interval is not None else self._of_cron(after):
                if end is not None and slot > end:
                    return
                yield slot
        except OverflowError:  # the end of the calendar, in the year 9999
            return

    def next(self, after: datetime) -> datetime | None:
        """The first slot later than ``after``; None when there is none any more."""
        return next(self.slots(after), None)

    def newest(self, after: datetime, until: datetime, most: int) -> tuple[list[datetime], bool]:
        """The last ``most`` slots in (after, until], in order, and whether there are older ones in it.

        Costs what ``most`` slots cost, however long the time is.
        """
        for window in _WINDOWS:
            begin = max(after, until - window)
            found = list(self._last(begin, until, most + 1))
            if begin == after or len(found) > most:
                return found[-most:], len(found) > most
        found = list(self._last(after, until, most + 1))
        return found[-most:], len(found) > most

    def _last(self, after: datetime, until: datetime, most: int) -> list[datetime]:
        if self.interval is not None and self.first is not None and self.interval * most < until - after:
            after = until - self.interval * (most + 1)
        return list(self.slots(after, until))[-most:]

    def _of_interval(self, after: datetime) -> Iterator[datetime]:
        assert self.interval is not None and self.first is not None
        count = max(0, (after - self.first) // self.interval + 1) if after >= self.first else 0
        while True:
            yield self.first + count * self.interval
            count += 1

    def _of_cron(self, after: datetime) -> Iterator[datetime]:
        last = after
        for slot in CronSim(self.cron, after.astimezone(self.zone)):
            # On the night the clock is put back it may name again what lies behind.
            if (moment := slot.astimezone(UTC)) > last:
                last = moment
                yield moment


def zone_of(name: str) -> tzinfo:
    """The time zone with an IANA name that was checked before."""
    return UTC if name in ("", "UTC") else ZoneInfo(name)


def check_cron(text: str) -> None:
    """Raise BadCron unless the text is a line of five cron fields that can be read."""
    if len(text) > LONGEST_CRON:
        raise BadCron(f"The line is longer than {LONGEST_CRON} characters.")
    if len(text.split()) != 5:
        raise BadCron("A cron line has five fields: minute, hour, day of month, month, day of week.")
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        raise BadCron(f"The {field} of {text!r} cannot be, or never comes.") from error


def words(timetable: Timetable) -> str:
    """The rule as a sentence without its zone: `At 09:00 on weekdays`, `Every 5 minutes`."""
    if timetable.interval is not None:
        return f"Every {_span(timetable.interval)}"
    text = CronSim(timetable.cron, datetime(2026, 1, 1, tzinfo=UTC)).explain()
    return text.replace("on Monday through Friday", "on weekdays").replace("on Saturday and Sunday", "on weekends")


def _span(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for name, size in (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return name if count == 1 else f"{count} {name}s"
    return "second" if seconds == 1 else f"{seconds:g} seconds"


def jitter_of(key: str, slot: datetime, most: timedelta) -> timedelta:
    """How much later than its slot a fire is due: the same for the same schedule and slot, spread evenly below ``most``."""
    if not most:
        return timedelta(0)
    digest = blake2b(f"{key}:{slot.astimezone(UTC).isoformat()}".encode(), digest_size=8).digest()
    milliseconds = int(most.total_seconds() * 1000) * int.from_bytes(digest) >> 64
    return timedelta(milliseconds=milliseconds)
