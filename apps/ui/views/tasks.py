"""The task inbox and one task."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from apps.auth.models import User
from apps.tasks import presentation, selectors
from apps.tasks.models import Task
from apps.ui import paging
from apps.ui.views.base import actor, one_of, page
from apps.workflows.models import WorkflowInstance
from apps.workflows.selectors import instances

BOXES = (("my", "My tasks"), ("group", "Group"), ("overdue", "Overdue"), ("done", "Done"))
LISTED = 100


@page("view:task")
def inbox(request: HttpRequest) -> HttpResponse:
    """One box of the inbox. `?box=my|group|overdue|done&search=`; `?task=` is open in the reading pane."""
    user = actor(request)
    counts = selectors.box_counts(user)
    box = one_of(request.GET.get("box"), dict(BOXES), "my" if counts["my"] or not counts["group"] else "group")
    search = request.GET.get("search", "").strip()[:200]
    found = _matching(selectors.inbox(user, box), search)  # type: ignore[arg-type]
    before = after = None
    if box == "done":
        done = paging.newest_first(found.filter(completed_at__isnull=False), request, field="completed_at")
        rows, before, after = done.rows, done.before, done.after
    else:
        rows = list(_most_pressing(found)[:LISTED])
    context = {
        "boxes": [(name, label, counts[name]) for name, label in BOXES],
        "box": box,
        "search": search,
        "tasks": [presentation.task_summary(task) for task in rows],
        "chosen": request.GET.get("task", ""),
        "before": before,
        "after": after,
    }
    return render(request, "ui/tasks/inbox.html", context)


@page("view:task")
def detail(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """One task; for the inbox's reading pane (header X-Pane) without the page around it."""
    user = actor(request)
    task = selectors.find_task(user, task_id)
    context = {
        "task": task,
        "props": {
            "initial": presentation.task_detail(task, user),
            "user": {"id": str(user.pk)},
            "workflowName": _workflow_name(user, task),
        },
    }
    template = "ui/tasks/pane.html" if request.headers.get("X-Pane") else "ui/tasks/detail.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["X-Pane"])
    return response


def _matching(tasks: QuerySet[Task], search: str) -> QuerySet[Task]:
    if not search:
        return tasks
    return tasks.filter(Q(title__icontains=search) | Q(description__icontains=search) | Q(step_id__icontains=search))


def _most_pressing(tasks: QuerySet[Task]) -> QuerySet[Task]:
    """What is due first comes first, then by priority, then by age."""
    return tasks.order_by(F("due_at").asc(nulls_last=True), "-priority", "created_at", "pk")


def _workflow_name(user: User, task: Task) -> str | None:
    """The name of the task's workflow when the reader may see the run."""
    if task.workflow_instance_id is None:
        return None
    run: Any = WorkflowInstance.objects.filter(pk=task.workflow_instance_id).first()
    if run is None or not instances.is_visible(user, run):
        return None
    return str(instances.summaries([run])[0]["workflowName"])
