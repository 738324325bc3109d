"""Task definitions over HTTP; the verbs are those that definitions of every kind share."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from apps.auth.access import AccessDenied, allowed
from apps.auth.models import User
from apps.tasks import selectors
from apps.tasks.models import Task, TaskDefinition
from apps.tasks.services import TASKS
from apps.validation.api.kind_views import KindViews
from apps.validation.api.parameters import one_of, text

from .definition_serializers import TaskDefinitionSerializer, TaskDefinitionSummarySerializer


class TaskDefinitionViews(KindViews):
    kind = TASKS
    prefix = "tasks/definitions"
    operations = "task_definitions"
    tag = "task definitions"
    one = TaskDefinitionSerializer
    summary = TaskDefinitionSummarySerializer
    says = "The newest version of each task definition."
    filters = (
        OpenApiParameter("search", str, description="Part of the id, the name or the description."),
        OpenApiParameter("type", str, enum=Task.Type.values),
        OpenApiParameter("kind", str, description="HTTP, EXPRESSION, HUMAN, …"),
        OpenApiParameter("status", str, enum=TaskDefinition.Status.values),
        OpenApiParameter("tag", str),
    )

    def require_read(self, actor: User) -> None:
        """Definitions are read by whoever designs or runs tasks, or sees workflows or tasks."""
        if not any(allowed(actor, each) for each in ("design:task", "run:task", "view:workflow", "view:task")):
            raise AccessDenied("design:task")

    def listed(self, actor: User, given: QueryDict) -> QuerySet[TaskDefinition]:
        rows = selectors.latest_definitions()
        if search := text(given, "search"):
            rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search) | Q(description__icontains=search))
        if kind := text(given, "kind"):
            rows = rows.filter(document__implementation__kind=kind)
        if declared := text(given, "type"):
            rows = rows.filter(document__type=one_of("type", declared, {each: each for each in Task.Type.values}))
        if status := text(given, "status"):
            rows = rows.filter(status=one_of("status", status, {each: each for each in TaskDefinition.Status.values}))
        if tag := text(given, "tag"):
            rows = rows.filter(tags__contains=[tag])
        return rows
