"""Days among query parameters, in the server's zone."""

from __future__ import annotations

from datetime import date, datetime, time

from django.utils import timezone


def day_of(text: str | None) -> date | None:
    """A day like 2026-03-01; None for anything else, and for years that lie at the ends of the calendar."""
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    # The next day, and the same moment in another zone, must exist as well.
    return found if found is not None and 1900 <= found.year < 9999 else None


def midnight(day: date) -> datetime:
    """When the day begins."""
    return timezone.make_aware(datetime.combine(day, time.min))
