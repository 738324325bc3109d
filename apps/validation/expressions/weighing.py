"""What the runtime's own loops may cost, weighed before they start: once inside, nothing can stop them.

A test like `list.all(x, x in other)` costs its rounds times the size of what each round may look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.validation.expressions.errors import EvaluationError
from apps.validation.expressions.program import NativeLoop

MAX_ROUNDS = 10_000
"""The runtime's own limit for one evaluation."""
MAX_WORK = 3_000_000
"""Rounds times values or characters looked at: about a tenth of a second."""


def check_work(loops: tuple[NativeLoop, ...], data: Mapping[str, Any]) -> None:
    """Raise EvaluationError if the loops could take too long with this data."""
    for loop in loops:
        if not loop.captured:
            continue
        rounds = MAX_ROUNDS if loop.nested or len(loop.ranges) != 1 else _length(data.get(next(iter(loop.ranges))))
        allowed = MAX_WORK // max(1, min(rounds, MAX_ROUNDS))
        if sum(size(data.get(name), allowed) for name in loop.captured) > allowed:
            message = "A test of a long list looks at a large value in each round; make that value smaller first."
            raise EvaluationError("too-much-work", message)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 1


def size(value: Any, limit: int) -> int:
    """Characters and values in a JSON value, counted until they exceed the limit."""
    total = 0
    pending = [value]
    while pending and total <= limit:
        current = pending.pop()
        total += 1
        if isinstance(current, str):
            total += len(current) // 16
        elif isinstance(current, list):
            total += len(current)
            if total <= limit:
                pending.extend(current)
        elif isinstance(current, dict):
            total += len(current)
            if total <= limit:
                pending.extend(current.values())
    return total
