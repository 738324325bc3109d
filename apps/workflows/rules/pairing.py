"""Which step of a new version a step of an old one has become, where its id is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from apps.workflows.engine.plan import Plan

CERTAIN = 2.0
"""Below this likeness a pair is a guess, and no guess is made."""
MARGIN = 0.9
"""How far a pair must be ahead of the next best one."""
START, END = "→", "←"
"""Stand for what comes before the first step and after a last one; no step id looks like that."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells a step apart from others when its id does not. ``before``, ``after``: the steps next to it."""

    step_id: str
    type: str
    name: str
    parent: str | None
    task: str = ""
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


def shapes_of(plan: Plan) -> dict[str, Shape]:
    """The shape of every step of a plan, undoing steps left out."""
    undoing = set(plan.compensations.values())
    targets = {step_id: step.targets() for step_id, step in plan.steps.items() if step_id not in undoing}
    before = neighbours(targets, plan.start_at)
    return {
        step_id: Shape(
            step_id,
            plan.steps[step_id].type,
            plan.steps[step_id].name,
            plan.steps[step_id].parent,
            task.task_id if (task := plan.steps[step_id].task) is not None else "",
            before[step_id],
            frozenset(found or {END}),
        )
        for step_id, found in targets.items()
    }


def neighbours(targets: Mapping[str, Iterable[str]], start_at: str) -> dict[str, frozenset[str]]:
    """Step → the steps that lead to it; START for the first."""
    found: dict[str, set[str]] = {step_id: set() for step_id in targets}
    if start_at in found:
        found[start_at].add(START)
    for step_id, following in targets.items():
        for target in following:
            if target in found:
                found[target].add(step_id)
    return {step_id: frozenset(each) for step_id, each in found.items()}


def pair(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> dict[str, str]:
    """Old id → new id, for the steps that are certainly the same under another id.

    Certain: of one type, in the same place, with the same task if they have one, alike in name or in what stands before
    and after them, and no other step comes near. A pair that is found makes its neighbours more certain, so it goes on
    until nothing is added.
    """
    pairs: dict[str, str] = {}
    while found := _certain(old, new, pairs):
        pairs |= found
    return pairs


def _certain(old: Mapping[str, Shape], new: Mapping[str, Shape], pairs: Mapping[str, str]) -> dict[str, str]:
    gone = [shape for step_id, shape in old.items() if step_id not in new and step_id not in pairs]
    fresh = [shape for step_id, shape in new.items() if step_id not in old and step_id not in set(pairs.values())]
    likeness = {(a.step_id, b.step_id): _likeness(a, b, pairs) for a in gone for b in fresh}
    found = {}
    for (mine, theirs), score in likeness.items():
        rivals = [
            other for (a, b), other in likeness.items() if (a == mine) != (b == theirs)
        ]  # another step for this one, or this one for another step
        if score >= CERTAIN and all(score - other >= MARGIN for other in rivals):
            found[mine] = theirs
    return found


def _likeness(a: Shape, b: Shape, pairs: Mapping[str, str]) -> float:
    parent = None if a.parent is None else pairs.get(a.parent, a.parent)
    if a.type != b.type or parent != b.parent or a.task != b.task:
        return 0.0
    score = 2.0 if a.task else 0.0
    if a.name == b.name:
        score += 3.0
    else:
        score += 2 * max(_alike(a.name, b.name), _alike(a.step_id, b.step_id))
    score += 1.0 if {pairs.get(each, each) for each in a.before} & b.before else 0.0
    score += 1.0 if {pairs.get(each, each) for each in a.after} & b.after else 0.0
    return score


def _alike(a: str, b: str) -> float:
    """From 0 to 1; what has little in common has nothing in common."""
    ratio = SequenceMatcher(None, a.casefold(), b.casefold()).ratio()
    return ratio if ratio >= 0.6 else 0.0
