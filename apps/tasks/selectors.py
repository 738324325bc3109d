"""What is read about tasks: who sees which, the inbox's boxes, one task whole."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.auth.access import permitted_scopes
from apps.auth.models import User

from . import access
from .models import Task, TaskDefinition

Box = Literal["my", "group", "overdue", "done", "all"]
BOXES: tuple[Box, ...] = get_args(Box)
_OPEN = Q(status__in=Task.OPEN)
_MANUAL = Q(type=Task.Type.MANUAL)


def visible_tasks(actor: User) -> QuerySet[Task]:
    """The tasks that exist for `actor`; the same rule as `access.may_see`, as a filter."""
    scopes = permitted_scopes(actor, "view:task")
    tasks = Task.objects.all()
    if "all" in scopes:
        return tasks
    condition = Q(pk__in=())
    if "own" in scopes:
        condition |= Q(requested_by=actor)
    if "assigned" in scopes:
        condition |= Q(assignee=actor) | Q(completed_by=actor) | _candidate(actor)
    return tasks.filter(condition)


def boxes(actor: User, *, now: datetime | None = None) -> dict[Box, Q]:
    """What is in each box of the actor's inbox. Lists and counts both use these, so that they cannot disagree.

    my: open, mine · group: open, nobody's, I am a candidate · overdue: of these two, those past due ·
    done: completed or cancelled by me · all: every person's task I may see.
    """
    mine = _OPEN & Q(assignee=actor)
    group = _OPEN & Q(assignee=None) & _candidate(actor)
    return {
        "my": _MANUAL & mine,
        "group": _MANUAL & group,
        "overdue": _MANUAL & (mine | group) & Q(due_at__lt=now or timezone.now()),
        "done": _MANUAL & Q(completed_by=actor),
        "all": _MANUAL,
    }


def box_counts(actor: User) -> dict[str, int]:
    """How many tasks are in each box, from one query."""
    return visible_tasks(actor).aggregate(
        **{name: Count("pk", filter=condition) for name, condition in boxes(actor).items() if name != "all"}
    )


def inbox(actor: User, box: Box) -> QuerySet[Task]:
    """The tasks in one box, with everything a list shows."""
    return with_names(visible_tasks(actor).filter(boxes(actor)[box]))


def with_names(tasks: QuerySet[Task]) -> QuerySet[Task]:
    """Joins what a summary needs."""
    return tasks.select_related("assignee", "completed_by", "requested_by", "definition").defer("definition__document")


def find_task(actor: User, task_id: UUID) -> Task:
    """One task with everything its page shows. NotFound when it does not exist for `actor`."""
    task = whole_task(task_id)
    if task is None or not access.may_see(actor, task):
        raise access.not_found(task_id)
    return task


def whole_task(task_id: UUID) -> Task | None:
    """The same without asking who wants it: for the answer to a verb that has asked already."""
    tasks = Task.objects.select_related("assignee", "completed_by", "requested_by", "definition")
    return tasks.prefetch_related("comments__author", "attachments__uploaded_by").filter(pk=task_id).first()


def latest_definitions() -> QuerySet[TaskDefinition]:
    """The newest version of each definition in use, with `published_version`: the one that new work gets, or None."""
    newest = TaskDefinition.objects.live().order_by("key", "-version_key").distinct("key").values("pk")
    published = TaskDefinition.objects.published().filter(key=OuterRef("key")).order_by("-version_key")
    return TaskDefinition.objects.filter(pk__in=newest).annotate(
        published_version=Subquery(published.values("version")[:1])
    )


def _candidate(actor: User) -> Q:
    """The actor is named as a candidate, or a team or role of theirs is."""
    return Q(candidate_users__contains=[actor.username]) | Q(
        candidate_groups__overlap=sorted(actor.group_names | actor.role_names)
    )
