"""Collecting what the checks find, and the words they share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.validation.violations import Violation

MAX_FINDINGS = 500
"""A document with more problems than this is told about the first ones; nobody reads more."""


@dataclass(frozen=True, slots=True)
class Read:
    """A path that an expression reads, from its root on. `event`: the pattern of the event it is about, if any."""

    pointer: str
    column: int
    path: tuple[str, ...]
    text: str
    event: str | None = None


@dataclass(slots=True)
class Findings:
    """The violations so far, in the order in which they were found, and what was read from steps and events."""

    violations: list[Violation] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    _said: set[tuple[str, ...]] = field(default_factory=set)

    def first(self, key: tuple[str, ...]) -> bool:
        """True the first time that it is asked for a key: for what is to be said once only."""
        new = key not in self._said
        self._said.add(key)
        return new

    def error(self, code: str, pointer: str, message: str, **more: Any) -> None:
        """`more`: hint, fix, column as in :class:`Violation`."""
        self.add(Violation(code, message, pointer, "error", **more))

    def warning(self, code: str, pointer: str, message: str, **more: Any) -> None:
        """Something that may be meant, or that cannot be known before it runs."""
        self.add(Violation(code, message, pointer, "warning", **more))

    def add(self, violation: Violation) -> None:
        if len(self.violations) < MAX_FINDINGS:
            self.violations.append(violation)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that was most probably meant, or None."""
    candidates = sorted(set(known))
    certain = certainly_meant(word, candidates)
    if certain is not None:
        return certain
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], *, noun: str = "names") -> str:
    """`Did you mean 'x'?`, or the list of what exists when it is short, or nothing."""
    names = sorted(set(known))
    meant = nearest(word, names)
    if meant is not None:
        return f"Did you mean {meant!r}?"
    return f"Known {noun}: {', '.join(names)}." if 0 < len(names) <= 12 else ""


def certain_fix(word: str, known: Iterable[str], pointer: str) -> list[dict[str, Any]] | None:
    """A JSON Patch that writes the meant name at `pointer`, only when it is certain which was meant."""
    meant = certainly_meant(word, known)
    return None if meant is None else [{"op": "replace", "path": pointer, "value": meant}]


def certainly_meant(word: str, known: Iterable[str]) -> str | None:
    """The one known name that differs only in its spelling, or by very few letters; None when there are several."""
    names = set(known)
    spelled = [name for name in names if _folded(name) == _folded(word)]
    if spelled:
        return spelled[0] if len(spelled) == 1 else None
    close = [name for name in names if _distance(word, name) <= max(1, len(word) // 4)]
    return close[0] if len(close) == 1 else None


def _distance(first: str, second: str) -> int:
    """How many letters were forgotten, added, changed or swapped with their neighbour."""
    if abs(len(first) - len(second)) > len(first) // 4 + 1:
        return len(first)
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def listed(names: Iterable[str]) -> str:
    """`'a', 'b' and 'c'`, shortened after five."""
    quoted = [repr(name) for name in names]
    if len(quoted) > 5:
        quoted = [*quoted[:4], f"{len(quoted) - 4} more"]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")
