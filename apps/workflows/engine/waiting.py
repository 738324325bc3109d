"""What may be kept beside a wait so that an event finds it: the equalities whose run's side stays as it is meanwhile.

A condition is judged when the event comes, with what the run is then. Other branches and other items may have gone on by then,
set variables and ended steps; an equality with any of those is left to the condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .plan import Expression, Step
from .run import Run, Unusable

FIXED = frozenset({"input", "item", "index"})
"""Roots that never change where they are in scope."""

Correlation = tuple[tuple[str, Expression], ...]


def steady(steps: Mapping[str, Step]) -> dict[str, Step]:
    """The steps, each wait with only those of its equalities that can be relied on while it lasts."""
    return {step_id: _steady(steps, step) for step_id, step in steps.items()}


def fixed_from_the_start(correlation: Correlation) -> Correlation:
    """Those that read nothing but what is the same from the run's first step to its last."""
    return tuple((path, each) for path, each in correlation if all(_is_fixed(read) for read in each.reads))


def correlate(run: Run, correlation: Correlation) -> dict[str, Any]:
    """What an event must hold, as far as it can be said now. Only a shortcut: the condition itself decides."""
    found = {}
    for path, expression in correlation:
        try:
            found[path] = run.evaluate(expression)
        except (run.plan.language.error, Unusable):
            continue
    return found


def _steady(steps: Mapping[str, Step], step: Step) -> Step:
    if not step.correlation or step.parent is None:
        return step  # nothing else goes on in the run
    beside = list(_beside(steps, step))
    set_there = {name for each in beside for name, _ in each.set_variables}
    ended_there = {each.step_id for each in beside}

    def stays(read: tuple[str, ...]) -> bool:
        if read[0] == "vars":
            return not set_there if len(read) == 1 else read[1] not in set_there
        if read[0] == "steps":
            return not ended_there if len(read) == 1 else read[1] not in ended_there
        return _is_fixed(read)

    kept = tuple((path, each) for path, each in step.correlation if all(stays(read) for read in each.reads))
    return replace(step, correlation=kept)


def _is_fixed(read: tuple[str, ...]) -> bool:
    return read[0] in FIXED or read[:2] == ("workflow", "instance")


def _beside(steps: Mapping[str, Step], step: Step) -> Iterator[Step]:
    """The steps that may be under way while ``step`` waits: those of other branches, and of other items of the same loop."""
    inner = step
    while inner.parent is not None:
        around = steps[inner.parent]
        inside = [each for each in steps.values() if each.parent == around.step_id]
        if around.type == "FOR_EACH":
            # Results inside an item are its own, variables are the run's.
            yield from (replace(each, step_id="") for each in _with_inner(steps, inside))
        else:
            own = _reached(steps, inner, inside)
            yield from _with_inner(steps, [each for each in inside if each.step_id not in own])
        inner = around


def _reached(steps: Mapping[str, Step], step: Step, siblings: Iterable[Step]) -> set[str]:
    """The steps of the branch that a step lies in: those that lead to it or that it leads to, without those around them."""
    names = {each.step_id for each in siblings}
    ways: dict[str, set[str]] = {name: set() for name in names}
    for name in names:
        for target in steps[name].targets() & names:
            ways[name].add(target)
            ways[target].add(name)
    seen, pending = {step.step_id}, [step.step_id]
    while pending:
        for name in ways[pending.pop()] - seen:
            seen.add(name)
            pending.append(name)
    return seen


def _with_inner(steps: Mapping[str, Step], found: Iterable[Step]) -> Iterator[Step]:
    for each in found:
        yield each
        yield from _with_inner(steps, [step for step in steps.values() if step.parent == each.step_id])
