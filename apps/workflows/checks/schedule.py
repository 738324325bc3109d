"""What is wrong with a schedule beyond its JSON Schema: a rule that never fires, a workflow or an input that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

from apps.validation.durations import parse_duration
from apps.validation.expressions import TRIGGER_ROOTS, EvaluationError, check_template, compile_template
from apps.validation.schemas import check_instance
from apps.validation.violations import Violation, has_errors
from apps.workflows.rules.firing import Pace
from apps.workflows.rules.timetable import HORIZON, BadCron, Timetable, check_cron, zone_of

SHORTEST = timedelta(seconds=1)
GAPS = 60
"""Fires ahead among which the shortest gap is looked for."""


@dataclass(frozen=True, slots=True)
class Target:
    """The workflow that a schedule starts; ``input_schema`` None: it takes anything."""

    version: str
    input_schema: Any = None


def timetable_of(document: Mapping[str, Any], anchor: datetime) -> Timetable:
    """The timetable of a document that has passed the checks. An interval counts from ``startAt``, else ``anchor``."""
    start_at = _instant(document, "startAt")
    interval = parse_duration(document["interval"]) if "interval" in document else None
    first = None if interval is None else start_at or anchor + interval
    return Timetable(
        zone=zone_of(document.get("timezone", "UTC")),
        cron=document.get("cron", ""),
        interval=interval,
        first=first,
        start_at=start_at,
        end_at=_instant(document, "endAt"),
    )


def pace_of(key: str, document: Mapping[str, Any], anchor: datetime) -> Pace:
    """The timetable with its jitter; ``key`` tells the jitters of different schedules apart."""
    return Pace(key, timetable_of(document, anchor), parse_duration(document.get("jitter", "PT0S")))


def input_of(document: Mapping[str, Any], key: str, slot: datetime) -> Any:
    """The input of the run that a slot starts. Raises EvaluationError.

    Its expressions see `event`: the fire itself, with `event.timestamp` the slot.
    """
    value = document.get("input")
    if value is None:
        return {}
    moment = slot.astimezone(UTC).isoformat().replace("+00:00", "Z")
    event = {
        "eventId": event_id(key, slot),
        "pattern": "schedule.fired",
        "version": "1.0.0",
        "source": {"type": "system", "id": key, "name": document.get("name", key)},
        "timestamp": moment,
        "payload": {"scheduleId": key, "workflowId": document.get("workflowId"), "slot": moment},
        "metadata": {},
    }
    return compile_template(value, roots=TRIGGER_ROOTS).evaluate({"event": event, "now": slot})


def event_id(key: str, slot: datetime) -> str:
    """What a run says it was started by: which schedule, which slot."""
    return f"schedule:{key[:200]}:{slot.astimezone(UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')}"


def check_schedule(document: Mapping[str, Any], *, now: datetime, target: Target | None = None) -> list[Violation]:
    """Every problem of a schedule that fits its JSON Schema. Without ``target`` the input is not compared with anything."""
    found = _check_rule(document, now)
    if not has_errors(found):
        found += _check_ahead(document, now)
    return found + _check_input(document, now, target)


def _check_rule(document: Mapping[str, Any], now: datetime) -> list[Violation]:
    found = []
    if "cron" in document:
        try:
            check_cron(document["cron"])
        except BadCron as error:
            hint = "Minute, hour, day of month, month, day of week: 0 9 * * 1-5 is 09:00 from Monday to Friday."
            found.append(Violation("cron", str(error), "/cron", hint=hint))
    elif parse_duration(document["interval"]) < SHORTEST:
        found.append(Violation("interval-too-short", "An interval is a second or longer.", "/interval"))
    start_at, end_at = _instant(document, "startAt"), _instant(document, "endAt")
    found += [
        Violation("date-time", f"{document[name]} is no time that a calendar has.", f"/{name}")
        for name, moment in (("startAt", start_at), ("endAt", end_at))
        if name in document and moment is None
    ]
    if start_at is not None and end_at is not None and end_at < start_at:
        found.append(Violation("end-before-start", "It would end before it starts.", "/endAt"))
    elif end_at is not None and end_at <= now:
        found.append(Violation("schedule-over", "Its end lies in the past, so it never fires.", "/endAt", "warning"))
    return found


def _check_ahead(document: Mapping[str, Any], now: datetime) -> list[Violation]:
    """Whether it fires at all, and whether its jitter stays within the time between two fires."""
    timetable = timetable_of(document, now)
    if timetable.end_at is not None and timetable.end_at <= now:
        return []
    begin = max(now, timetable.start_at) if timetable.start_at is not None else now
    slots = timetable.slots(begin - timedelta(microseconds=1))
    first = next(slots, None)
    if first is None or first > begin + HORIZON:
        where = "/cron" if "cron" in document else "/interval"
        reason = "between its start and its end" if timetable.end_at is not None else "in the next eight years"
        return [Violation("never-fires", f"It does not fire {reason}.", where)]
    jitter = parse_duration(document.get("jitter", "PT0S"))
    if not jitter:
        return []
    ahead = [first, *islice(slots, GAPS)]
    shortest = min((later - earlier for earlier, later in pairwise(ahead)), default=None)
    if shortest is not None and jitter >= shortest:
        message = "The jitter is as long as the time between two fires, so their order would be lost."
        return [Violation("jitter-too-long", message, "/jitter", hint=f"Stay below {shortest}.")]
    return []


def _check_input(document: Mapping[str, Any], now: datetime, target: Target | None) -> list[Violation]:
    if found := check_template(document.get("input"), roots=TRIGGER_ROOTS, pointer="/input"):
        return found
    if target is None or target.input_schema is None:
        return []
    try:
        value = input_of(document, "schedule", now)
    except EvaluationError as error:
        return [Violation("input", f"The input cannot be computed: {error.message}", "/input")]
    return check_instance(target.input_schema, value, "/input")


def _instant(document: Mapping[str, Any], name: str) -> datetime | None:
    """None also for what no calendar has; that is reported by ``_check_rule``."""
    try:
        return datetime.fromisoformat(document[name].upper()).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return None
