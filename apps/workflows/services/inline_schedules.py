"""Schedules that stand in a workflow's own document, under ``triggers``: in force while that version is the published one.

They are rows like others (``Schedule.inline``); only the document changes them. Pausing one is for people, and outlives
publishing a new version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation
from apps.workflows.checks.schedule import Target, check_schedule
from apps.workflows.models import Schedule, WorkflowDefinition

from . import schedule_rows


def check(document: Mapping[str, Any]) -> list[Violation]:
    """What is wrong with the schedules of a workflow document, whose own inputSchema their inputs must fit."""
    target = Target(document.get("version", "1.0.0"), document.get("inputSchema"))
    found, seen = [], set()
    for index, key, entry in _entries(document):
        pointer = f"/triggers/{index}"
        found += [each.under(pointer) for each in check_schedule(entry, now=timezone.now(), target=target)]
        if key in seen:
            message = f"There is another schedule {entry['scheduleId']}."
            found.append(Violation("duplicate-trigger", message, f"{pointer}/triggerId"))
        seen.add(key)
    return found


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(index among the triggers, key, schedule document) of each schedule in a workflow document."""
    workflow_id = document["workflowId"]
    for index, entry in enumerate(document.get("triggers") or ()):
        if entry["type"] == "schedule":
            name = entry.get("triggerId", f"schedule-{index + 1}")
            key = f"{workflow_id[:120]}_{name[:120]}"
            own = {field: value for field, value in entry.items() if field not in ("type", "triggerId")}
            yield index, key, {"scheduleId": key, "workflowId": workflow_id, **own}


def follow(row: WorkflowDefinition, actor: User) -> None:
    """Make the schedules of a workflow as its newest published version says; their runs are those of who published.

    One that a person has paused stays paused. AccessDenied when the actor may not start workflows; Unprocessable when
    another schedule has the name.
    """
    newest = WorkflowDefinition.objects.filter(key=row.key).published().newest_first().first()
    if newest is None or newest.pk != row.pk:
        return
    entries = {key: entry for _, key, entry in _entries(row.document)}
    present = {each.key: each for each in Schedule.objects.select_for_update().filter(workflow_id=row.key, inline=True)}
    if not entries and not present:
        return
    if entries:
        require(actor, "start:workflow")
    taken = Schedule.objects.filter(key__in=entries.keys() - present.keys()).values_list("key", flat=True)
    if taken:
        found = [Violation("schedule-id-taken", f"There is another schedule {key}.", "/triggers") for key in taken]
        raise Unprocessable("A schedule of that name is there already.", violations=found)
    moment = schedule_rows.now()
    for key, entry in entries.items():
        present_row = present.get(key)
        if present_row is not None and not present_row.enabled and present_row.paused_by:
            entry = {**entry, "enabled": False}
        schedule_rows.put(present_row, actor, key, entry, moment, inline=True)
    schedule_rows.remove([each.id for key, each in present.items() if key not in entries])
    record_audit(
        actor=actor,
        action="schedule.follow",
        resource="workflow",
        resource_id=f"{row.key}@{row.version}",
        details={"schedules": sorted(entries), "removed": sorted(present.keys() - entries.keys())},
    )


def rest(workflow_id: str) -> None:
    """Pause what stands in the document of a workflow that is archived; publishing it again goes on with it."""
    moment: datetime = schedule_rows.now()
    for row in Schedule.objects.select_for_update().filter(workflow_id=workflow_id, inline=True, enabled=True):
        schedule_rows.halt(row, moment)
        row.save()
