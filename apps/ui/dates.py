"""Days among query parameters, in the server's zone."""

from __future__ import annotations

from datetime import date, datetime, time

from django.utils import timezone


def day_of(text: str | None) -> date | None:
    """A day like 2026-03-01; None for anything else."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def midnight(day: date) -> datetime:
    """When the day begins."""
    return timezone.make_aware(datetime.combine(day, time.min))
