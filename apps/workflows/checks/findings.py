"""Collecting what the checks find, and the words they share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.validation.violations import Violation

MAX_FINDINGS = 500
"""A document with more problems than this is told about the first ones; nobody reads more."""


@dataclass(slots=True)
class Findings:
    """The violations so far, in the order in which they were found."""

    violations: list[Violation] = field(default_factory=list)

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
    exact = [name for name in candidates if _folded(name) == _folded(word)]
    if exact:
        return exact[0]
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
    """A JSON Patch that writes the meant name at `pointer`, only when nothing else comes close."""
    names = sorted(set(known))
    meant = nearest(word, names)
    if meant is None:
        return None
    rivals = difflib.get_close_matches(word, names, n=2, cutoff=0.75)
    if _folded(meant) != _folded(word) and rivals != [meant]:
        return None
    return [{"op": "replace", "path": pointer, "value": meant}]


def listed(names: Iterable[str]) -> str:
    """`'a', 'b' and 'c'`, shortened after five."""
    quoted = [repr(name) for name in names]
    if len(quoted) > 5:
        quoted = [*quoted[:4], f"{len(quoted) - 4} more"]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")
