"""Workflow definitions over HTTP; the verbs are those that definitions of every kind share, and trying one out."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.api.definitions import actor_of
from apps.validation.api.kind_views import KindViews
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


class WorkflowViews(KindViews):
    kind = WORKFLOW
    prefix = "workflows/definitions"
    operations = "workflows"
    tag = "workflow definitions"
    one = WorkflowSerializer
    summary = WorkflowSummarySerializer
    version = WorkflowVersionSerializer
    says = "The newest version of each workflow, with what runs on it."
    filters = (
        OpenApiParameter("search", str, description="Part of the id, the name or the description."),
        OpenApiParameter("status", str, enum=WorkflowDefinition.Status.values),
    )

    def require_read(self, actor: User) -> None:
        require(actor, "view:workflow")

    def listed(self, actor: User, given: QueryDict) -> QuerySet[WorkflowDefinition]:
        return selectors.newest_versions(actor, search=given.get("search", ""), status=given.get("status", ""))

    def summaries(self, rows: list[WorkflowDefinition]) -> list[dict[str, Any]]:
        return selectors.summaries(rows)

    def version_rows(self, key: str) -> list[dict[str, Any]]:
        return versions(key)

    def more(self, row: Any) -> dict[str, Any]:
        return {"instances": selectors.instance_counts([row.key])[row.key]}


class WorkflowDryRun(APIView):
    @extend_schema(
        operation_id="workflows_dry_run",
        tags=[WorkflowViews.tag],
        request=DryRunSerializer,
        responses={200: DryRunResultSerializer},
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
