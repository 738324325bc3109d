"""Schedules as people handle them: save, pause, resume, fire now, delete."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.sql import fetch
from apps.validation.definitions.live import LiveKind
from apps.validation.problems import Conflict, NotFound, StaleVersion, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation, has_errors
from apps.workflows.models import Schedule, ScheduleFire
from apps.workflows.rules.firing import CatchUp, Decision, Origin
from apps.workflows.selectors import schedules as selectors

from . import firing, schedule_rows
from .firing import Outcome, Work

_NOT_KEPT = ("kind", "id", "createdAt", "updatedAt")


@transaction.atomic
def save(
    *, actor: User, document: dict[str, Any], key: str | None = None, if_match: int | None = None
) -> tuple[Schedule, bool]:
    """Create a schedule or replace it; in force at once. Its runs are started as ``actor``, with the rights they have then.

    Returns the row and whether it is new. Unprocessable with every problem; Conflict for a schedule that stands in a
    workflow's own document; StaleVersion. A changed rule counts from now: what the old one missed is over.
    """
    require(actor, "design:schedule")
    require(actor, "start:workflow")
    if key is not None:
        document = {"scheduleId": key} | document
    if violations := check_document("schedule", document):
        raise Unprocessable("The schedule does not fit its schema.", violations=violations)
    if key is not None and document["scheduleId"] != key:
        raise Unprocessable(violations=[Violation("id-mismatch", f"The address says {key}.", "/scheduleId")])
    moment = schedule_rows.now()
    found = selectors.problems(document, moment)
    if has_errors(found):
        raise Unprocessable("The schedule has errors.", violations=found)
    key = key or document.get("scheduleId") or _free_key(document["workflowId"])
    document = {name: value for name, value in document.items() if name not in _NOT_KEPT} | {"scheduleId": key}
    row = Schedule.objects.select_for_update().filter(key=key).first()
    if row is not None and row.inline:
        raise Conflict(f"{key} stands in the document of the workflow {row.workflow_id}; change it there.")
    if row is None and if_match is not None:
        raise StaleVersion(f"{key} does not exist, so nothing can match the If-Match header.")
    if row is not None and if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you save.")
    row, created = schedule_rows.put(row, actor, key, document, moment)
    record_audit(
        actor=actor,
        action="schedule.save",
        resource="schedule",
        resource_id=key,
        details={"workflowId": row.workflow_id, "revision": row.revision, "enabled": row.enabled},
    )
    return row, created


def _free_key(workflow_id: str) -> str:
    base = workflow_id[:240]
    taken = set(Schedule.objects.filter(key__startswith=base).values_list("key", flat=True))
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _locked(key: str) -> Schedule:
    row = Schedule.objects.select_for_update().filter(key=key).first()
    if row is None:
        raise NotFound(f"There is no schedule {key}.")
    return row


@transaction.atomic
def pause(*, actor: User, key: str, reason: str = "") -> Schedule:
    """Let a schedule rest; runs under way go on. Conflict when it rests already."""
    require(actor, "operate:schedule")
    row = _locked(key)
    if not row.enabled:
        raise Conflict(f"{key} is paused already.")
    schedule_rows.halt(row, schedule_rows.now(), actor)
    row.revision += 1
    row.save()
    record_audit(actor=actor, action="schedule.pause", resource="schedule", resource_id=key, details={"reason": reason})
    return row


@transaction.atomic
def resume(
    *, actor: User, key: str, catch_up: CatchUp = CatchUp.NONE, reason: str = ""
) -> tuple[Schedule, dict[str, int]]:
    """Let a paused schedule go on from now. What it missed is left, unless ``catch_up`` says what to make up for.

    Returns the row and {started, queued, skipped, failed, missed}. Conflict when it is not paused.
    """
    require(actor, "operate:schedule")
    row = _locked(key)
    if row.enabled:
        raise Conflict(f"{key} is not paused.")
    moment = schedule_rows.now()
    late = schedule_rows.pace(row).late(row.decided_until, moment)
    slots, missed = late.divide(catch_up)
    row.enabled, row.decided_until = True, max(row.decided_until, moment)
    schedule_rows.plan(row)
    row.revision += 1
    row.save()
    outcome = firing.carry_out([Work(row, [(slot, Origin.CATCH_UP) for slot in slots], missed, by=actor.username)])
    counts = _counts(row, outcome)
    details = {"reason": reason, "catchUp": str(catch_up), **counts}
    record_audit(actor=actor, action="schedule.resume", resource="schedule", resource_id=key, details=details)
    return row, counts


def _counts(row: Schedule, outcome: Outcome) -> dict[str, int]:
    counts = {str(each).lower(): outcome.count(row, each) for each in Decision}
    counts["missed"] = sum(fire.count for fire in outcome.fires if fire.decision == Decision.MISSED)
    return counts


@transaction.atomic
def fire(*, actor: User, key: str, reason: str = "") -> ScheduleFire:
    """Fire a schedule now, beside its timetable and also while it is paused; the run is the owner's like any other.

    Its overlap rule counts: Conflict when that says to skip. Unprocessable when the run cannot be started.
    """
    require(actor, "operate:schedule")
    require(actor, "start:workflow")
    row = _locked(key)
    slot = fetch("SELECT clock_timestamp()")[0][0]
    outcome = firing.carry_out([Work(row, [(slot, Origin.MANUAL)], by=actor.username)])
    found = outcome.fires[0]
    if found.decision == Decision.SKIPPED:
        raise Conflict(f"{found.reason} The schedule's overlap rule is {row.document.get('overlap', 'SKIP')}.")
    if found.decision == Decision.FAILED:
        raise Unprocessable(found.reason, violations=[Violation("not-started", found.reason)])
    record_audit(
        actor=actor,
        action="schedule.fire",
        resource="schedule",
        resource_id=key,
        details={"reason": reason, "instanceId": str(found.instance_id) if found.instance_id else None},
    )
    return found


@transaction.atomic
def delete(*, actor: User, key: str, if_match: int | None = None) -> None:
    """Take a schedule away with its log; runs that it started stay."""
    require(actor, "design:schedule")
    row = _locked(key)
    if row.inline:
        raise Conflict(f"{key} stands in the document of the workflow {row.workflow_id}; take it out there.")
    if if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you delete it.")
    schedule_rows.remove([row.id])
    record_audit(actor=actor, action="schedule.delete", resource="schedule", resource_id=key, details=row.document)


def _apply(actor: User, document: dict[str, Any]) -> tuple[str, str]:
    key = document.get("scheduleId")
    before = Schedule.objects.filter(key=key).first() if key else None
    wanted = {name: value for name, value in document.items() if name not in _NOT_KEPT}
    if before is not None and {"enabled": True, **wanted} == before.document:
        return before.key, "unchanged"
    row, created = save(actor=actor, document=document)
    return row.key, "created" if created else "changed"


SCHEDULE = LiveKind("schedule", _apply, selectors.documents, selectors.dependents, order=60)
