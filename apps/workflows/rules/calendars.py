"""Working time: the hours of a calendar, what day is free, and when so much working time has gone by.

* A duration's hours, minutes and seconds are counted while the calendar works: `PT10H` on days of 8 hours ends two hours
  into the next working day.
* Its days are working days: `P2D` is the same time of day two working days later, and the end of that day where it works
  less long. Its weeks are weeks: the same weekday, moved on to the next working moment where that is free.
* An instant outside the working hours stands for the next working moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import holidays

from .timetable import zone_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_DAYS = 366 * 50
"""How far ahead working time is looked for."""


class NoWorkingTime(ValueError):
    """The calendar has not that much working time in the next fifty years."""


@dataclass(frozen=True, slots=True)
class Span:
    """A duration as a calendar counts it."""

    weeks: int = 0
    days: int = 0
    time: timedelta = timedelta(0)


@dataclass(frozen=True)
class WorkingCalendar:
    """``hours``: per weekday, Monday first, (begin, end) in minutes of the day."""

    zone: tzinfo
    hours: tuple[tuple[tuple[int, int], ...], ...]
    dates: frozenset[date] = frozenset()
    public: Mapping[date, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> WorkingCalendar:
        """From a checked document (schemas/calendar.json)."""
        free = document.get("holidays") or {}
        return cls(
            zone=zone_of(document.get("timezone", "UTC")),
            hours=tuple(
                tuple((minutes(begin), minutes(end)) for begin, end in document["workingHours"].get(day, ()))
                for day in WEEKDAYS
            ),
            dates=frozenset(date.fromisoformat(each) for each in free.get("dates", ())),
            public=public_holidays(free["country"], free.get("subdivision")) if "country" in free else {},
        )

    def works_on(self, day: date) -> bool:
        return bool(self.hours[day.weekday()]) and day not in self.dates and day not in self.public

    def next_moment(self, moment: datetime) -> datetime:
        """The moment itself when it is working time, else when that begins next. Raises NoWorkingTime."""
        for begin, end in self._stretches(moment):
            if end > moment:
                return max(begin, moment)
        raise NoWorkingTime("The calendar has no working time.")

    def after(self, moment: datetime, span: Span) -> datetime:
        """When the span has gone by, counted from a moment. Raises NoWorkingTime."""
        if span.weeks:
            moment = self._same_time(moment, self._local(moment).date() + timedelta(weeks=span.weeks))
        if span.days:
            moment = self._days_later(self.next_moment(moment), span.days)
        return self._time_later(moment, span.time) if span.time else self.next_or_end(moment)

    def next_or_end(self, moment: datetime) -> datetime:
        """As ``next_moment``, but the very end of working hours is still working time."""
        for begin, end in self._stretches(moment):
            if end >= moment:
                return max(begin, moment)
        raise NoWorkingTime("The calendar has no working time.")

    def _days_later(self, moment: datetime, days: int) -> datetime:
        day = self._local(moment).date()
        for _ in range(MOST_DAYS):
            day += timedelta(days=1)
            if self.works_on(day) and (days := days - 1) == 0:
                last = self._on(day)[-1][1]
                return min(self._same_time(moment, day), last)
        raise NoWorkingTime("The calendar has not that many working days.")

    def _time_later(self, moment: datetime, left: timedelta) -> datetime:
        for begin, end in self._stretches(moment):
            begin = max(begin, moment)
            if end <= begin:
                continue
            if end - begin >= left:
                return begin + left
            left -= end - begin
        raise NoWorkingTime("The calendar has not that much working time.")

    def _stretches(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = self._local(moment).date()
        for offset in range(MOST_DAYS):
            yield from self._on(day + timedelta(days=offset))

    def _on(self, day: date) -> list[tuple[datetime, datetime]]:
        if not self.works_on(day):
            return []
        return [(self._at(day, begin), self._at(day, end)) for begin, end in self.hours[day.weekday()]]

    def _at(self, day: date, minute: int) -> datetime:
        day, minute = (day + timedelta(days=1), 0) if minute == 24 * 60 else (day, minute)
        return datetime.combine(day, time(minute // 60, minute % 60), self.zone).astimezone(UTC)

    def _same_time(self, moment: datetime, day: date) -> datetime:
        return datetime.combine(day, self._local(moment).time(), self.zone).astimezone(UTC)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)


def minutes(text: str) -> int:
    """`09:30` → 570."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def public_holidays(country: str, subdivision: str | None) -> Mapping[date, str]:
    """The public holidays of a country, or of a part of it; a year is computed when a date of it is asked for."""
    return holidays.country_holidays(country, subdiv=subdivision)


def countries() -> Mapping[str, list[str]]:
    """Code of each known country → codes of its parts that have holidays of their own."""
    return holidays.list_supported_countries()
