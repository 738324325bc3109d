"""Runs: the list with its filters, and one of them."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import User
from apps.events.selectors.events import is_kept
from apps.ui import paging
from apps.ui.dates import day_of, midnight
from apps.ui.views.base import actor, page
from apps.workflows.engine.transitions import InstanceStatus
from apps.workflows.models import WorkflowDefinition
from apps.workflows.selectors import instances

STATUSES = [status.value for status in InstanceStatus]
# Groups that the tiles of the start page lead to.
GROUPS = {
    "open": ["CREATED", "RUNNING", "WAITING_FOR_EVENT", "SUSPENDED", "COMPENSATING"],
}
FIRST_HISTORY = 200
MOST_WORKFLOWS = 500


@page("view:instance")
def overview(request: HttpRequest) -> HttpResponse:
    """The runs one may see. `?status=&workflow=&search=&from=&to=` (dates in the server's zone), keyset paging."""
    status = request.GET.get("status", "")
    workflow_id = request.GET.get("workflow", "").strip()[:255]
    search = request.GET.get("search", "").strip()[:200]
    first, last = day_of(request.GET.get("from")), day_of(request.GET.get("to"))
    rows = instances.filtered(
        actor(request),
        status=GROUPS.get(status) or ([status] if status in STATUSES else None),
        workflow_id=workflow_id or None,
        search=search or None,
        started_after=midnight(first) if first else None,
        started_before=midnight(last + timedelta(days=1)) if last else None,
    )
    found = paging.newest_first(rows, request, field="started_at")
    # The same choice in the words of the API, for what is done to every run that fits.
    api_filter = {
        "status": GROUPS.get(status) or ([status] if status in STATUSES else None),
        "workflowId": workflow_id,
        "search": search,
        "startedAfter": midnight(first).isoformat() if first else None,
        "startedBefore": midnight(last + timedelta(days=1)).isoformat() if last else None,
    }
    context = {
        "selectable": bool(permitted_scopes(actor(request), "steer:instance")),
        "api_filter": json.dumps({name: value for name, value in api_filter.items() if value}),
        "bulk": {},
        "runs": instances.summaries(found.rows),
        "after": found.after,
        "before": found.before,
        "statuses": STATUSES,
        "status": status if status in STATUSES or status in GROUPS else "",
        "workflow": workflow_id,
        "workflows": _workflows(actor(request)),
        "search": search,
        "first": first.isoformat() if first else "",
        "last": last.isoformat() if last else "",
        "filtered": any((status, workflow_id, search, first, last)),
        "may_start": allowed(actor(request), "start:workflow"),
    }
    return render(request, "ui/instances/list.html", context)


@page("view:instance")
def detail(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """One run, live. The page carries what the API would answer, so that nothing has to be asked before it shows."""
    user = actor(request)
    instance = instances.find_instance(user, instance_id)
    entries, _ = instances.history_before(instance.id, instance.seq + 1, limit=FIRST_HISTORY)
    about = instances.detail(instance)
    sees_events, cause = bool(permitted_scopes(user, "view:event")), about["triggerEventId"]
    context = {
        "about": about,
        "props": {
            "initial": {
                "instance": about,
                "history": entries,
                "explanation": instances.explanation(instance, user),
            },
            "viewer": {
                "maySteer": allowed(user, "steer:instance", owner_id=instance.started_by_id),
                "seesWorkflows": bool(permitted_scopes(user, "view:workflow")),
                "seesAllTasks": allowed(user, "view:task"),
                "seesEvents": sees_events,
                # A schedule's fire has an id as well, and is no event.
                "startedByEvent": cause if cause and sees_events and is_kept(cause) else None,
                # By these a waiting task is known to be theirs: names in assignee and candidates.
                "names": [user.username, *sorted(user.group_names | user.role_names)],
            },
        },
    }
    return render(request, "ui/instances/detail.html", context)


def _workflows(user: User) -> list[tuple[str, str]]:
    """(id, name) for the filter: all workflows for who may see them, else those of the runs one sees."""
    rows = WorkflowDefinition.objects.live()
    if not permitted_scopes(user, "view:workflow"):
        rows = rows.filter(key__in=instances.visible_instances(user).values("workflow_id"))
    newest = rows.order_by("key", "-version_key").distinct("key").values_list("key", "name")
    return sorted(newest[:MOST_WORKFLOWS], key=lambda pair: pair[1].lower())
