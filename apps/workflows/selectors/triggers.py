"""Reading event triggers: lists, one with what it did, what is wrong with a document, who depends on what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import Delivery, EventDefinition
from apps.events.rules import fits
from apps.events.sql import fetch
from apps.validation.problems import NotFound
from apps.validation.violations import Violation
from apps.workflows.checks.findings import certain_fix, did_you_mean
from apps.workflows.checks.schedule import Target
from apps.workflows.checks.trigger import Around, check_trigger
from apps.workflows.models import Trigger, WorkflowDefinition

from .catalog import DatabaseCatalog
from .instances import usernames
from .schedules import target_of

STATES = ("ACTIVE", "PAUSED")
MOST_PATTERNS = 5_000
MOST_DEFINITIONS = 20


def triggers(
    actor: User, *, search: str = "", state: str = "", workflow_id: str = "", pattern: str = ""
) -> QuerySet[Trigger]:
    """The triggers for a list, unordered; ``pattern``: those with exactly this one. AccessDenied."""
    require(actor, "view:trigger")
    rows = Trigger.objects.all()
    if search:
        given = Q(key__icontains=search) | Q(name__icontains=search)
        rows = rows.filter(given | Q(workflow_id__icontains=search) | Q(event_pattern__icontains=search))
    if workflow_id:
        rows = rows.filter(workflow_id=workflow_id)
    if pattern:
        rows = rows.filter(event_pattern=pattern)
    if state in STATES:
        rows = rows.filter(enabled=state == "ACTIVE")
    return rows


def find_trigger(actor: User, key: str) -> Trigger:
    """NotFound, AccessDenied."""
    require(actor, "view:trigger")
    row = Trigger.objects.filter(key=key).first()
    if row is None:
        raise NotFound(f"There is no trigger {key}.")
    return row


def state_of(row: Trigger) -> str:
    return "ACTIVE" if row.enabled else "PAUSED"


def summaries(rows: list[Trigger]) -> list[dict[str, Any]]:
    """Triggers of one page of a list, with three more queries whatever their number."""
    names: dict[str, str] = {}
    newest = WorkflowDefinition.objects.filter(key__in={row.workflow_id for row in rows}).live().newest_first()
    for key, name in newest.values_list("key", "name"):
        names.setdefault(key, name)
    users = usernames({row.owner_id for row in rows})
    last = _last([row.key for row in rows])
    return [
        {
            "triggerId": row.key,
            "name": row.name,
            "description": row.document.get("description", ""),
            "workflowId": row.workflow_id,
            "workflowName": names.get(row.workflow_id, row.workflow_id),
            "inline": row.inline,
            "webhook": row.webhook or None,
            "state": state_of(row),
            "eventPattern": row.event_pattern,
            "triggerType": row.trigger_type,
            "eventCondition": row.document.get("eventCondition"),
            "correlationKey": row.document.get("correlationKey"),
            "priority": row.priority,
            "last": last.get(row.key),
            "owner": users.get(row.owner_id),
            "pausedAt": row.paused_at,
            "pausedBy": row.paused_by or None,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "revision": row.revision,
        }
        for row in rows
    ]


# One look-up in the index for each of them, however much they did.
_LAST = """
SELECT s.id, d.event_id, d.status, d.result::text, d.updated_at
FROM unnest(%s::text[]) AS s(id) CROSS JOIN LATERAL (
  SELECT event_id, status, result, updated_at FROM events_delivery
  WHERE subscriber_id = s.id ORDER BY updated_at DESC LIMIT 1) AS d
