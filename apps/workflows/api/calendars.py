"""Working calendars over HTTP; the verbs are those that definitions of every kind share."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.api import definitions as shared
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput
from apps.workflows.calendar_kind import CALENDAR
from apps.workflows.models import CalendarDefinition


class CalendarSummarySerializer(serializers.ModelSerializer[CalendarDefinition]):
    """A calendar in a list: its newest version."""

    calendarId = serializers.CharField(source="key")
    updatedAt = serializers.DateTimeField(source="updated_at")

    class Meta:
        model = CalendarDefinition
        fields = ("calendarId", "name", "description", "version", "status", "tags", "updatedAt")


class CalendarSerializer(shared.DefinitionSerializer):
    """One version of a working calendar."""

    calendarId = serializers.CharField()


_TAGS = ["calendars"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/calendar.json."}}
_SAVED: dict[int, Any] = {
    200: CalendarSerializer,
    201: CalendarSerializer,
    409: OpenApiResponse(description="That version is published already."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document does not fit its schema."),
}


class CalendarViews(shared.DefinitionViews):
    kind = CALENDAR

    def require_read(self, actor: User) -> None:
        require(actor, "view:workflow")


class CalendarList(CalendarViews, generics.ListAPIView[CalendarDefinition]):
    serializer_class = CalendarSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "updated_at")

    def get_queryset(self) -> QuerySet[CalendarDefinition]:
        self.require_read(actor_of(self.request))
        newest = CalendarDefinition.objects.filter(key=OuterRef("key")).live().order_by("-version_key").values("id")[:1]
        rows = CalendarDefinition.objects.filter(id=Subquery(newest))
        if search := self.request.query_params.get("search", ""):
            if "\x00" in search:
                raise BadInput("A filter must not hold NUL.")
            rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search))
        return rows

    @extend_schema(
        operation_id="calendars_list",
        tags=_TAGS,
        parameters=[OpenApiParameter("search", str, description="Part of the id or the name.")],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The newest version of each working calendar."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="calendars_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a draft: creates it, or replaces the one with the same id and version."""
        return self.save(request, document_of(request))


@extend_schema_view(
    post=extend_schema(
        operation_id="calendars_validate", tags=_TAGS, request=_DOCUMENT, responses={200: shared.VerdictSerializer}
    )
)
class CalendarValidate(CalendarViews, shared.ValidateDefinition):
    pass


@extend_schema_view(
    get=extend_schema(operation_id="calendars_retrieve", tags=_TAGS, responses={200: CalendarSerializer}),
    put=extend_schema(operation_id="calendars_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED),
    delete=extend_schema(operation_id="calendars_archive", tags=_TAGS, responses={204: None}),
)
class Calendar(CalendarViews, shared.OneDefinition):
    pass


@extend_schema_view(
    post=extend_schema(
        operation_id="calendars_publish",
        tags=_TAGS,
        request=shared.PublishSerializer,
        responses={
            200: CalendarSerializer,
            409: OpenApiResponse(description="There is no draft, or it is archived."),
            422: OpenApiResponse(description="The definition has errors."),
        },
    )
)
class CalendarPublish(CalendarViews, shared.PublishDefinition):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="calendar_versions_list", tags=_TAGS, responses={200: shared.VersionSerializer(many=True)}
    )
)
class CalendarVersions(CalendarViews, shared.DefinitionVersions):
    pass


@extend_schema_view(
    get=extend_schema(operation_id="calendar_versions_retrieve", tags=_TAGS, responses={200: CalendarSerializer})
)
class CalendarVersion(CalendarViews, shared.DefinitionVersion):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="calendars_diff",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("from", str, required=True, description="The earlier version."),
            OpenApiParameter("to", str, description="The later version; default: the newest."),
        ],
        responses={200: shared.DiffSerializer},
    )
)
class CalendarDiff(CalendarViews, shared.DefinitionDiff):
    pass


@extend_schema_view(
    get=extend_schema(operation_id="calendars_impact", tags=_TAGS, responses={200: shared.ImpactSerializer}),
    post=extend_schema(
        operation_id="calendars_impact_of", tags=_TAGS, request=_DOCUMENT, responses={200: shared.ImpactSerializer}
    ),
)
class CalendarImpact(CalendarViews, shared.DefinitionImpact):
    pass
