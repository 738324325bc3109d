"""What lies before and behind a position of a plan: which steps a run may still enter, what they will read and set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.workflows.engine.plan import Expression, Plan, Step

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A path that is read without a second thought, and the step that reads it (None: the run's own output)."""

    path: Path
    by: str | None


@dataclass(frozen=True, slots=True)
class Ahead:
    """What runs with a given set of positions have before them.

    ``entered``: steps that may still begin. ``results``: steps whose result they will or may still get. ``sets``: variables
    that may still be set.
    """

    entered: frozenset[str]
    results: frozenset[str]
    sets: frozenset[str]
    reads: tuple[Read, ...]


def ahead(plan: Plan, positions: Iterable[str], within: str | None = None) -> Ahead:
    """What is still to come for a run that stands at all of ``positions``; for one not yet begun when there are none.

    ``within``: the loop whose item the positions belong to, if only what is to come of that item is asked for.
    """
    standing = [plan.steps[step_id] for step_id in positions]
    pending = [target for step in standing for target in _out_of(plan, step, within)]
    pending += [] if standing else [plan.start_at]
    pending += [] if plan.on_failure is None or within is not None else plan.on_failure.targets()
    entered: set[str] = set()
    while pending:
        step_id = pending.pop()
        if step_id not in entered:
            entered.add(step_id)
            pending += _followers(plan, plan.steps[step_id], within)
    results = set(entered)
    for step in standing:
        results |= {step.step_id, *_around(plan, step)}
    left = [step for step in standing if step.step_id not in entered]
    steps = [plan.steps[step_id] for step_id in entered]
    leaving = [(step, _on_the_way_out(step)) for step in left]
    reading = [(step, _expressions(step)) for step in steps] + leaving
    reads = [Read(path, step.step_id) for step, found in reading for path in _certain_reads(found)]
    if any(_may_end(step) for step in (*steps, *standing)):
        final = [plan.output, *(payload for _, payload in plan.on_complete)]
        reads += [Read(path, None) for path in _certain_reads([each for each in final if each is not None])]
    sets = {name for step in (*steps, *left) for name, _ in step.set_variables}
    reads.sort(key=lambda read: (read.path, read.by or ""))
    return Ahead(frozenset(entered), frozenset(results), frozenset(sets), tuple(reads))


def behind(plan: Plan, positions: Iterable[str], within: str | None = None) -> frozenset[str]:
    """The steps whose result a run at all of ``positions`` may have already; none before it has begun.

    ``within`` as for :func:`ahead`.
    """
    leading: dict[str, list[str]] = {step_id: [] for step_id in plan.steps}
    for step in plan.steps.values():
        if within is None or within in step.scopes:
            for target in _followers(plan, step, within):
                leading[target].append(step.step_id)
    found: set[str] = set()
    for position in positions:
        pending = list(leading[position])
        # What lies in another branch of the same fork may be done, wherever this branch stands.
        around = set(_around(plan, plan.steps[position], within))
        pending += [each.step_id for each in plan.steps.values() if around.intersection(_around(plan, each, within))]
        while pending:
            step_id = pending.pop()
            if step_id not in found:
                found.add(step_id)
                pending += leading[step_id]
    return frozenset(found)


def branches_of(plan: Plan) -> dict[str, int]:
    """Step → the number of the branch that it lies in, for steps directly inside a fork of several paths."""
    found: dict[str, int] = {}
    for fork in plan.steps.values():
        for index, branch in enumerate(fork.branches):
            pending = [branch.start_at]
            while pending:
                step_id = pending.pop()
                if step_id not in found and plan.steps[step_id].parent == fork.step_id:
                    found[step_id] = index
                    pending += _exits(plan.steps[step_id])
    return found


def _followers(plan: Plan, step: Step, within: str | None) -> list[str]:
    """Every step that may be entered next once ``step`` was."""
    return [*step.targets(), *_out_of(plan, step, within)]


def _out_of(plan: Plan, step: Step, within: str | None) -> list[str]:
    """Where leaving a step may lead: its own ways out, and those of everything it is nested in."""
    found = [*_exits(step)]
    for parent in _around(plan, step, within):
        found += _exits(plan.steps[parent])
    return found


def _exits(step: Step) -> set[str]:
    """Where a step leads to once it is left. Branches begin when it is entered; the items of a map go on beginning."""
    targets = step.targets()
    return targets - {branch.start_at for branch in step.branches} if step.type == "PARALLEL" else targets


def _around(plan: Plan, step: Step, within: str | None = None) -> Iterator[str]:
    """Everything a step is nested in, from the inside out; up to ``within``, which is left out."""
    parent = step.parent
    while parent is not None and parent != within:
        yield parent
        parent = plan.steps[parent].parent


def _expressions(step: Step) -> list[Expression]:
    """What entering and leaving a step reads of the run. A task's own parameters read the task's input instead."""
    found = step.expressions()
    return [each for each in found if each is not step.manual] if step.task is not None else found


def _on_the_way_out(step: Step) -> list[Expression]:
    """What is still evaluated of a step that was entered already."""
    found = [expression for _, expression in step.set_variables]
    found += [expression for expression, _ in step.next if expression is not None]
    if step.type == "EVENT_WAIT":
        found += [each for each in (step.event_condition, step.output) if each is not None]
    return found


def _may_end(step: Step) -> bool:
    """Whether the run may end at this step with the output that its definition builds."""
    if step.parent is not None:
        return False
    if step.type == "END":
        return step.output is None and step.status in ("", "COMPLETED")
    certain = any(condition is None for condition, _ in step.next) or "default" in step.transitions
    return step.type != "DECISION" and not certain


def _certain_reads(expressions: Iterable[Expression]) -> Iterator[Path]:
    """What is read and is an error when it is not there; what an expression asks for first (``has``) is not."""
    for expression in expressions:
        asked = expression.optional_reads
        for path in expression.reads - asked:
            if not any(path[:length] in asked for length in range(1, len(path))):
                yield path
