"""Retry policies that cannot mean what they say. That durations can be read is seen to by the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from apps.validation.durations import DurationError, parse_duration

from .findings import Findings
from .outline import Outline, mapping, text


def check_timing(outline: Outline, findings: Findings) -> None:
    """The retry policies of steps and compensations."""
    for holder, pointer in [
        *((step.document, step.pointer) for step in outline.steps),
        *((entry.document, entry.pointer) for entry in outline.compensations),
    ]:
        _check_retry(mapping(holder, "retryPolicy"), pointer + "/retryPolicy", findings)


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


def _duration(policy: Mapping[str, Any], name: str) -> timedelta | None:
    try:
        return parse_duration(text(policy, name) or "")
    except DurationError:
        return None
