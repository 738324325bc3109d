"""A sequence's document as the rules and the router use it: its plan, its expressions compiled, its events resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apps.validation.durations import parse_duration
from apps.validation.expressions import (
    TRIGGER_ROOTS,
    EvaluationError,
    Expression,
    Template,
    compile_expression,
    compile_template,
    truthy,
)
from apps.validation.expressions.equalities import event_equalities

from .rules import Member, Plan, StartsWith, Strategy

PAYLOAD_ROOTS = frozenset({"event", "events", "key", "sequence"})
"""What the payload of a compensating event may name."""
MAX_RETRIES = 3
LONGEST_KEY = 255
_CORRELATION = "event.metadata.?correlationId"


def member_id(member: Mapping[str, Any]) -> str:
    """What a member is called within its sequence."""
    return str(member.get("memberId") or member["eventId"])


@dataclass(frozen=True, slots=True)
class Compensation:
    pattern: str
    compensates: str | None
    payload: Template


@dataclass(frozen=True, slots=True)
class Sequence:
    """A published version."""

    sequence_id: str
    version: str
    name: str
    plan: Plan
    correlation: Expression
    conditions: Mapping[str, Expression]
    compensations: tuple[Compensation, ...]

    def key_of(self, event: Mapping[str, Any]) -> str | None:
        """The case that an event belongs to; None when it says none. Raises EvaluationError, ValueError when too long."""
        value = self.correlation.evaluate({"event": event})
        if value is None or value == "":
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        key = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
        if len(key) > LONGEST_KEY:
            raise ValueError(f"The correlation key has more than {LONGEST_KEY} characters.")
        return key

    def holds(self, member: str, event: Mapping[str, Any]) -> bool:
        """Whether a member's condition holds for an event that its pattern fits. Raises EvaluationError."""
        condition = self.conditions.get(member)
        return condition is None or truthy(condition.evaluate({"event": event}))

    def undoing(self, processed: tuple[str, ...]) -> list[Compensation]:
        """The compensating events to record, in their order; ``processed``: the members that were, the last one first."""
        bound = [each for member in processed for each in self.compensations if each.compensates == member]
        return bound + [each for each in self.compensations if each.compensates is None]


def read(document: Mapping[str, Any], resolved: Mapping[str, Any]) -> Sequence:
    """Compile a document that has no errors. ``resolved``: which patterns its events have."""
    rollback = document.get("rollbackStrategy") or {}
    patterns = resolved.get("compensating", ())
    conditions = {
        member_id(each): compile_expression(each["condition"], roots=TRIGGER_ROOTS)
        for each in document["events"]
        if each.get("condition")
    }
    return Sequence(
        document["sequenceId"],
        document["version"],
        document.get("name") or document["sequenceId"],
        plan_of(document),
        compile_expression(document.get("correlationKey") or _CORRELATION, roots=TRIGGER_ROOTS),
        conditions,
        tuple(
            Compensation(
                pattern,
                each.get("compensates"),
                compile_template(each.get("payloadTemplate", {}), roots=PAYLOAD_ROOTS),
            )
            for each, pattern in zip(rollback.get("compensatingEvents", ()), patterns, strict=True)
        )
        if rollback.get("type") == Strategy.COMPENSATE
        else (),
    )


def plan_of(document: Mapping[str, Any]) -> Plan:
    """What the rules need of a document that fits its schema."""
    rollback = document.get("rollbackStrategy") or {}
    within = document.get("within")
    return Plan(
        tuple(Member(member_id(each), each["order"], each.get("required", True)) for each in document["events"]),
        StartsWith(document.get("startsWith", StartsWith.ANY)),
        parse_duration(within) if within else None,
        Strategy(rollback.get("type", Strategy.MANUAL)),
        rollback.get("maxRetries", MAX_RETRIES),
    )


def watched(member: Mapping[str, Any], resolved: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(pattern, {path: value}) under which events are looked for; the values are what its condition demands."""
    demanded: dict[str, Any] = {}
    for path, other in event_equalities(member["condition"], TRIGGER_ROOTS) if member.get("condition") else ():
        try:
            demanded[path] = other.evaluate({})
        except EvaluationError:
            continue  # it will be said when the condition is evaluated
    if pattern := resolved.get("pattern"):
        yield pattern, demanded
    if (event_id := resolved.get("eventId")) and demanded.get("eventId", event_id) == event_id:
        yield "**", {**demanded, "eventId": event_id}


def own_events(sequence_id: str) -> tuple[str, str]:
    """What a sequence says of its runs: that one is completed, that one failed."""
    return f"sequences.{sequence_id}.completed", f"sequences.{sequence_id}.failed"
