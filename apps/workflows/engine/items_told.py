"""Telling of the items of a FOR_EACH as of one: how many there are by status, from when to when."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from .transitions import ACTIVE_STEP, StepStatus


def inside_items(rows: Iterable[tuple[Hashable, Hashable | None, bool]]) -> set[Hashable]:
    """Which of these lie in an item of a FOR_EACH. ``rows``: (id, id of the parent, whether it is an item), parents first."""
    holders: set[Hashable] = set()
    inside: set[Hashable] = set()
    for key, parent, is_item in rows:
        if parent in holders:
            inside.add(key)
        if is_item or parent in holders:
            holders.add(key)
    return inside


def count_in(told: dict[str, Any], name: str, status: StepStatus, started: Any, completed: Any) -> None:
    """Take one more into what is told of a step: ``items`` beside the step's own visit, ``visits`` in place of it."""
    first = name not in told
    counts = told.setdefault(name, {"total": 0, "byStatus": {}})
    counts["total"] += 1
    counts["byStatus"][status.value] = counts["byStatus"].get(status.value, 0) + 1
    if name == "items":
        return
    told["startedAt"] = started if first else min(filter(None, (told["startedAt"], started)), default=None)
    told["completedAt"] = completed if first else max(filter(None, (told["completedAt"], completed)), default=None)
    told["status"] = _one_word(counts["byStatus"])
    told |= dict.fromkeys(("input", "output", "outcome", "error"))
    if any(each.value in counts["byStatus"] for each in ACTIVE_STEP):
        told["completedAt"] = None


_ORDER = ("RUNNING", "WAITING", "PENDING", "FAILED", "TIMED_OUT", "COMPLETED", "COMPENSATED", "CANCELLED")


def _one_word(by_status: dict[str, int]) -> str:
    """What is under way, else what went wrong, else how it ended."""
    return next((status for status in _ORDER if status in by_status), "SKIPPED")
