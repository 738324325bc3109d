"""``error`` in expressions: which failure led to where an expression stands.

It is not kept anywhere: it is the latest failed execution among those that the definition lets lead there. The plan knows
them for each place that reads ``error``; definitions that never do have no such places, and pay nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .plan import Expression, FailureRule, Sources, Step
from .transitions import StepStatus

if TYPE_CHECKING:
    from .run import Run

AT_THE_END = "$end"
"""The place of the workflow's own output and of what it emits when it is complete."""

RUN_FAILED = "!"
"""Beside the visits of the steps: the number of the entry at which the run itself failed, where its handler reads why."""

_FAILED = frozenset({StepStatus.FAILED, StepStatus.TIMED_OUT})


def each_item(step_id: str) -> str:
    """The place where what an item of a FOR_EACH gives is computed, at the end of its round."""
    return f"{step_id}[]"


def sources(
    steps: Mapping[str, Step], on_failure: FailureRule | None, undoing: Iterable[str], at_the_end: list[Expression]
) -> dict[str, Sources]:
    """Place → the failures that ``error`` may be there, for the places that read it.

    A failure that was dealt with inside a branch or an item stays there. One that led to a PARALLEL or FOR_EACH is also seen
    inside it.
    """
    readers = [step for step in steps.values() if _reads(step.expressions())]
    ends = _reads(at_the_end)
    if not readers and not ends:
        return {}
    leads: dict[str, set[str]] = {}
    for step in steps.values():
        for step_id in _reached(steps, _ways_on(step), step.parent):
            leads.setdefault(step_id, set()).add(step.step_id)
    handling = _reached(steps, on_failure.targets() if on_failure is not None else (), None)
    handling |= set(undoing)
    found: dict[str, Sources] = {}
    for step in readers:
        around = list(_around(steps, step))
        led = frozenset().union(*(leads.get(each, ()) for each in around))
        of_run = any(each in handling for each in around)
        found[step.step_id] = Sources(led, of_run)
        if step.type == "FOR_EACH":
            inside = {each.step_id for each in steps.values() if each.parent == step.step_id and _ways_on(each)}
            found[each_item(step.step_id)] = Sources(led | inside, of_run)
    if ends:
        own = frozenset(each.step_id for each in steps.values() if each.parent is None and _ways_on(each))
        found[AT_THE_END] = Sources(own, bool(handling))
    return found


def failure(run: Run) -> dict[str, Any] | None:
    """What ``error`` is where the run evaluates now; None when no failure led there."""
    known, scope = run.plan.errors[run.at], run.scope
    latest, error = 0, None
    while True:
        results = run.scopes.results(scope) if scope else run.results
        for step_id in known.steps:
            execution = results.get(step_id)
            if execution is not None and execution.status in _FAILED and execution.seq >= latest:
                latest, error = execution.seq, execution.error
        item = run.scopes.item(scope)
        if item is None:
            break
        assert item.parent_id is not None
        scope = run.executions[item.parent_id].scope
    if known.of_run and run.instance.error is not None and run.instance.visits.get(RUN_FAILED, 0) >= latest:
        return run.instance.error
    return error


def note(run: Run) -> None:
    """The run itself has failed, and something goes on because of that: what failed before is not the latest any more."""
    if run.plan.errors:
        run.instance.visits[RUN_FAILED] = run.instance.seq


def _reads(expressions: list[Expression]) -> bool:
    return any(path[0] == "error" for expression in expressions for path in expression.reads)


def _ways_on(step: Step) -> set[str]:
    """Where a failure of the step may lead on its path."""
    found = set(step.transitions.values())
    if step.timeout_handler is not None:
        found.add(step.timeout_handler)
    if step.on_failure is not None:
        found |= step.on_failure.targets()
        if step.on_failure.action == "continue" and step.on_failure.next_step_id is None:
            found |= {target for _, target in step.next}
    return found


def _reached(steps: Mapping[str, Step], begun: Iterable[str], parent: str | None) -> set[str]:
    """The steps that a path may come to from there before its branch or item ends, without those inside of others."""
    seen: set[str] = set()
    pending = list(begun)
    while pending:
        step_id = pending.pop()
        if step_id not in seen and step_id in steps and steps[step_id].parent == parent:
            seen.add(step_id)
            pending.extend(steps[step_id].targets())
    return seen


def _around(steps: Mapping[str, Step], step: Step) -> Iterable[str]:
    at: Step | None = step
    while at is not None:
        yield at.step_id
        at = steps[at.parent] if at.parent else None
