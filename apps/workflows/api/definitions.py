"""Workflow definitions over HTTP."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.api import definitions as shared
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import WorkflowDefinition
from apps.workflows.selectors import definitions as selectors
from apps.workflows.selectors.versions import versions
from apps.workflows.services.dry_run import dry_run

from .serializers import (
    DryRunResultSerializer,
    DryRunSerializer,
    WorkflowSerializer,
    WorkflowSummarySerializer,
    WorkflowVersionSerializer,
)

_TAGS = ["workflow definitions"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/workflow.json."}}
_SAVED: dict[int, Any] = {
    200: WorkflowSerializer,
    201: WorkflowSerializer,
    409: OpenApiResponse(description="That version is published already."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document does not fit its schema."),
}


class WorkflowViews(shared.DefinitionViews):
    kind = WORKFLOW

    def require_read(self, actor: User) -> None:
        require(actor, "view:workflow")

    def version_rows(self, key: str) -> list[dict[str, Any]]:
        return versions(key)

    def more(self, row: Any) -> dict[str, Any]:
        return {"instances": selectors.instance_counts([row.key])[row.key]}


class WorkflowList(WorkflowViews, generics.ListAPIView[WorkflowDefinition]):
    serializer_class = WorkflowSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "updated_at")

    def get_queryset(self) -> QuerySet[WorkflowDefinition]:
        given = self.request.query_params
        return selectors.newest_versions(
            actor_of(self.request), search=given.get("search", ""), status=given.get("status", "")
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[WorkflowDefinition]:
        # One look-up for the whole page, not one for each row.
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="workflows_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name or the description."),
            OpenApiParameter("status", str, enum=WorkflowDefinition.Status.values),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The newest version of each workflow, with what runs on it."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="workflows_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a draft: creates it, or replaces the one with the same id and version."""
        return self.save(request, document_of(request))


@extend_schema_view(
    post=extend_schema(
        operation_id="workflows_validate", tags=_TAGS, request=_DOCUMENT, responses={200: shared.VerdictSerializer}
    )
)
class WorkflowValidate(WorkflowViews, shared.ValidateDefinition):
    pass


@extend_schema_view(
    get=extend_schema(operation_id="workflows_retrieve", tags=_TAGS, responses={200: WorkflowSerializer}),
    put=extend_schema(operation_id="workflows_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED),
    delete=extend_schema(operation_id="workflows_archive", tags=_TAGS, responses={204: None}),
)
class Workflow(WorkflowViews, shared.OneDefinition):
    pass


@extend_schema_view(
    post=extend_schema(
        operation_id="workflows_publish",
        tags=_TAGS,
        request=shared.PublishSerializer,
        responses={
            200: WorkflowSerializer,
            409: OpenApiResponse(description="There is no draft, or it is archived."),
            422: OpenApiResponse(description="The definition has errors."),
        },
    )
)
class WorkflowPublish(WorkflowViews, shared.PublishDefinition):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="workflow_versions_list", tags=_TAGS, responses={200: WorkflowVersionSerializer(many=True)}
    )
)
class WorkflowVersions(WorkflowViews, shared.DefinitionVersions):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="workflows_diff",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("from", str, required=True, description="The earlier version."),
            OpenApiParameter("to", str, description="The later version; default: the newest."),
        ],
        responses={200: shared.DiffSerializer},
    )
)
class WorkflowDiff(WorkflowViews, shared.DefinitionDiff):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="workflows_impact",
        tags=_TAGS,
        parameters=[OpenApiParameter("version", str, description="A stored version: what publishing it breaks.")],
        responses={200: shared.ImpactSerializer},
    ),
    post=extend_schema(
        operation_id="workflows_impact_of",
        tags=_TAGS,
        request=_DOCUMENT,
        responses={
            200: shared.ImpactSerializer,
            422: OpenApiResponse(description="The document does not fit its schema."),
        },
    ),
)
class WorkflowImpact(WorkflowViews, shared.DefinitionImpact):
    pass


class WorkflowDryRun(APIView):
    @extend_schema(
        operation_id="workflows_dry_run", tags=_TAGS, request=DryRunSerializer, responses={200: DryRunResultSerializer}
    )
    def post(self, request: Request) -> Response:
        """Play a definition to its end on a virtual clock, with mocks for the outside world. Nothing is kept."""
        form = DryRunSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        return Response(
            dry_run(
                actor=actor_of(request),
                document=given["definition"],
                start_input=given.get("input", {}),
                mocks=given["mocks"],
                examples=given["examples"],
            )
        )


@extend_schema_view(
    get=extend_schema(operation_id="workflow_versions_retrieve", tags=_TAGS, responses={200: WorkflowSerializer})
)
class WorkflowVersion(WorkflowViews, shared.DefinitionVersion):
    pass
