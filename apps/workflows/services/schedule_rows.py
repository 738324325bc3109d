"""The row of a schedule: how it is written, planned, halted and removed. The verbs around it are in ``schedules``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.auth.models import User
from apps.events.sql import fetch
from apps.validation.problems import Conflict
from apps.workflows.checks.schedule import pace_of
from apps.workflows.models import Schedule, ScheduleFire
from apps.workflows.rules.firing import CatchUp, Decision, Missed, Origin, Pace

_TIMING = ("cron", "interval", "timezone", "startAt", "endAt", "jitter")


def now() -> datetime:
    """The database's time; within a transaction it stands still."""
    moment: datetime = fetch("SELECT now()")[0][0]
    return moment


def pace(row: Schedule) -> Pace:
    return pace_of(str(row.id), row.document, row.anchor)


def put(
    row: Schedule | None, actor: User, key: str, document: dict[str, Any], moment: datetime, *, inline: bool = False
) -> tuple[Schedule, bool]:
    """Write a checked document into its locked row, or into a new one; returns the row and whether it is new.

    A changed rule counts from now; one that is enabled again goes on from now, with what it missed written down.
    """
    created = row is None
    enabled = document.get("enabled", True)
    begins = row is None or any(row.document.get(name) != document.get(name) for name in _TIMING)
    missed = None
    if row is None:
        row = Schedule(key=key, enabled=enabled, anchor=moment, decided_until=moment, inline=inline)
    else:
        row.revision += 1
        if enabled and not row.enabled and not begins:
            missed = pace(row).late(row.decided_until, moment).divide(CatchUp.NONE)[1]
    if begins:
        row.anchor = moment.replace(microsecond=0)
    if begins or (enabled and not row.enabled):
        row.decided_until = max(row.decided_until, moment)
    if not enabled and (row.enabled or created):
        row.paused_at, row.paused_by = moment, actor.username
    row.workflow_id, row.document, row.owner, row.enabled = document["workflowId"], document, actor, enabled
    row.name = document.get("name") or key
    row.updated_at = moment
    plan(row)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(f"Somebody else has just saved {key}; read it again before you save.") from error
    if missed is not None:
        given_up(row, missed, by=actor.username).save()
    return row, created


def plan(row: Schedule) -> None:
    """Set what comes next from what has been decided."""
    if row.enabled:
        row.paused_at, row.paused_by = None, ""
    row.next_slot, due_at = pace(row).next(row.decided_until)
    row.due_at = due_at if row.enabled else None
    row.document = {**row.document, "enabled": row.enabled}


def halt(row: Schedule, moment: datetime, actor: User | None = None) -> None:
    """Let a schedule rest; what was decided stays decided. Without ``actor``: nobody wanted it, its workflow is away."""
    row.enabled, row.paused_at, row.due_at = False, moment, None
    row.paused_by = actor.username if actor is not None else ""
    row.document = {**row.document, "enabled": False}


def given_up(row: Schedule, missed: Missed, by: str = "") -> ScheduleFire:
    """One entry of the log, not yet saved, about all the slots that nobody fires."""
    return ScheduleFire(
        schedule=row,
        slot=missed.first,
        until=missed.last,
        count=missed.count,
        more=missed.more,
        due_at=missed.first,
        decision=Decision.MISSED,
        origin=Origin.DUE,
        by=by,
    )


def remove(ids: Iterable[UUID]) -> None:
    """Delete schedules with their logs."""
    gone = list(ids)
    ScheduleFire.objects.filter(schedule__in=gone).delete()
    Schedule.objects.filter(id__in=gone).delete()
