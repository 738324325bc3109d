"""Task definitions over HTTP; the verbs are those that definitions of every kind share."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from apps.auth.access import AccessDenied, allowed
from apps.auth.models import User
from apps.tasks import selectors
from apps.tasks.filters import one_of, text
from apps.tasks.models import Task, TaskDefinition
from apps.tasks.services import TASKS
from apps.validation.api import definitions as shared
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination

from .definition_serializers import TaskDefinitionSerializer, TaskDefinitionSummarySerializer

_TAGS = ["task definitions"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/task.json."}}
_SAVED: dict[int, Any] = {
    200: TaskDefinitionSerializer,
    201: TaskDefinitionSerializer,
    409: OpenApiResponse(description="That version is published already."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document does not fit its schema."),
}


class TaskDefinitionViews(shared.DefinitionViews):
    kind = TASKS

    def require_read(self, actor: User) -> None:
        """Definitions are read by whoever designs or runs tasks, or sees workflows or tasks."""
        if not any(allowed(actor, each) for each in ("design:task", "run:task", "view:workflow", "view:task")):
            raise AccessDenied("design:task")


class TaskDefinitionList(TaskDefinitionViews, generics.ListAPIView[TaskDefinition]):
    serializer_class = TaskDefinitionSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "updated_at")

    def get_queryset(self) -> QuerySet[TaskDefinition]:
        self.require_read(actor_of(self.request))
        given = self.request.query_params
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

    @extend_schema(
        operation_id="task_definitions_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name or the description."),
            OpenApiParameter("type", str, enum=Task.Type.values),
            OpenApiParameter("kind", str, description="HTTP, EXPRESSION, HUMAN, …"),
            OpenApiParameter("status", str, enum=TaskDefinition.Status.values),
            OpenApiParameter("tag", str),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The newest version of each task definition."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="task_definitions_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a draft: creates it, or replaces the one with the same id and version."""
        return self.save(request, document_of(request))


@extend_schema_view(
    post=extend_schema(
        operation_id="task_definitions_validate",
        tags=_TAGS,
        request=_DOCUMENT,
        responses={200: shared.VerdictSerializer},
    )
)
class TaskDefinitionValidate(TaskDefinitionViews, shared.ValidateDefinition):
    pass


@extend_schema_view(
    get=extend_schema(operation_id="task_definitions_retrieve", tags=_TAGS, responses={200: TaskDefinitionSerializer}),
    put=extend_schema(operation_id="task_definitions_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED),
    delete=extend_schema(operation_id="task_definitions_archive", tags=_TAGS, responses={204: None}),
)
class OneTaskDefinition(TaskDefinitionViews, shared.OneDefinition):
    pass


@extend_schema_view(
    post=extend_schema(
        operation_id="task_definitions_publish",
        tags=_TAGS,
        request=shared.PublishSerializer,
        responses={
            200: TaskDefinitionSerializer,
            409: OpenApiResponse(description="There is no draft, or it is archived."),
            422: OpenApiResponse(description="The definition has errors."),
        },
    )
)
class TaskDefinitionPublish(TaskDefinitionViews, shared.PublishDefinition):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="task_versions_list", tags=_TAGS, responses={200: shared.VersionSerializer(many=True)}
    )
)
class TaskDefinitionVersions(TaskDefinitionViews, shared.DefinitionVersions):
    pass


@extend_schema_view(
    get=extend_schema(operation_id="task_versions_retrieve", tags=_TAGS, responses={200: TaskDefinitionSerializer})
)
class TaskDefinitionVersion(TaskDefinitionViews, shared.DefinitionVersion):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="task_definitions_diff",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("from", str, required=True, description="The earlier version."),
            OpenApiParameter("to", str, description="The later version; default: the newest."),
        ],
        responses={200: shared.DiffSerializer},
    )
)
class TaskDefinitionDiff(TaskDefinitionViews, shared.DefinitionDiff):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="task_definitions_impact",
        tags=_TAGS,
        parameters=[OpenApiParameter("version", str, description="A stored version: what publishing it breaks.")],
        responses={200: shared.ImpactSerializer},
    ),
    post=extend_schema(
        operation_id="task_definitions_impact_of",
        tags=_TAGS,
        request=_DOCUMENT,
        responses={
            200: shared.ImpactSerializer,
            422: OpenApiResponse(description="The document does not fit its schema."),
        },
    ),
)
class TaskDefinitionImpact(TaskDefinitionViews, shared.DefinitionImpact):
    pass
