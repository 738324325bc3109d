"""Where a path goes when it leaves a step: every place of the document that names a next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from apps.validation.violations import pointer_to

from .graph import How
from .outline import Step, mapping, records, text

Assumptions = tuple[tuple[str, bool], ...]
MAX_REMEMBERED_CHOICES = 30
"""How many earlier choices a later one remembers to be false; more would only cost time."""


@dataclass(frozen=True, slots=True)
class Jump:
    """One way out of a step. `target` is None where the path ends; `how` and `assumes` as on an edge."""

    target: str | None
    how: How
    pointer: str
    assumes: Assumptions = ()


def jumps(step: Step, outcomes: Sequence[str] | None) -> list[Jump]:
    """Every way out of `step`. `outcomes`: what its task can end with, None when that is open."""
    if step.type == "END":
        return []
    regular = list(_regular(step, outcomes))
    onward = list(_onward(step))
    found = regular
    condition = step.document.get("condition")
    if condition is not None:
        # A skipped step goes on as if it had no outcome.
        skipped: Assumptions = ((condition, False),) if isinstance(condition, str) else ()
        found = found + [replace(jump, how=How.SKIPPED, assumes=skipped + jump.assumes) for jump in onward]
    return found + _on_failure(step, onward)


def never_onward(step: Step) -> str | None:
    """What makes a step's `next` useless, if anything does."""
    if text(mapping(step.document, "transitions"), "default") is not None:
        return "the `default` transition"
    if step.type == "DECISION" and text(step.document, "default") is not None:
        return "`default`"
    return "END" if step.type == "END" else None


def named_in_vain(step: Step) -> Iterator[tuple[str, str]]:
    """(step id, pointer) of the targets of a `next` that is never taken; they must exist all the same."""
    if never_onward(step) is None:
        return
    if (target := text(step.document, "next")) is not None:
        yield target, step.pointer + "/next"
    for index, entry in records(step.document, "next"):
        if (target := text(entry, "nextStepId")) is not None:
            yield target, step.pointer + pointer_to("next", index, "nextStepId")


def condition_of(step: Step) -> Assumptions:
    """What holds inside a step that has a condition."""
    condition = step.document.get("condition")
    return ((condition, True),) if isinstance(condition, str) else ()


def _regular(step: Step, outcomes: Sequence[str] | None) -> Iterator[Jump]:
    """The ways out after success."""
    if step.type == "DECISION":
        yield from _choices(step)
        # Without a default the step fails when no choice is true, so its path does not end there.
        yield from (jump for jump in _onward(step) if jump.target is not None)
        return
    transitions = mapping(step.document, "transitions")
    for outcome, target in transitions.items():
        if isinstance(target, str) and outcome != "default":
            # Where all outcomes are known, any other word can only be an error code.
            how = How.EITHER if outcomes is None else How.SUCCESS if outcome in outcomes else How.FAILURE
            yield Jump(target, how, step.pointer + pointer_to("transitions", outcome))
    if "default" in transitions or not covers(transitions, outcomes):
        yield from _onward(step)


def covers(transitions: Mapping[str, object], outcomes: Sequence[str] | None) -> bool:
    """Whether there is a transition for everything that the task can end with."""
    return bool(outcomes) and all(outcome in transitions for outcome in outcomes or ())


def _choices(step: Step) -> Iterator[Jump]:
    earlier: list[tuple[str, bool]] = []
    for index, choice in records(step.document, "choices"):
        condition, target = choice.get("condition"), text(choice, "nextStep")
        holds: Assumptions = ((condition, True),) if isinstance(condition, str) else ()
        if target is not None:
            pointer = step.pointer + pointer_to("choices", index, "nextStep")
            yield Jump(target, How.SUCCESS, pointer, tuple(earlier) + holds)
        if isinstance(condition, str) and len(earlier) < MAX_REMEMBERED_CHOICES:
            earlier.append((condition, False))


def _onward(step: Step) -> Iterator[Jump]:
    """Where the path goes when no outcome or choice decides: `default`, else `next`, else it ends."""
    default = text(mapping(step.document, "transitions"), "default")
    if default is not None:
        yield Jump(default, How.SUCCESS, step.pointer + "/transitions/default")
        return
    earlier: Assumptions = ()
    if step.type == "DECISION":
        conditions = (choice.get("condition") for _, choice in records(step.document, "choices"))
        texts = [condition for condition in conditions if isinstance(condition, str)]
        earlier = tuple((condition, False) for condition in texts[:MAX_REMEMBERED_CHOICES])
        if (otherwise := text(step.document, "default")) is not None:
            yield Jump(otherwise, How.SUCCESS, step.pointer + "/default", earlier)
            return
    following = text(step.document, "next")
    if following is not None:
        yield Jump(following, How.SUCCESS, step.pointer + "/next", earlier)
        return
    for index, entry in records(step.document, "next"):
        condition, target = entry.get("condition"), text(entry, "nextStepId")
        holds: Assumptions = ((condition, True),) if isinstance(condition, str) else ()
        if target is not None:
            pointer = step.pointer + pointer_to("next", index, "nextStepId")
            yield Jump(target, How.SUCCESS, pointer, earlier + holds)
        if condition is None or condition is True:
            return
        if isinstance(condition, str) and len(earlier) < MAX_REMEMBERED_CHOICES:
            earlier += ((condition, False),)
    yield Jump(None, How.SUCCESS, step.pointer, earlier)


def _on_failure(step: Step, onward: list[Jump]) -> list[Jump]:
    rule = mapping(step.document, "onFailure")
    found = [
        Jump(target, How.FAILURE, step.pointer + "/onFailure" + pointer) for target, pointer in failure_targets(rule)
    ]
    if rule.get("action") == "continue" and text(rule, "nextStepId") is None:
        found += [replace(jump, how=How.FAILURE) for jump in onward]
    if step.type == "EVENT_WAIT":
        handler = text(mapping(step.document, "eventTimeout"), "timeoutHandlerStepId")
        if handler is not None:
            found.append(Jump(handler, How.FAILURE, step.pointer + "/eventTimeout/timeoutHandlerStepId"))
    return found


def failure_targets(rule: object) -> Iterator[tuple[str, str]]:
    """(step id, pointer inside the rule) of every step that an `onFailure` leads to."""
    if not isinstance(rule, dict):
        return
    if (target := text(rule, "nextStepId")) is not None:
        yield target, "/nextStepId"
    for index, condition in records(mapping(rule, "errorHandler"), "conditions"):
        if (target := text(condition, "nextStepId")) is not None:
            yield target, pointer_to("errorHandler", "conditions", index, "nextStepId")
