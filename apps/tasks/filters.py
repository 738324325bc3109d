"""The query parameters of task lists as filters. An unknown value is an error, never an empty list."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from apps.auth.models import User
from apps.validation.api.parameters import one_of, text
from apps.validation.problems import BadInput
from apps.validation.violations import Violation

from . import selectors
from .models import Priority, Task, TaskDefinition


def filtered_tasks(actor: User, parameters: QueryDict) -> QuerySet[Task]:
    """The tasks visible to `actor` that fit `parameters`. BadInput names the parameter that cannot be read."""
    box = parameters.get("box", "")
    if box:
        tasks = selectors.inbox(actor, one_of("box", box, {name: name for name in selectors.BOXES}))
    else:
        tasks = selectors.with_names(selectors.visible_tasks(actor))
    for name, column, values in (
        ("status", "status", {value: value for value in Task.Status.values}),
        ("type", "type", {value: value for value in Task.Type.values}),
        ("priority", "priority", {each.name: each.value for each in Priority}),
    ):
        if given := _listed(parameters, name):
            tasks = tasks.filter(**{f"{column}__in": [one_of(name, each, values) for each in given]})
    if instance := parameters.get("workflowInstanceId"):
        tasks = tasks.filter(workflow_instance_id=_uuid("workflowInstanceId", instance))
    if key := text(parameters, "taskDefinitionId"):
        versions = TaskDefinition.objects.filter(key=key).values("pk")
        tasks = tasks.filter(definition__in=versions)
    if overdue := parameters.get("overdue"):
        late = Q(status__in=Task.OPEN, due_at__lt=timezone.now())
        tasks = tasks.filter(late if one_of("overdue", overdue, {"true": True, "false": False}) else ~late)
    if search := text(parameters, "search"):
        tasks = tasks.filter(Q(title__icontains=search) | Q(description__icontains=search))
    return _by_assignee(tasks, actor, text(parameters, "assignee"))


def _by_assignee(tasks: QuerySet[Task], actor: User, assignee: str) -> QuerySet[Task]:
    if not assignee:
        return tasks
    if assignee == "me":
        return tasks.filter(assignee=actor)
    if assignee == "none":
        return tasks.filter(assignee=None)
    people = User.objects.filter(username=User.normalize_username(assignee)).values("pk")
    return tasks.filter(assignee__in=people)


def _listed(parameters: QueryDict, name: str) -> list[str]:
    """Repeated parameters and comma-separated ones."""
    return [part for value in parameters.getlist(name) for part in value.split(",") if part]


def _uuid(name: str, given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise BadInput(
            f"{name} is not an id.", violations=[Violation("bad-parameter", "Not an id.", f"/{name}")]
        ) from None
