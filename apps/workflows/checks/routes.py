"""The ways out of steps: outcomes that cannot come, outcomes and choices that nothing answers."""

from __future__ import annotations

from collections.abc import Sequence

from apps.validation.violations import pointer_to

from .findings import Findings, certain_fix, did_you_mean, listed
from .jumps import covers, never_onward
from .outline import Outline, Step, mapping, records, text
from .producers import Producers

TIMEOUT_CODES = frozenset({"STEP_TIMED_OUT", "TIMEOUT", "TIMED_OUT"})


def check_routes(outline: Outline, producers: Producers, findings: Findings) -> None:
    """Transitions, choices and conditional `next` of every step."""
    for step in outline.steps:
        outcomes = producers.outcomes(step)
        _check_transitions(step, outcomes, findings)
        if step.type == "DECISION":
            _check_choices(step, findings)
        _check_next(step, findings)


def _check_transitions(step: Step, outcomes: Sequence[str] | None, findings: Findings) -> None:
    transitions = mapping(step.document, "transitions")
    if not transitions:
        return
    if outcomes and step.type == "HUMAN_TASK":
        # A task that a person does ends with one of its actions, or runs out of time.
        for outcome in transitions:
            if outcome != "default" and outcome not in outcomes and outcome not in TIMEOUT_CODES:
                _unknown_outcome(step, str(outcome), outcomes, findings)
    elif outcomes:
        for outcome in transitions:
            # Any other word may be an error code; only one that is nearly an outcome is surely misspelt.
            if outcome != "default" and outcome not in outcomes:
                hint = did_you_mean(str(outcome), outcomes)
                if hint.startswith("Did you mean"):
                    findings.warning(
                        "unknown-outcome",
                        step.pointer + pointer_to("transitions", str(outcome)),
                        f"{outcome!r} is no outcome of the task; it is only followed if the task fails with that code.",
                        hint=hint,
                    )
    if (
        outcomes
        and "default" not in transitions
        and not covers(transitions, outcomes)
        and not step.document.get("next")
    ):
        missing = [outcome for outcome in outcomes if outcome not in transitions]
        findings.warning(
            "outcome-not-handled",
            step.pointer + "/transitions",
            f"The path of {step.step_id!r} ends at {listed(missing)}, because no transition names it.",
            hint="Add a transition for it, or `default`.",
        )


def _unknown_outcome(step: Step, outcome: str, outcomes: Sequence[str], findings: Findings) -> None:
    pointer = step.pointer + pointer_to("transitions", outcome)
    fix = certain_fix(outcome, [name for name in outcomes if name not in mapping(step.document, "transitions")], "")
    moved = None
    if fix is not None:
        to = step.pointer + pointer_to("transitions", str(fix[0]["value"]))
        moved = [{"op": "move", "from": pointer, "path": to}]
    findings.error(
        "unknown-outcome",
        pointer,
        f"{outcome!r} is none of the actions of {step.step_id!r}.",
        hint=did_you_mean(outcome, outcomes, noun="actions"),
        fix=moved,
    )


def _check_choices(step: Step, findings: Findings) -> None:
    if text(step.document, "default") is None and not step.document.get("next"):
        findings.warning(
            "choice-without-default",
            step.pointer,
            f"When no choice of {step.step_id!r} is true, the step fails.",
            hint="Add `default` with the step to go to then.",
        )


def _check_next(step: Step, findings: Findings) -> None:
    if step.document.get("next") and (instead := never_onward(step)) is not None:
        findings.warning(
            "next-never-taken",
            step.pointer + "/next",
            f"`next` is never taken: {instead} of {step.step_id!r} comes before it.",
            hint="Remove one of the two.",
        )
        return
    entries = records(step.document, "next")
    if not entries:
        return
    always = [index for index, entry in entries if entry.get("condition") in (None, True)]
    if not always:
        findings.warning(
            "next-without-default",
            step.pointer + "/next",
            f"When no condition is true, the path of {step.step_id!r} ends.",
            hint="Add a last entry without a condition, if it should go on.",
        )
    for index, _ in entries:
        if always and index > always[0]:
            findings.warning(
                "next-never-taken",
                step.pointer + pointer_to("next", index),
                "The entry before it has no condition, so this one is never taken.",
                hint="Put the entry without a condition last.",
            )
