"""Times among query parameters."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, is_naive

from apps.validation.problems import BadInput


def instant(parameters: QueryDict, name: str) -> datetime | None:
    """An ISO 8601 time; None when it is not given. BadInput for anything else."""
    given = parameters.get(name, "").strip()
    if not given:
        return None
    try:
        # A + that nobody encoded arrives as a blank.
        value = parse_datetime(given.replace(" ", "+"))
    except ValueError:
        value = None
    if value is None:
        raise BadInput(f"{name} is a date and time like 2026-12-31T18:00:00Z.")
    return value.replace(tzinfo=get_current_timezone()) if is_naive(value) else value
