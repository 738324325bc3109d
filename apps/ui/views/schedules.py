"""Schedules: the list, and one with what it will do and what it did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import User
from apps.ui import paging
from apps.ui.views.base import actor, one_of, page
from apps.workflows.models import WorkflowDefinition
from apps.workflows.selectors import schedules

LISTED = 200
MOST_WORKFLOWS = 500


@page("view:schedule")
def overview(request: HttpRequest) -> HttpResponse:
    """Every schedule, what fires next first. `?search=&state=`; `?new` opens the form, `&workflow=` chooses there."""
    user = actor(request)
    search = request.GET.get("search", "").strip().replace("\x00", "")[:200]
    state = one_of(request.GET.get("state"), schedules.STATES)
    found = list(schedules.soonest_first(schedules.schedules(user, search=search, state=state))[: LISTED + 1])
    context = {
        "schedules": schedules.summaries(found[:LISTED]),
        "more": len(found) > LISTED,
        "search": search,
        "state": state,
        "states": schedules.STATES,
        "sees_runs": bool(permitted_scopes(user, "view:instance")),
        "may_edit": _may_edit(user),
        "form": _form(user, None, 0, request.GET.get("workflow", "")),
        "creating": _may_edit(user) and "new" in request.GET,
    }
    return render(request, "ui/schedules/list.html", context)


@page("view:schedule")
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """One schedule: its next fires in its zone and in the reader's, what was missed, its log, and its verbs."""
    user = actor(request)
    row = schedules.find_schedule(user, key)
    about = schedules.detail(row)
    ahead = schedules.preview(row)
    fires = paging.newest_first(schedules.fires(row), request, field="slot")
    context = {
        "about": about,
        "ahead": ahead,
        "moments": _moments(ahead["next"]),
        "strip": _strip(ahead["next"], timezone.now()),
        "missed": _moments(ahead["missed"]["slots"][::-1]),
        "fires": [{**each, "late": _late(each)} for each in schedules.fire_rows(fires.rows)],
        "after": fires.after,
        "before": fires.before,
        "sees_runs": bool(permitted_scopes(user, "view:instance")),
        "may_edit": _may_edit(user) and not about["inline"],
        "may_operate": allowed(user, "operate:schedule"),
        "verbs": {
            "scheduleId": row.key,
            "name": row.name,
            "words": about["words"],
            "state": about["state"],
            "inline": about["inline"],
            "overlap": row.document.get("overlap", "SKIP"),
            "lastRunGoing": about["lastRunStatus"] not in (None, "COMPLETED", "FAILED", "CANCELLED"),
            "missed": ahead["missed"]["count"],
            "catchUp": ahead["catchUp"],
            "mayOperate": allowed(user, "operate:schedule"),
            "mayStart": allowed(user, "start:workflow"),
            "mayEdit": _may_edit(user) and not about["inline"],
        },
        "form": _form(user, row.document, row.revision, ""),
        "definition": {"value": row.document, "label": "schedule"},
    }
    return render(request, "ui/schedules/detail.html", context)


def _may_edit(user: User) -> bool:
    return allowed(user, "design:schedule") and allowed(user, "start:workflow")


def _form(user: User, document: dict[str, Any] | None, revision: int, workflow_id: str) -> dict[str, Any]:
    if not _may_edit(user):
        return {}
    rows = WorkflowDefinition.objects.published().order_by("key", "-version_key").distinct("key")
    workflows = [
        {"id": key, "name": name, "version": version}
        for key, name, version in rows.values_list("key", "name", "version")[:MOST_WORKFLOWS]
    ]
    return {
        "document": document,
        "revision": revision,
        "workflowId": workflow_id,
        "workflows": sorted(workflows, key=lambda each: each["name"].lower()),
    }


def _moments(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Slots as a page shows them: day and time in the schedule's zone, the offset that holds then, when it is due."""
    moments = [datetime.fromisoformat(each["local"]) for each in found]
    clock = "%H:%M:%S" if any(moment.second for moment in moments) else "%H:%M"
    return [
        {
            **each,
            "day": f"{moment:%a %d %b %Y}",
            "clock": moment.strftime(clock),
            "offset": each["local"][-6:],
            "spread": f"{moment + (each['dueAt'] - each['slot']):%H:%M:%S}" if each["dueAt"] != each["slot"] else "",
        }
        for each, moment in zip(found, moments, strict=True)
    ]


def _strip(found: list[dict[str, Any]], now: datetime) -> list[int]:
    """Where the fires lie between now (0) and the last of them (1000)."""
    if not found:
        return []
    whole = max((found[-1]["slot"] - now).total_seconds(), 1.0)
    return [max(0, round(1000 * (each["slot"] - now).total_seconds() / whole)) for each in found]


def _late(fire: dict[str, Any]) -> float | None:
    """Seconds between being due and being decided about, where that says something."""
    if fire["origin"] != "DUE" or fire["decision"] == "MISSED":
        return None
    return round(max((fire["at"] - fire["dueAt"]).total_seconds(), 0), 1)
