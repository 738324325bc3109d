"""Would this event match? What each trigger would make of an event that nobody has recorded. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import Shape
from apps.events.rules import fits
from apps.validation.problems import Unprocessable
from apps.validation.schemas import check_document, check_instance
from apps.validation.violations import Violation, has_errors
from apps.workflows.checks.schedule import Target
from apps.workflows.models import Trigger, WorkflowDefinition, WorkflowInstance
from apps.workflows.rules.triggering import Rule, Unusable

from .catalog import DatabaseCatalog
from .triggers import problems

MOST_TRIED = 200
MOST_HINTS = 10
MOST_COUNTED = 100
ALIKE = 0.6


def try_event(actor: User, event: Any, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """{event, violations, verdicts, more, hints}.

    ``event``: as expressions see it. ``violations``: what its payload lacks of its definition, below /event. ``verdicts``: of
    ``document`` (an unsaved trigger) first, then of each stored trigger whose pattern fits, by priority: {triggerId, name,
    workflowId, unsaved, state, eventPattern, matches, reason, input, inputViolations, correlationKey, would: start | cancel |
    skip, violations}. ``hints``: patterns that all but one of their words fit. Unprocessable, AccessDenied.
    """
    require(actor, "view:trigger")
    made = _event(event)
    rows = _fitting(made["pattern"])
    targets = _targets({row.workflow_id for row in rows} | ({str(document.get("workflowId"))} if document else set()))
    verdicts = [] if document is None else [_of_unsaved(document, made, targets)]
    verdicts += [_of_stored(row, made, targets) for row in rows[:MOST_TRIED]]
    return {
        "event": made,
        "violations": [each.as_json() for each in _payload_problems(made)],
        "verdicts": verdicts,
        "more": len(rows) > MOST_TRIED,
        "hints": list(_near(made["pattern"])),
    }


def _event(given: Any) -> dict[str, Any]:
    """The event whole: what the sender may leave away is put in."""
    if not isinstance(given, dict):
        raise Unprocessable("There is no event.", violations=[Violation("type", "An event is an object.", "/event")])
    if violations := check_document("eventInstance", given):
        found = [each.under("/event") for each in violations]
        raise Unprocessable("The event does not fit its schema.", violations=found)
    return {
        "eventId": given.get("eventId", "not-recorded"),
        "pattern": given["pattern"],
        "version": given.get("version", "1.0.0"),
        "source": given.get("source", {"type": "external", "id": None, "name": None}),
        "timestamp": given.get("timestamp") or timezone.now().isoformat().replace("+00:00", "Z"),
        "payload": given.get("payload"),
        "metadata": given.get("metadata", {}),
    }


def _payload_problems(event: Mapping[str, Any]) -> list[Violation]:
    definition = DatabaseCatalog().event(event["pattern"])
    schema = None if definition is None else definition.get("payloadSchema")
    return [] if schema is None else check_instance(schema, event["payload"], "/event/payload")


def _fitting(name: str) -> list[Trigger]:
    wanted = [pattern for pattern in _patterns() if fits(pattern, name)]
    return list(Trigger.objects.filter(event_pattern__in=wanted).order_by("priority", "key")[: MOST_TRIED + 1])


def _patterns() -> list[str]:
    """The patterns under which triggers were ever found: one for each shape, not for each trigger."""
    rows = Shape.objects.filter(owner="trigger").order_by("pattern")
    return list(rows.values_list("pattern", flat=True).distinct())


def _targets(workflow_ids: set[str]) -> dict[str, Target]:
    rows = WorkflowDefinition.objects.filter(key__in=workflow_ids).published().order_by("key", "-version_key")
    return {row.key: Target(row.version, row.document.get("inputSchema")) for row in rows.distinct("key")}


def _of_stored(row: Trigger, event: dict[str, Any], targets: Mapping[str, Target]) -> dict[str, Any]:
    about = {
        "triggerId": row.key,
        "name": row.name,
        "workflowId": row.workflow_id,
        "unsaved": False,
        "state": "ACTIVE" if row.enabled else "PAUSED",
        "eventPattern": row.event_pattern,
        "violations": [],
    }
    found = about | _verdict(row.document, event, targets.get(row.workflow_id))
    if found["matches"] and not row.enabled:
        found |= {"would": "skip", "reason": f"It is paused; otherwise: {found['reason']}"}
    return found


def _of_unsaved(document: dict[str, Any], event: dict[str, Any], targets: Mapping[str, Target]) -> dict[str, Any]:
    violations = check_document("trigger", document)
    about = {
        "triggerId": str(document.get("triggerId") or ""),
        "name": str(document.get("name") or ""),
        "workflowId": str(document.get("workflowId") or ""),
        "unsaved": True,
        "state": "ACTIVE",
        "eventPattern": str(document.get("eventPattern") or ""),
        "violations": [each.as_json() for each in violations],
    }
    if violations:
        return about | _no("The trigger does not fit its schema, so it cannot be tried.")
    found = problems(document)
    about["violations"] = [each.as_json() for each in found]
    if any(each.code.startswith("expression") or each.code == "needs-the-run" for each in found if has_errors([each])):
        return about | _no("An expression of the trigger does not compile, so it cannot be tried.")
    return about | _verdict(document, event, targets.get(document["workflowId"]))


def _no(reason: str) -> dict[str, Any]:
    return {
        "matches": False,
        "reason": reason,
        "input": None,
        "inputViolations": [],
        "correlationKey": None,
        "would": "skip",
    }


def _verdict(document: Mapping[str, Any], event: dict[str, Any], target: Target | None) -> dict[str, Any]:
    """What a trigger would do, whether it is paused or not."""
    pattern, now = document["eventPattern"], timezone.now()
    if not fits(pattern, event["pattern"]):
        return _no(_misfit(pattern, event["pattern"]))
    try:
        rule = Rule.of(document)
        if not rule.holds(event, now):
            return _no(rule.why_not(event, now))
    except Unusable as error:
        return _no(f"Its condition cannot be told, and the event would be a dead letter: {error}")
    answer = _no("") | {"matches": True}
    try:
        key = answer["correlationKey"] = rule.key_of(event, now)
        if not rule.starts:
            return answer | _would_cancel(document["workflowId"], key)
        answer["input"] = rule.input_of(event, now)
    except Unusable as error:
        return answer | {"reason": f"It cannot be handled, and the event would be a dead letter: {error}"}
    return answer | _would_start(document["workflowId"], key, answer["input"], target)


def _would_start(workflow_id: str, key: str | None, value: Any, target: Target | None) -> dict[str, Any]:
    if target is None:
        return {"reason": f"Nothing of {workflow_id} is published, so the event would be a dead letter."}
    found = [] if target.input_schema is None else check_instance(target.input_schema, value, "/input")
    if found:
        reason = f"The input does not fit {workflow_id} {target.version}, so the event would be a dead letter."
        return {"reason": reason, "inputViolations": [each.as_json() for each in found]}
    if key is not None and _under_way(workflow_id, key):
        return {"reason": f"A run of {workflow_id} with the key {key} is under way, so no other is started."}
    with_key = f" with the key {key}" if key is not None else ""
    return {"would": "start", "reason": f"A run of {workflow_id} {target.version} is started{with_key}."}


def _would_cancel(workflow_id: str, key: str | None) -> dict[str, Any]:
    count = _under_way(workflow_id, key)
    with_key = f" with the key {key}" if key is not None else ""
    if not count:
        return {"reason": f"No run of {workflow_id}{with_key} is under way, so there is nothing to cancel."}
    many = f"more than {MOST_COUNTED}" if count > MOST_COUNTED else str(count)
    runs = "1 run" if count == 1 else f"{many} runs"
    return {"would": "cancel", "reason": f"It cancels {runs} of {workflow_id}{with_key}."}


def _under_way(workflow_id: str, key: str | None) -> int:
    rows = WorkflowInstance.objects.filter(workflow_id=workflow_id, completed_at__isnull=True)
    if key is not None:
        rows = rows.filter(correlation_id=key)
    return len(rows.values_list("id", flat=True)[: MOST_COUNTED + 1])


def _misfit(pattern: str, name: str) -> str:
    where = _odd_one(pattern, name)
    if where is None:
        return f"The pattern {pattern} does not fit {name}."
    return f"The pattern {pattern} does not fit {name}: it has `{where[0]}` where the event has `{where[1]}`."


def _near(name: str) -> Iterator[dict[str, str]]:
    """Patterns of active triggers that would fit if one of their words was another."""
    count = 0
    for pattern in _patterns():
        where = None if fits(pattern, name) else _odd_one(pattern, name)
        if (
            where is None
            or not _may_be_meant(pattern, where)
            or not Trigger.objects.filter(event_pattern=pattern, enabled=True).exists()
        ):
            continue
        sentence = f"{pattern} would fit but for one word: it has `{where[0]}` where the event has `{where[1]}`."
        yield {"eventPattern": pattern, "sentence": sentence}
        count += 1
        if count == MOST_HINTS:
            return


def _may_be_meant(pattern: str, where: tuple[str, str]) -> bool:
    """Two words that share one are siblings; of them only those that look alike are worth a word."""
    return pattern.count(".") > 1 or SequenceMatcher(None, *where).ratio() > ALIKE


def _odd_one(pattern: str, name: str) -> tuple[str, str] | None:
    """The one word of a pattern, and what stands in its place, that keeps it from fitting; None if it is not just one."""
    wanted, given = pattern.split("."), name.split(".")
    if len(wanted) < 2:
        return None
    for at, word in enumerate(wanted):
        loose = ".".join("*" if place == at else each for place, each in enumerate(wanted))
        if word not in ("*", "**") and fits(loose, name):
            before = wanted[:at]
            # Behind a ** nobody can say which word of the name it stands against.
            other = given[at - len(wanted)] if "**" in before else given[at]
            return word, other
    return None
