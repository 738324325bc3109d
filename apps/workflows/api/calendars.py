"""Working calendars over HTTP; the verbs are those that definitions of every kind share."""

from __future__ import annotations

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.api.definitions import DefinitionSerializer
from apps.validation.api.kind_views import KindViews
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


class CalendarSerializer(DefinitionSerializer):
    """One version of a working calendar."""

    calendarId = serializers.CharField()


class CalendarViews(KindViews):
    kind = CALENDAR
    prefix = "workflows/calendars"
    route = "calendar"
    operations = "calendars"
    tag = "calendars"
    one = CalendarSerializer
    summary = CalendarSummarySerializer
    says = "The newest version of each working calendar."
    filters = (OpenApiParameter("search", str, description="Part of the id or the name."),)

    def require_read(self, actor: User) -> None:
        require(actor, "view:workflow")

    def listed(self, actor: User, given: QueryDict) -> QuerySet[CalendarDefinition]:
        newest = CalendarDefinition.objects.filter(key=OuterRef("key")).live().order_by("-version_key").values("id")[:1]
        rows = CalendarDefinition.objects.filter(id=Subquery(newest))
        if search := given.get("search", ""):
            if "\x00" in search:
                raise BadInput("A filter must not hold NUL.")
            rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search))
        return rows