"""


def _last(keys: list[str]) -> dict[str, dict[str, Any]]:
    """What each did last: {at, eventId, status, result}."""
    if not keys:
        return {}
    found = fetch(_LAST, [f"trigger:{key}" for key in keys])
    return {
        subscriber.partition(":")[2]: {"at": at, "eventId": event_id, "status": status, "result": orjson.loads(result)}
        for subscriber, event_id, status, result, at in found
    }


def detail(row: Trigger) -> dict[str, Any]:
    """One trigger with its document, and what is wrong with it by now (its workflow or its event may have changed)."""
    found = problems(row.document)
    return summaries([row])[0] | {"document": row.document, "violations": [each.as_json() for each in found]}


def deliveries(row: Trigger) -> QuerySet[Delivery]:
    """What it did with each event, unordered."""
    return Delivery.objects.filter(subscriber_id=f"trigger:{row.key}")


def delivery_rows(rows: list[Delivery]) -> list[dict[str, Any]]:
    return [
        {
            "eventId": row.event_id,
            "status": row.status,
            "result": row.result,
            "attempts": row.attempts,
            "nextAttemptAt": row.next_attempt_at,
            "error": row.error,
            "recordedAt": row.recorded_at,
            "at": row.updated_at,
        }
        for row in rows
    ]


# Checks


def problems(document: Mapping[str, Any]) -> list[Violation]:
    """What is wrong with a trigger that fits its JSON Schema, its workflow included."""
    workflow_id = document["workflowId"]
    target = target_of(workflow_id)
    found = problems_with(document, target)
    if target is not None:
        return found
    rows = WorkflowDefinition.objects.live()
    if rows.filter(key=workflow_id).exists():
        message = f"The workflow {workflow_id} has no published version, so nothing can be started yet."
        hint = "Publish it, or events that come before that end as dead letters."
        return [*found, Violation("workflow-not-published", message, "/workflowId", "warning", hint=hint)]
    names = list(rows.published().order_by("key").values_list("key", flat=True).distinct()[:MOST_PATTERNS])
    hint = did_you_mean(workflow_id, names, noun="workflows")
    fix = certain_fix(workflow_id, names, "/workflowId")
    return [
        Violation("unknown-workflow", f"There is no workflow {workflow_id!r}.", "/workflowId", hint=hint, fix=fix),
        *found,
    ]


def problems_with(
    document: Mapping[str, Any], target: Target | None, workflow: Mapping[str, Any] | None = None
) -> list[Violation]:
    """The same, where the workflow is at hand."""
    patterns = event_patterns()
    pattern = document["eventPattern"]
    definitions = definitions_of([each for each in patterns if fits(pattern, each)])
    catalog = DatabaseCatalog()
    workflow = workflow or catalog.workflow(document["workflowId"], None)
    return check_trigger(document, Around(catalog, target, definitions, patterns, workflow))


def event_patterns() -> list[str]:
    """Every pattern that events are defined for."""
    rows = EventDefinition.objects.live().annotate(called=KT("document__pattern")).order_by("called")
    return list(rows.values_list("called", flat=True).distinct()[:MOST_PATTERNS])


def definitions_of(patterns: list[str]) -> list[dict[str, Any]]:
    """The definitions of the events with these patterns, of each the published version, else the draft."""
    if not patterns:
        return []
    rows: Any = EventDefinition.objects.live().filter(document__pattern__in=patterns[:MOST_DEFINITIONS]).newest_first()
    found: dict[str, EventDefinition] = {}
    for row in rows:
        kept = found.get(row.key)
        if kept is None or (row.status == row.Status.PUBLISHED != kept.status):
            found[row.key] = row
    return [row.document for row in found.values()]


# For bundles and impact


def documents() -> Iterable[tuple[str, dict[str, Any]]]:
    """(key, document) of every trigger that does not stand in a workflow's own document."""
    yield from Trigger.objects.filter(inline=False).order_by("key").values_list("key", "document").iterator()


def dependents(kind: str, key: str) -> list[dict[str, Any]]:
    """The triggers of a workflow, or on an event (called by its pattern), as impact lists what depends on it."""
    if kind == "workflow":
        rows, pointer = list(Trigger.objects.filter(workflow_id=key).order_by("key")), "/workflowId"
    elif kind == "event":
        wanted = [each for each in _patterns() if fits(each, key)]
        rows, pointer = list(Trigger.objects.filter(event_pattern__in=wanted).order_by("key")), "/eventPattern"
    else:
        return []
    return [
        {
            "kind": "trigger",
            "id": row.key,
            "version": "",
            "status": state_of(row).lower(),
            "pointer": pointer,
            "running": 0,
        }
        for row in rows
    ]


def _patterns() -> list[str]:
    return list(Trigger.objects.order_by("event_pattern").values_list("event_pattern", flat=True).distinct())
