"""Reading schedules: lists, one with what it will do and what it did, and what a document would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.problems import NotFound
from apps.validation.schemas import check_document
from apps.validation.violations import Violation, has_errors
from apps.workflows.checks.findings import certain_fix, did_you_mean
from apps.workflows.checks.schedule import Target, check_schedule, pace_of
from apps.workflows.models import Schedule, ScheduleFire, WorkflowDefinition, WorkflowInstance
from apps.workflows.rules.firing import CatchUp, Late, Overlap, Pace
from apps.workflows.rules.timetable import words

from .instances import usernames

AHEAD = 10
MOST_AHEAD = 100
MISSED_SHOWN = 10
STATES = ("ACTIVE", "PAUSED", "ENDED")


def schedules(actor: User, *, search: str = "", state: str = "", workflow_id: str = "") -> QuerySet[Schedule]:
    """The schedules for a list, unordered. AccessDenied."""
    require(actor, "view:schedule")
    rows = Schedule.objects.all()
    if search:
        rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search) | Q(workflow_id__icontains=search))
    if workflow_id:
        rows = rows.filter(workflow_id=workflow_id)
    if state in STATES:
        rows = rows.filter(enabled=state != "PAUSED")
        if state != "PAUSED":
            rows = rows.filter(next_slot__isnull=state == "ENDED")
    return rows


def find_schedule(actor: User, key: str) -> Schedule:
    """NotFound, AccessDenied."""
    require(actor, "view:schedule")
    row = Schedule.objects.filter(key=key).first()
    if row is None:
        raise NotFound(f"There is no schedule {key}.")
    return row


def state_of(row: Schedule) -> str:
    """ACTIVE, PAUSED, or ENDED: it will not fire any more."""
    if not row.enabled:
        return "PAUSED"
    return "ACTIVE" if row.next_slot is not None else "ENDED"


def summaries(rows: list[Schedule]) -> list[dict[str, Any]]:
    """Schedules of one page of a list, with three more queries whatever their number."""
    names: dict[str, str] = {}
    newest = WorkflowDefinition.objects.filter(key__in={row.workflow_id for row in rows}).live().newest_first()
    for key, name in newest.values_list("key", "name"):
        names.setdefault(key, name)
    users = usernames({row.owner_id for row in rows})
    last = {row.last_run_id for row in rows if row.last_run_id}
    statuses = dict(WorkflowInstance.objects.filter(id__in=last).values_list("id", "status")) if last else {}
    return [
        {
            "scheduleId": row.key,
            "name": row.name,
            "description": row.document.get("description", ""),
            "workflowId": row.workflow_id,
            "workflowName": names.get(row.workflow_id, row.workflow_id),
            "inline": row.inline,
            "state": state_of(row),
            "words": sentence(_pace(row), row.document),
            "timezone": row.document.get("timezone", "UTC"),
            "nextSlot": row.next_slot if row.enabled else None,
            "nextDueAt": row.due_at,
            "lastSlot": row.last_slot,
            "lastRunId": str(row.last_run_id) if row.last_run_id else None,
            "lastRunStatus": statuses.get(row.last_run_id) if row.last_run_id else None,
            "owner": users.get(row.owner_id),
            "pausedAt": row.paused_at,
            "pausedBy": row.paused_by or None,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "revision": row.revision,
        }
        for row in rows
    ]


def detail(row: Schedule) -> dict[str, Any]:
    """One schedule with its document, and what is wrong with it by now (its workflow may have changed)."""
    found = problems(row.document, timezone.now())
    return summaries([row])[0] | {"document": row.document, "violations": [each.as_json() for each in found]}


def sentence(pace: Pace, document: Mapping[str, Any]) -> str:
    """The rule in words: `At 09:00 on weekdays, Europe/Berlin`."""
    zone = f", {document.get('timezone', 'UTC')}" if pace.timetable.cron else ""
    return words(pace.timetable) + zone


def preview(row: Schedule, *, count: int = AHEAD) -> dict[str, Any]:
    """What it will do next, what it missed, and what resuming it would make up for. Nothing is changed.

    {words, timezone, next: [{slot, local, dueAt}], missed: {count, more, slots}, catchUp: [{catchUp, fires, sentence}]}.
    While it is paused, ``next`` is what would follow if it were resumed now.
    """
    pace, now = _pace(row), timezone.now()
    late = pace.late(row.decided_until, now) if not row.enabled else Late(())
    overlap = Overlap(row.document.get("overlap", Overlap.SKIP))
    last = row.last_run_id
    going = last is not None and WorkflowInstance.objects.filter(id=last, completed_at__isnull=True).exists()
    return _ahead(pace, row.document, now if not row.enabled else row.decided_until, count) | {
        "missed": {
            "count": len(late.slots),
            "more": late.more,
            "slots": [_moment(pace, slot) for slot in late.slots[-MISSED_SHOWN:]],
        },
        "catchUp": [_option(late, each, overlap, going=going) for each in CatchUp],
    }


def preview_document(actor: User, document: dict[str, Any], *, count: int = AHEAD) -> dict[str, Any]:
    """What an unsaved schedule would do: {valid, violations, words, timezone, next}; ``next`` is empty where it cannot be."""
    require(actor, "view:schedule")
    now = timezone.now()
    found = check_document("schedule", document) or problems(document, now)
    # A rule can be shown before the rest of the document is right.
    if any(each.pointer.lstrip("/").split("/")[0] in _OF_RULE for each in found if each.severity == "error"):
        return {"words": "", "timezone": str(document.get("timezone", "UTC")), "next": []} | _verdict(found)
    return _ahead(pace_of("preview", document, now), document, now, count) | _verdict(found)


_OF_RULE = frozenset({"", "cron", "interval", "timezone", "startAt", "endAt", "jitter"})


def _verdict(found: list[Violation]) -> dict[str, Any]:
    return {"valid": not has_errors(found), "violations": [each.as_json() for each in found]}


def _ahead(pace: Pace, document: Mapping[str, Any], after: datetime, count: int) -> dict[str, Any]:
    slots = islice(pace.timetable.slots(after), min(count, MOST_AHEAD))
    return {
        "words": sentence(pace, document),
        "timezone": document.get("timezone", "UTC"),
        "next": [_moment(pace, slot) for slot in slots],
    }


def _moment(pace: Pace, slot: datetime) -> dict[str, Any]:
    return {
        "slot": slot,
        "local": slot.astimezone(pace.timetable.zone).isoformat(),
        "dueAt": pace.due_at(slot),
    }


def _option(late: Late, catch_up: CatchUp, overlap: Overlap, *, going: bool) -> dict[str, Any]:
    slots, missed = late.divide(catch_up)
    total = f"more than {len(late.slots):,}" if late.more else f"{len(late.slots):,}"
    if not late.slots:
        text = "Nothing was missed."
    elif not slots:
        text = f"None of the {total} missed fires is made up for."
    else:
        if missed is None:
            which = "The missed fire" if len(slots) == 1 else f"All {total} missed fires"
        else:
            which = f"Of the {total} missed fires the latest" + (f" {len(slots):,}" if len(slots) > 1 else "")
        text = which + _what_comes_of(len(slots), overlap, going)
    return {"catchUp": str(catch_up), "fires": len(slots), "sentence": text}


def _what_comes_of(many: int, overlap: Overlap, going: bool) -> str:
    """How the overlap rule lets so many fires at once start runs."""
    one = many == 1
    if overlap is Overlap.SKIP and going:
        return f" {'is' if one else 'are'} skipped, for the last run is still going."
    if overlap is Overlap.CANCEL_RUNNING and going:
        return f" cancel{'s' if one else ''} the run that is still going and start{'s' if one else ''} one."
    if overlap is Overlap.QUEUE and (going or not one):
        return f" wait{'s' if one else ''} for {'its turn' if one else 'their turns'}, and start{'s a run' if one else ' runs'} then."
    if one:
        return " starts a run now."
    if overlap is Overlap.SKIP:
        return " are looked at: the first starts a run now, the others are skipped while it is going."
    if overlap is Overlap.CANCEL_RUNNING:
        return " are looked at: the last of them starts a run now, the others give way to it."
    return " start runs now."


def fires(row: Schedule) -> QuerySet[ScheduleFire]:
    """What was decided about its slots, the latest first."""
    return ScheduleFire.objects.filter(schedule=row).order_by("-slot", "-id")


def fire_rows(rows: list[ScheduleFire]) -> list[dict[str, Any]]:
    """Fires of one page, with the status of their runs in one more query."""
    runs = {row.instance_id for row in rows if row.instance_id}
    statuses = dict(WorkflowInstance.objects.filter(id__in=runs).values_list("id", "status")) if runs else {}
    return [
        {
            "id": str(row.id),
            "slot": row.slot,
            "until": row.until,
            "count": row.count,
            "more": row.more,
            "dueAt": row.due_at,
            "at": row.at,
            "decision": row.decision,
            "origin": row.origin,
            "instanceId": str(row.instance_id) if row.instance_id else None,
            "instanceStatus": statuses.get(row.instance_id) if row.instance_id else None,
            "reason": row.reason,
            "by": row.by or None,
        }
        for row in rows
    ]


def problems(document: Mapping[str, Any], now: datetime) -> list[Violation]:
    """What is wrong with a schedule that fits its JSON Schema, its workflow included."""
    workflow_id = document["workflowId"]
    target = target_of(workflow_id)
    found = check_schedule(document, now=now, target=target)
    if target is not None:
        return found
    rows = WorkflowDefinition.objects.live()
    if rows.filter(key=workflow_id).exists():
        message = f"The workflow {workflow_id} has no published version, so nothing can be started."
        return [Violation("workflow-not-published", message, "/workflowId", hint="Publish it first."), *found]
    names = list(rows.published().order_by("key").values_list("key", flat=True).distinct()[:5_000])
    hint = did_you_mean(workflow_id, names, noun="workflows")
    fix = certain_fix(workflow_id, names, "/workflowId")
    message = f"There is no workflow {workflow_id!r}."
    return [Violation("unknown-workflow", message, "/workflowId", hint=hint, fix=fix), *found]


def target_of(workflow_id: str) -> Target | None:
    """What a run of the workflow would need; None while nothing of it is published."""
    row = WorkflowDefinition.objects.filter(key=workflow_id).published().newest_first().first()
    return None if row is None else Target(row.version, row.document.get("inputSchema"))


def documents() -> Iterable[tuple[str, dict[str, Any]]]:
    """(key, document) of every schedule that does not stand in a workflow's own document."""
    yield from Schedule.objects.filter(inline=False).order_by("key").values_list("key", "document").iterator()


def dependents(kind: str, key: str) -> list[dict[str, Any]]:
    """The schedules that start a workflow, as impact lists what depends on it."""
    if kind != "workflow":
        return []
    rows = Schedule.objects.filter(workflow_id=key).order_by("key")
    return [
        {
            "kind": "schedule",
            "id": row.key,
            "version": "",
            "status": state_of(row).lower(),
            "pointer": "/workflowId",
            "running": 0,
        }
        for row in rows
    ]


def soonest_first(rows: QuerySet[Schedule]) -> QuerySet[Schedule]:
    """For people: what fires next comes first, what rests or is over last."""
    return rows.order_by(F("due_at").asc(nulls_last=True), "key")


def _pace(row: Schedule) -> Pace:
    return pace_of(str(row.id), row.document, row.anchor)
