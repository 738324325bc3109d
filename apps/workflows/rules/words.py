"""Small words that sentences about definitions are made of, and the sentence itself with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from apps.validation.durations import parse_duration

MISSING = object()
SHOWN = 80
"""Characters of a value that a sentence shows."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed. ``kind``: added, removed, changed, renamed or moved."""

    kind: str
    path: str
    message: str
    before: Any = MISSING
    after: Any = MISSING
    step_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        found = {"kind": self.kind, "path": self.path, "message": self.message}
        found |= {} if self.before is MISSING else {"before": self.before}
        found |= {} if self.after is MISSING else {"after": self.after}
        return found | ({} if self.step_id is None else {"stepId": self.step_id})


def changed(path: str, message: str, before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> Change:
    """A change of one field of two objects; added or removed where only one of them has it."""
    kind = "added" if name not in before else "removed" if name not in after else "changed"
    return Change(kind, path, message, before.get(name, MISSING), after.get(name, MISSING))


def code(text: Any) -> str:
    """An expression or an id inside a sentence."""
    shown = str(text)
    return f"`{shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + '…'}`"


def value_words(value: Any) -> str:
    """A value as a sentence shows it."""
    if isinstance(value, str):
        bare = value.strip()
        return code(bare[2:-1].strip() if bare.startswith("${") and bare.endswith("}") else value)
    return code(orjson.dumps(value).decode())


def listed(names: Sequence[str], last: str = "and") -> str:
    """a, b and c"""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def time_words(value: Any) -> str:
    """`PT90M` → 1 hour 30 minutes; milliseconds the same; an expression as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000
    else:
        try:
            seconds = parse_duration(value).total_seconds()
        except ValueError:
            return value_words(value)
    parts = []
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = (seconds, 0) if size == 1 else divmod(seconds, size)
        if count:
            parts.append(f"{count:g} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts) or "no time"


def entries(before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """The keys in which two objects differ, with both values (MISSING where there is none)."""
    old = before if isinstance(before, Mapping) else {}
    new = after if isinstance(after, Mapping) else {}
    for name in [*old, *(name for name in new if name not in old)]:
        pair = old.get(name, MISSING), new.get(name, MISSING)
        if pair[0] != pair[1]:
            yield name, *pair
