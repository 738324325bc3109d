"""Retry policies that cannot mean what they say, and retries of what must not be done twice.

That durations can be read is seen to by the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from apps.tasks.repeating import tries_again
from apps.validation.durations import DurationError, parse_duration

from .findings import Findings
from .outline import Outline, mapping, text
from .producers import Producers


def check_timing(outline: Outline, producers: Producers, findings: Findings) -> None:
    """The retry policies of steps and compensations."""
    for holder, pointer in [
        *((step.document, step.pointer) for step in outline.steps),
        *((entry.document, entry.pointer) for entry in outline.compensations),
    ]:
        _check_retry(mapping(holder, "retryPolicy"), pointer + "/retryPolicy", findings)
        _check_repeatable(holder, pointer, producers, findings)


def _check_retry(policy: Mapping[str, Any], pointer: str, findings: Findings) -> None:
    delay, longest = _duration(policy, "delay"), _duration(policy, "maxDelay")
    if delay is not None and longest is not None and longest < delay:
        findings.warning(
            "retry-delay",
            pointer + "/maxDelay",
            "The longest delay is shorter than the first one, so every delay is the longest.",
        )
    if policy.get("multiplier") is not None and policy.get("strategy", "fixed") == "fixed":
        findings.warning(
            "retry-multiplier",
            pointer + "/multiplier",
            "A fixed delay does not grow, so the multiplier means nothing.",
            hint="Set strategy to 'exponential', or remove the multiplier.",
            fix=[{"op": "add", "path": pointer + "/strategy", "value": "exponential"}],
        )


def _check_repeatable(holder: Mapping[str, Any], pointer: str, producers: Producers, findings: Findings) -> None:
    task_id = text(holder, "taskId")
    facts = None if task_id is None else producers.task_by_id(task_id, text(holder, "taskVersion"))
    if facts is None or facts.repeatable:
        return
    if tries_again(mapping(holder, "retryPolicy")):
        place = "/retryPolicy"
    elif "retryPolicy" not in holder and mapping(holder, "onFailure").get("action") == "retry":
        place = "/onFailure/action"
    else:
        return
    findings.warning(
        "retry-not-idempotent",
        pointer + place,
        f"Task {task_id!r} is tried again, and nothing says that doing it twice does no harm.",
        hint="Where the other side honours the Idempotency-Key, set `idempotent: true` in the task's parameters.",
    )


def _duration(policy: Mapping[str, Any], name: str) -> timedelta | None:
    try:
        return parse_duration(text(policy, name) or "")
    except DurationError:
        return None
