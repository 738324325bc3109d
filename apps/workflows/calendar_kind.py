"""Working calendars as a kind of definition."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from apps.validation.definitions.services import DefinitionKind
from apps.validation.violations import Violation

from .models import CalendarDefinition
from .rules.calendars import countries, minutes


def _checks(document: dict[str, Any]) -> list[Violation]:
    return [*_hours(document["workingHours"]), *_holidays(document.get("holidays") or {})]


def _hours(given: dict[str, list[list[str]]]) -> Iterator[Violation]:
    if not any(given.values()):
        yield Violation("no-working-time", "The calendar has no working hours at all.", "/workingHours")
    for day, pairs in given.items():
        last = 0
        for index, (begin, end) in enumerate(pairs):
            pointer = f"/workingHours/{day}/{index}"
            if minutes(end) <= minutes(begin):
                hint = "Work that goes past midnight is two pairs: until 24:00, and from 00:00 on the next day."
                yield Violation("hours-order", f"{begin} to {end} is no time.", pointer, hint=hint)
            elif minutes(begin) < last:
                yield Violation("hours-order", f"{begin} lies before the end of the hours before it.", pointer)
            last = max(last, minutes(end))


def _holidays(given: dict[str, Any]) -> Iterator[Violation]:
    country, part = given.get("country"), given.get("subdivision")
    if country is None:
        return
    known = countries()
    if country not in known:
        close = get_close_matches(country, known, n=3)
        hint = f"Did you mean {', '.join(close)}?" if close else "Give the free days as dates instead."
        yield Violation("unknown-country", f"The holidays of {country} are not known.", "/holidays/country", hint=hint)
    elif part is not None and part not in known[country]:
        names = ", ".join(known[country][:60])
        hint = f"Known parts: {names}." if names else "It has none; leave the subdivision away."
        yield Violation("unknown-subdivision", f"{country} has no part {part!r}.", "/holidays/subdivision", hint=hint)


CALENDAR: DefinitionKind[CalendarDefinition] = DefinitionKind(
    "calendar", "calendarId", CalendarDefinition, _checks, order=10
)
