"""Single values in other spellings: ids, versions, durations, permissions, words of a list.

Each function gives the value as it is written here, or None when the text cannot be read so with certainty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from apps.auth.catalogue import ROLES
from apps.validation.durations import DurationError, format_duration, parse_duration

from .kinds import fold

_ID = re.compile(r"[a-z][a-z0-9_-]{0,254}\Z")
_STEP_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}\Z")
_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_SHORT_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)\Z", re.ASCII)
_VERSION = re.compile(r"[vV]?\.?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,40})?\Z", re.ASCII)  # fmt: skip
UNITS = {
    "milliseconds": ("ms", "millis", "msec", "msecs", "millisecond", "milliseconds"),
    "seconds": ("s", "sec", "secs", "second", "seconds"),
    "minutes": ("m", "min", "mins", "minute", "minutes"),
    "hours": ("h", "hr", "hrs", "hour", "hours"),
    "days": ("d", "day", "days"),
    "weeks": ("w", "week", "weeks"),
}
UNIT_OF = {word: unit for unit, words in UNITS.items() for word in words}

_VERBS = frozenset(
    {
        "create",
        "read",
        "update",
        "delete",
        "list",
        "write",
        "edit",
        "view",
        "test",
        "run",
        "execute",
        "approve",
        "assign",
        "start",
        "stop",
        "cancel",
        "manage",
        "export",
        "import",
        "publish",
        "deploy",
        "share",
        "archive",
        "design",
        "work",
        "record",
        "use",
        "steer",
    }
)
_SCOPES = frozenset({"own", "assigned", "department"})


def ascii_of(text: str) -> str:
    """The text with accents taken off: `Überprüfung` → `Uberprufung`."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def business_id(text: str) -> str | None:
    """`OrderProcessing`, `Order processing` → `order-processing`; always the same for the same text."""
    if _ID.match(text):
        return text
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", ascii_of(text[:1000]))
    slug = re.sub(r"[^a-z0-9_]+", "-", parted.lower()).strip("-_")
    if not slug:
        return None
    return (slug if slug[0].isalpha() else f"id-{slug}")[:255]


def step_id(text: str) -> str | None:
    """`Check stock` → `Check_stock`, `1st` → `_1st`."""
    if _STEP_ID.match(text):
        return text
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", ascii_of(text[:1000])).strip("_")
    if not slug:
        return None
    return (slug if _STEP_ID.match(slug) else f"_{slug}")[:255]


def case_id(text: str) -> str | None:
    if _CASE_ID.match(text):
        return text
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", ascii_of(text[:1000])).strip("-._")
    return slug[:128] or None


def event_name(text: str) -> str | None:
    """`orders/placed`, `orders:placed` → `orders.placed`."""
    return re.sub(r"[:/]+", ".", text).strip(".") or None


def version(value: Any) -> str | None:
    """`1`, `1.2`, `v1.2`, `1.2-beta` → three numbers and what follows."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _VERSION.match(str(value).strip())
    if match is None:
        return None
    numbers = ".".join(str(int(part or 0)) for part in match.group(1, 2, 3))
    return numbers + (match[4] or "") + (match[5] or "")


def duration(value: Any, unit: str = "") -> str | None:
    """`30s`, `5 min`, or a number whose `unit` is known → ISO 8601."""
    try:
        if isinstance(value, str):
            if (read := _readable(value)) is not None:
                return read
            match = _SHORT_DURATION.match(value.strip().lower())
            if match is None and unit:
                return duration(float(value), unit) if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value.strip()) else None
            if match is None or match[2] not in UNIT_OF:
                return None
            return duration(float(match[1]), UNIT_OF[match[2]])
        if isinstance(value, bool) or not isinstance(value, int | float) or not unit or value < 0:
            return None
        return format_duration(timedelta(**{unit: value}))
    except (OverflowError, ValueError):
        return None


def _readable(text: str) -> str | None:
    """The text itself when it is a duration already, with capitals."""
    try:
        parse_duration(text)
    except DurationError:
        try:
            parse_duration(text.upper())
        except DurationError:
            return None
        return text.upper()
    return text


def milliseconds(value: Any, unit: str = "milliseconds") -> int | None:
    """What `duration` reads, as whole milliseconds."""
    text = duration(value, unit)
    return None if text is None else round(parse_duration(text).total_seconds() * 1000)


def word(value: str, choices: Sequence[Any]) -> Any | None:
    """The one choice that is spelled like this but for case and separators."""
    found = [choice for choice in choices if isinstance(choice, str) and fold(choice) == fold(value)]
    return found[0] if len(found) == 1 else None


def permission(text: str) -> tuple[str | None, list[str]]:
    """`perm_create_workflow`, `workflow.create` → `create:workflow`; without certainty None and what it could be."""
    bare = re.sub(r"^(perm|permission|permissions)[_.:\-/]", "", text.strip().lower())
    parts = [part for part in re.split(r"[_.:\-/\s]+", bare) if part]
    if not 2 <= len(parts) <= 8 or not all(re.fullmatch(r"[a-z]+", part) for part in parts):
        return None, []
    scope = f":{parts.pop()}" if len(parts) > 2 and parts[-1] in _SCOPES else ""
    first, last = parts[0] in _VERBS, parts[-1] in _VERBS
    forward = f"{parts[0]}:{'_'.join(parts[1:])}{scope}"
    backward = f"{parts[-1]}:{'_'.join(parts[:-1])}{scope}"
    if first and not last:
        return forward, []
    if last and not first:
        return backward, []
    return None, [forward, backward]


def known_permissions() -> list[str]:
    """What the roles of this platform grant, without scopes."""
    listed = {":".join(each.split(":")[:2]) for role in ROLES.values() for each in role.permissions if ":" in each}
    return sorted(each for each in listed if "*" not in each)
