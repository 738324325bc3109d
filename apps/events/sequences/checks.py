"""What can be wrong with a sequence that fits its JSON Schema."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from apps.events.rules import fits
from apps.validation.durations import parse_duration
from apps.validation.expressions import (
    TRIGGER_ROOTS,
    ExpressionError,
    TemplateError,
    check_template,
    compile_expression,
    compile_template,
)
from apps.validation.violations import Violation

from .reading import PAYLOAD_ROOTS, member_id, own_events
from .rules import Strategy

LONGEST_ID = 200
"""The names of what it records must fit where events are kept."""
_OPEN = ("$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties")
NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,31}")
PATTERN = re.compile(r"(\*\*?|[A-Za-z0-9_-]+)(\.(\*\*?|[A-Za-z0-9_-]+)){0,31}")
"""As schemas/common/values.json has them."""


def resolve(document: Mapping[str, Any], names: Mapping[str, str], patterns: frozenset[str]) -> dict[str, Any]:
    """Which events the document means: {members: {id: {pattern, eventId}}, compensating: [pattern or None]}.

    ``names``: eventId → pattern of the event definitions that it may name; ``patterns``: those of all that it may mean.
    ``eventId`` is set where a name may be that of one single event.
    """
    members = {}
    for member in document["events"]:
        given = member["eventId"]
        known = member.get("eventPattern") or names.get(given) or (given if given in patterns else None)
        members[member_id(member)] = {
            "pattern": known or (given if PATTERN.fullmatch(given) else None),
            "eventId": None if known or "*" in given else given,
        }
    rollback = document.get("rollbackStrategy") or {}
    compensating = [
        names.get(each["eventId"]) or (each["eventId"] if NAME.fullmatch(each["eventId"]) else None)
        for each in rollback.get("compensatingEvents", ())
    ]
    return {"members": members, "compensating": compensating}


def check(
    document: Mapping[str, Any], resolved: Mapping[str, Any], known: list[str], schemas: Mapping[str, Any]
) -> list[Violation]:
    """Every problem. ``resolved`` as :func:`resolve` gives it; ``known``: the ids of event definitions, for hints;
    ``schemas``: pattern → the schema of the payload, where there is one.
    """
    return [
        *_members(document, resolved, known),
        *_correlation(document),
        *_payloads(document, resolved, schemas),
        *_time(document),
        *_rollback(document, resolved),
        *_circles(document, resolved),
    ]


def _members(document: Mapping[str, Any], resolved: Mapping[str, Any], known: list[str]) -> Iterator[Violation]:
    if len(document["sequenceId"]) > LONGEST_ID:
        yield Violation("id-too-long", f"The id of a sequence has at most {LONGEST_ID} characters.", "/sequenceId")
    counts = Counter(member_id(each) for each in document["events"])
    seen: set[str] = set()
    for index, member in enumerate(document["events"]):
        pointer, name = f"/events/{index}", member_id(member)
        if counts[name] > 1 and name in seen:
            hint = "Give each a memberId of its own; the first event counts for the first of them."
            yield Violation("member-twice", f"{name} is expected twice.", f"{pointer}/eventId", hint=hint)
        seen.add(name)
        if resolved["members"][name]["eventId"] is not None:
            close = get_close_matches(member["eventId"], known, n=3)
            hint = f"Did you mean {', '.join(close)}? " if close else ""
            hint += "Save the event definition, or say which events with eventPattern."
            named = resolved["members"][name]["pattern"] is not None
            taken = (
                "the name that events are recorded under, or the id of one event" if named else "the id of one event"
            )
            message = f"There is no event definition {member['eventId']!r}; it is taken for {taken}."
            yield Violation("unknown-event", message, f"{pointer}/eventId", "warning", hint)
        if member.get("condition"):
            yield from _expression(member["condition"], f"{pointer}/condition")
    if not any(each.get("required", True) for each in document["events"]):
        hint = "It would be completed by whatever came first; make at least one event required."
        yield Violation("nothing-required", "No event of the sequence is required.", "/events", hint=hint)


def _expression(text: str, pointer: str) -> Iterator[Violation]:
    try:
        compile_expression(text, roots=TRIGGER_ROOTS)
    except ExpressionError as error:
        yield error.as_violation(pointer)


def _correlation(document: Mapping[str, Any]) -> Iterator[Violation]:
    text = document.get("correlationKey")
    if text is None:
        return
    try:
        expression = compile_expression(text, roots=TRIGGER_ROOTS)
    except ExpressionError as error:
        yield error.as_violation("/correlationKey")
        return
    if not any(path[:1] == ("event",) and len(path) > 1 for path in expression.reads):
        hint = "Name what tells one case from another, such as event.payload.orderId; or leave it away for the event's correlationId."
        message = "The key takes nothing from the event, so that one run would take the events of all cases."
        yield Violation("one-run-for-all", message, "/correlationKey", hint=hint)


def _payloads(
    document: Mapping[str, Any], resolved: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[Violation]:
    """Fields of a payload that its schema leaves no room for: the key is read of every event, a condition of its own."""
    key = document.get("correlationKey")
    for index, member in enumerate(document["events"]):
        pattern = resolved["members"][member_id(member)]["pattern"]
        schema = schemas.get(pattern)
        for text, pointer in ((key, "/correlationKey"), (member.get("condition"), f"/events/{index}/condition")):
            if not text or not isinstance(schema, Mapping):
                continue
            try:
                expression = compile_expression(text, roots=TRIGGER_ROOTS)
            except ExpressionError:
                continue  # said elsewhere
            for reference in expression.references:
                fields = reference.path.fields
                if reference.optional or fields[:2] != ("event", "payload"):
                    continue
                if (lacking := _lacking(schema, fields[2:])) is not None:
                    name, there = lacking
                    close = get_close_matches(name, there, n=1)
                    hint = (
                        f"Did you mean {close[0]}?" if close else f"It has: {', '.join(there[:20])}." if there else ""
                    )
                    message = f"The payload of {pattern} has no field {name!r}."
                    yield Violation("unknown-field", message, pointer, hint=hint, column=reference.column)


def _lacking(schema: Any, fields: tuple[str, ...]) -> tuple[str, list[str]] | None:
    """The first of these names that certainly is not there, and those that are; None where they may all be."""
    for name in fields:
        if not isinstance(schema, Mapping) or any(word in schema for word in _OPEN):
            return None
        properties = schema.get("properties", {})
        if name not in properties:
            return (name, list(properties)) if schema.get("additionalProperties") is False else None
        schema = properties[name]
    return None


def _time(document: Mapping[str, Any]) -> Iterator[Violation]:
    within = document.get("within")
    if within is None:
        hint = "Say with `within` how long a run may take, such as PT1H; then what did not come is told."
        message = "A run that lacks an event stays open for good."
        yield Violation("no-end", message, "", "warning", hint)
    elif not parse_duration(within):
        yield Violation("within-zero", "A run needs some time.", "/within", hint="Write for example PT1H.")


def _rollback(document: Mapping[str, Any], resolved: Mapping[str, Any]) -> Iterator[Violation]:
    rollback = document.get("rollbackStrategy") or {}
    events = rollback.get("compensatingEvents") or []
    kind = rollback.get("type")
    if kind == Strategy.COMPENSATE and not events:
        message = "There are no compensating events, so a failed run undoes nothing."
        yield Violation("nothing-to-undo", message, "/rollbackStrategy", "warning", "List them in compensatingEvents.")
    elif events and kind != Strategy.COMPENSATE:
        message = f"With the strategy {kind} no compensating event is recorded."
        pointer = "/rollbackStrategy/compensatingEvents"
        yield Violation("not-used", message, pointer, "warning", "Take them out, or use compensating_events.")
    members = [member_id(each) for each in document["events"]]
    for index, event in enumerate(events):
        pointer = f"/rollbackStrategy/compensatingEvents/{index}"
        if resolved["compensating"][index] is None:
            message = (
                f"{event['eventId']!r} is neither an event definition nor a name that an event can be recorded under."
            )
            yield Violation("unknown-event", message, f"{pointer}/eventId", hint="Write for example orders.refund.")
        if (member := event.get("compensates")) is not None and member not in members:
            hint = f"Its members: {', '.join(members[:20])}."
            message = f"The sequence has no member {member!r}."
            yield Violation("unknown-member", message, f"{pointer}/compensates", hint=hint)
        yield from _payload(event.get("payloadTemplate"), f"{pointer}/payloadTemplate", members)


def _payload(template: Any, pointer: str, members: list[str]) -> Iterator[Violation]:
    if found := check_template(template, roots=PAYLOAD_ROOTS, pointer=pointer):
        yield from found
        return
    try:
        compiled = compile_template(template, roots=PAYLOAD_ROOTS)
    except TemplateError:
        return
    for place, expression in compiled.expressions:
        for reference in expression.references:
            fields = reference.path.fields
            if len(fields) > 1 and fields[0] == "events" and fields[1] not in members:
                close = get_close_matches(fields[1], members, n=1)
                hint = f"Did you mean {close[0]}?" if close else f"Its members: {', '.join(members[:20])}."
                message = f"The sequence has no member {fields[1]!r}."
                yield Violation("unknown-member", message, pointer + place, hint=hint, column=reference.column)


def _circles(document: Mapping[str, Any], resolved: Mapping[str, Any]) -> Iterator[Violation]:
    """What a sequence records must not come back to it."""
    says = [*own_events(document["sequenceId"])]
    if (document.get("rollbackStrategy") or {}).get("type") == Strategy.COMPENSATE:
        says += filter(None, resolved["compensating"])
    for index, member in enumerate(document["events"]):
        pattern = resolved["members"][member_id(member)]["pattern"]
        own = next((name for name in says if pattern and fits(pattern, name)), None)
        if own is not None:
            field = "eventPattern" if "eventPattern" in member else "eventId"
            message = f"{pattern} also means {own}, which the sequence records itself."
            hint = "Say more precisely which events are meant."
            yield Violation("own-event", message, f"/events/{index}/{field}", hint=hint)
