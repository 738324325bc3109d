"""The start page: what runs, what waits for me, what went wrong."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import permitted_scopes
from apps.events.selectors import dead_letters, queues
from apps.tasks import presentation
from apps.tasks import selectors as tasks
from apps.ui.selectors import run_counts
from apps.ui.views.base import actor, page
from apps.workflows.selectors import instances

SHOWN = 8
MOST_STUCK = 1_000


@page()
def home(request: HttpRequest) -> HttpResponse:
    """Counts and short lists; each part only for who may see what is in it."""
    user = actor(request)
    sees_runs = bool(permitted_scopes(user, "view:instance"))
    sees_tasks = bool(permitted_scopes(user, "view:task"))
    context: dict[str, Any] = {
        "sees_runs": sees_runs,
        "sees_tasks": sees_tasks,
        "sees_workflows": bool(permitted_scopes(user, "view:workflow")),
    }
    if permitted_scopes(user, "view:event"):
        context["stuck"] = dead_letters.pending_up_to(user, MOST_STUCK)
        context["most_stuck"] = MOST_STUCK
    if permitted_scopes(user, "view:operations"):
        context["resting"] = queues.in_trouble(user)
    if sees_runs:
        recent = list(instances.visible_instances(user).order_by("-started_at", "-id")[:SHOWN])
        context |= {"counts": run_counts(user), "recent": instances.summaries(recent)}
    if sees_tasks:
        mine = tasks.inbox(user, "my").order_by("due_at", "-priority", "created_at")[:SHOWN]
        context |= {"boxes": tasks.box_counts(user), "mine": [presentation.task_summary(each) for each in mine]}
    return render(request, "ui/home.html", context)
