"""Which class does which `implementation.kind`. Other packages add kinds by the entry point group below."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from .base import Executor
from .expression import ExpressionExecutor
from .http import HttpExecutor

ENTRY_POINTS = "augmented_os.executors"
HUMAN = "HUMAN"


@cache
def _executors() -> dict[str, Executor]:
    built_in: list[Executor] = [ExpressionExecutor(), HttpExecutor()]
    found = {executor.kind: executor for executor in built_in}
    for entry in entry_points(group=ENTRY_POINTS):
        executor = entry.load()()
        found.setdefault(executor.kind, executor)
    return found


def executor_for(kind: str) -> Executor | None:
    """The executor of `kind`; None for HUMAN (a person does it) and for kinds that this installation lacks."""
    return _executors().get(kind)


def known_kinds() -> frozenset[str]:
    """Every kind that can be done here, HUMAN included."""
    return frozenset(_executors()) | {HUMAN}
