"""Task definitions over HTTP."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import AccessDenied, allowed
from apps.auth.models import User
from apps.tasks import presentation, selectors, services
from apps.tasks.models import TaskDefinition
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.definitions import services as definitions
from apps.validation.problems import BadInput, Unprocessable
from apps.validation.violations import Violation, has_errors

from . import definition_serializers as forms
from .views import actor_of

_TAGS = ["task definitions"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/task.json."}}
_SAVED: dict[int, Any] = {
    200: forms.TaskDefinitionSerializer,
    201: forms.TaskDefinitionSerializer,
    409: OpenApiResponse(description="That version is published already."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document does not fit its schema."),
}


def require_view(actor: User) -> None:
    """Definitions are read by whoever may design or run tasks, or see workflows or tasks. Raises AccessDenied."""
    if not any(allowed(actor, each) for each in ("design:task", "run:task", "view:workflow", "view:task")):
        raise AccessDenied("design:task")


def definition_answer(definition: TaskDefinition, status: int = 200) -> Response:
    """The document of one version, with its ETag."""
    versions = list(selectors.versions_of(definition.key))
    answer = presentation.definition_detail(definition, versions)
    return Response(answer, status=status, headers={"ETag": etag(definition.revision)})


_SET_BY_SERVER = frozenset({"status", "revision", "violations", "versions", "createdAt", "updatedAt"})


def document_of(request: Request) -> dict[str, Any]:
    """The body, which must be an object. What GET adds to a document may stay in it when it is sent back."""
    if not isinstance(request.data, dict):
        raise Unprocessable(violations=[Violation("type", "A definition is a JSON object.", "")])
    return {name: value for name, value in request.data.items() if name not in _SET_BY_SERVER}


class TaskDefinitionListView(generics.ListAPIView[TaskDefinition]):
    serializer_class = forms.TaskDefinitionSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "updated_at")

    def get_queryset(self) -> QuerySet[TaskDefinition]:
        require_view(actor_of(self.request))
        parameters = self.request.query_params
        rows = selectors.latest_definitions()
        for name in ("search", "type", "kind", "status", "tag"):
            if "\x00" in parameters.get(name, ""):
                raise BadInput(f"{name} must not hold NUL.")
        if search := parameters.get("search", ""):
            rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search) | Q(description__icontains=search))
        if kind := parameters.get("kind"):
            rows = rows.filter(document__implementation__kind=kind)
        if declared := parameters.get("type"):
            rows = rows.filter(document__type=declared)
        if status := parameters.get("status"):
            rows = rows.filter(status=status)
        if tag := parameters.get("tag"):
            rows = rows.filter(tags__contains=[tag])
        return rows

    @extend_schema(
        operation_id="task_definitions_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name or the description."),
            OpenApiParameter("type", str, enum=["AUTOMATED", "MANUAL", "INTEGRATION"]),
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
        row, created = services.save_definition(
            actor=actor_of(request), document=document_of(request), if_match=if_match(request)
        )
        return definition_answer(row, 201 if created else 200)


class TaskDefinitionValidateView(APIView):
    @extend_schema(
        operation_id="task_definitions_validate",
        tags=_TAGS,
        request=_DOCUMENT,
        responses={200: forms.VerdictSerializer},
    )
    def post(self, request: Request) -> Response:
        """Check a document and save nothing."""
        require_view(actor_of(request))
        violations = definitions.check(services.TASKS, document_of(request))
        return Response({"valid": not has_errors(violations), "violations": [each.as_json() for each in violations]})


class TaskDefinitionView(APIView):
    @extend_schema(
        operation_id="task_definitions_retrieve", tags=_TAGS, responses={200: forms.TaskDefinitionSerializer}
    )
    def get(self, request: Request, task_key: str) -> Response:
        """The newest version's document, with all versions and what is wrong with it."""
        require_view(actor_of(request))
        return definition_answer(definitions.find(services.TASKS, key=task_key))

    @extend_schema(operation_id="task_definitions_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def put(self, request: Request, task_key: str) -> Response:
        """Save a draft of this definition."""
        document = document_of(request)
        if document.setdefault("taskId", task_key) != task_key:
            raise Unprocessable(
                violations=[Violation("id-mismatch", f"The address says {task_key}.", "/taskId")],
            )
        row, created = services.save_definition(actor=actor_of(request), document=document, if_match=if_match(request))
        return definition_answer(row, 201 if created else 200)

    @extend_schema(operation_id="task_definitions_archive", tags=_TAGS, responses={204: None})
    def delete(self, request: Request, task_key: str) -> Response:
        """Take the definition out of use; what runs on it goes on."""
        services.archive_definition(actor=actor_of(request), key=task_key)
        return Response(status=204)


class TaskDefinitionPublishView(APIView):
    @extend_schema(
        operation_id="task_definitions_publish",
        tags=_TAGS,
        request=forms.PublishSerializer,
        responses={
            200: forms.TaskDefinitionSerializer,
            409: OpenApiResponse(description="There is no draft, or it is archived."),
            422: OpenApiResponse(description="The definition has errors."),
        },
    )
    @idempotent
    def post(self, request: Request, task_key: str) -> Response:
        """Make a draft immutable and usable."""
        form = forms.PublishSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        row = services.publish_definition(
            actor=actor_of(request), key=task_key, version=form.validated_data.get("version")
        )
        return definition_answer(row)


class TaskVersionListView(APIView):
    @extend_schema(operation_id="task_versions_list", tags=_TAGS, responses={200: forms.TaskVersionListSerializer})
    def get(self, request: Request, task_key: str) -> Response:
        """All versions, newest first."""
        require_view(actor_of(request))
        definitions.find(services.TASKS, key=task_key)
        return Response({"items": [presentation.version_summary(row) for row in selectors.versions_of(task_key)]})


class TaskVersionView(APIView):
    @extend_schema(operation_id="task_versions_retrieve", tags=_TAGS, responses={200: forms.TaskDefinitionSerializer})
    def get(self, request: Request, task_key: str, version: str) -> Response:
        """One version's document."""
        require_view(actor_of(request))
        return definition_answer(definitions.find(services.TASKS, key=task_key, version=version))
