"""ISO 8601 durations (`PT5M`, `P1DT12H`) as Python timedeltas.

Years and months are refused: a timer must mean one length, and theirs depends on the calendar.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

_PATTERN = re.compile(
    r"P(?=\d|T\d)(?:(?P<weeks>\d{1,9}(?:[.,]\d{1,9})?)W)?(?:(?P<days>\d{1,9}(?:[.,]\d{1,9})?)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9}(?:[.,]\d{1,9})?)H)?(?:(?P<minutes>\d{1,9}(?:[.,]\d{1,9})?)M)?"
    r"(?:(?P<seconds>\d{1,9}(?:[.,]\d{1,9})?)S)?)?",
    re.ASCII,
)
_LONGEST = timedelta(days=36_525)


class DurationError(ValueError):
    """The text is not a duration; the message says what would be."""


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> timedelta:
    """`PT5M` → 5 minutes. Raises DurationError for anything else, negative or over a hundred years."""
    if not isinstance(text, str):
        raise DurationError("A duration is a text in ISO 8601 form, for example PT5M for five minutes.")
    stripped = text.strip()
    if stripped.startswith("-"):
        raise DurationError(f"The duration {stripped!r} is negative; time only goes forward here.")
    match = _PATTERN.fullmatch(stripped)
    if match is None:
        raise DurationError(_explain(stripped))
    parts = {unit: float(value.replace(",", ".")) for unit, value in match.groupdict().items() if value}
    try:
        duration = timedelta(**parts)
    except OverflowError:
        duration = timedelta.max
    if duration > _LONGEST:
        raise DurationError(f"The duration {stripped!r} is longer than a hundred years.")
    return duration


def split_duration(text: str) -> tuple[int, int, timedelta]:
    """`P1W2DT3H` → (1, 2, 3 hours): weeks, days and time apart, for who counts them differently. Raises DurationError."""
    parse_duration(text)
    match = _PATTERN.fullmatch(text.strip())
    assert match is not None
    given = {unit: value.replace(",", ".") for unit, value in match.groupdict().items() if value}
    weeks, days = given.pop("weeks", "0"), given.pop("days", "0")
    if not (weeks.isdigit() and days.isdigit()):
        raise DurationError(f"{text!r} has a part of a day or of a week; count those in hours.")
    return int(weeks), int(days), timedelta(**{unit: float(value) for unit, value in given.items()})


def _explain(text: str) -> str:
    shown = text if len(text) <= 40 else text[:37] + "…"
    if re.fullmatch(r"P(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?(?:T[\dHMS.,]+)?", text, re.ASCII):
        return f"The duration {shown!r} has years or months, whose length varies; use days (P30D) instead."
    return f"{shown!r} is not an ISO 8601 duration; write PT30S, PT5M, PT2H, P1D or P1DT12H."


def format_duration(duration: timedelta) -> str:
    """The canonical text of a duration: days, hours, minutes, seconds; zero is `PT0S`."""
    if duration < timedelta(0):
        raise DurationError("A negative duration has no text form here.")
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{duration.microseconds:06d}".rstrip("0") if duration.microseconds else ""
    date = f"{duration.days}D" if duration.days else ""
    time = (
        (f"{hours}H" if hours else "")
        + (f"{minutes}M" if minutes else "")
        + (f"{seconds}{fraction}S" if seconds or fraction else "")
    )
    if not date and not time:
        return "PT0S"
    return "P" + date + ("T" + time if time else "")
