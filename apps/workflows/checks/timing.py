"""Durations, points in time and retry policies: what cannot be read, and what makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.validation.durations import DurationError, parse_duration
from apps.validation.violations import pointer_to

from .findings import Findings
from .outline import Outline, mapping, records, text


def check_timing(outline: Outline, findings: Findings) -> None:
    """Every duration that is written down; one that an expression computes is seen when it runs."""
    check = _Timing(findings)
    document = outline.document
    check.duration(document, "timeout", "")
    check.duration(mapping(document, "executionLog"), "retention", "/executionLog")
    for step in outline.steps:
        check.step(step.document, step.pointer)
    for entry in outline.compensations:
        check.retry(mapping(entry.document, "retryPolicy"), entry.pointer + "/retryPolicy")


class _Timing:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def step(self, document: Mapping[str, Any], pointer: str) -> None:
        self.duration(document, "timeout", pointer)
        self.retry(mapping(document, "retryPolicy"), pointer + "/retryPolicy")
        self.duration(document, "lookback", pointer)
        self.duration(mapping(document, "eventTimeout"), "duration", pointer + "/eventTimeout")
        self.instant(mapping(document, "eventTimeout"), "at", pointer + "/eventTimeout")
        if document.get("type") == "DELAY":
            self.delay(document, pointer)
        manual = mapping(document, "taskDefinition")
        self.duration(manual, "dueIn", pointer + "/taskDefinition")
        for index, entry in records(manual, "escalation"):
            self.duration(entry, "after", pointer + pointer_to("taskDefinition", "escalation", index))

    def delay(self, document: Mapping[str, Any], pointer: str) -> None:
        self.duration(document, "duration", pointer)
        self.instant(document, "until", pointer)
        if ("duration" in document) == ("until" in document):
            wrong = "both a duration and an until" if "until" in document else "neither a duration nor an until"
            self.findings.error("delay-needs-one", pointer, f"The DELAY step has {wrong}; it needs one of them.")

    def retry(self, policy: Mapping[str, Any], pointer: str) -> None:
        delay = self.duration(policy, "delay", pointer)
        longest = self.duration(policy, "maxDelay", pointer)
        if delay is not None and longest is not None and longest < delay:
            self.findings.warning(
                "retry-delay",
                pointer + "/maxDelay",
                "The longest delay is shorter than the first one, so every delay is the longest.",
            )
        if policy.get("multiplier") is not None and policy.get("strategy", "fixed") == "fixed":
            self.findings.warning(
                "retry-multiplier",
                pointer + "/multiplier",
                "A fixed delay does not grow, so the multiplier means nothing.",
                hint="Set strategy to 'exponential', or remove the multiplier.",
                fix=[{"op": "add", "path": pointer + "/strategy", "value": "exponential"}],
            )

    def duration(self, holder: Mapping[str, Any], name: str, pointer: str) -> Any:
        """The duration when it is written and right; numbers are milliseconds and right by their schema."""
        value = text(holder, name)
        if value is None or "${" in value:
            return None
        try:
            return parse_duration(value)
        except DurationError as error:
            self.findings.error("duration", pointer + pointer_to(name), str(error))
            return None

    def instant(self, holder: Mapping[str, Any], name: str, pointer: str) -> None:
        value = text(holder, name)
        if value is None or "${" in value:
            return
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.findings.error(
                "instant",
                pointer + pointer_to(name),
                f"{value!r} is not a point in time with a time zone.",
                hint="Write for example 2026-03-01T09:00:00Z.",
            )
