"""Event definitions over HTTP; the verbs are those that definitions of every kind share, and trying a payload."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import require
from apps.auth.models import User
from apps.events.kind import EVENT
from apps.events.models import EventDefinition
from apps.events.selectors import definitions as selectors
from apps.validation.api.definitions import DefinitionSerializer, actor_of
from apps.validation.api.kind_views import KindViews
from apps.validation.api.parameters import one_of, text
from apps.validation.api.serializers import StrictSerializer, ViolationSerializer
from apps.validation.definitions.services import find


class EventDefinitionSummarySerializer(serializers.Serializer[Any]):
    """An event definition in a list: its newest version, and the one in use."""

    eventId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    pattern = serializers.CharField()
    use = serializers.ChoiceField(choices=["draft", "active", "deprecated"], help_text="the document's own `status`")
    sourceTypes = serializers.ListField(child=serializers.CharField(), help_text="who may record it; []: everybody")
    latestVersion = serializers.CharField()
    publishedVersion = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=EventDefinition.Status.choices)
    icon = serializers.CharField(allow_null=True)
    color = serializers.CharField(allow_null=True)
    category = serializers.CharField(allow_null=True)
    priority = serializers.CharField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    violations = serializers.IntegerField()
    updatedAt = serializers.DateTimeField()


class EventDefinitionSerializer(DefinitionSerializer):
    """One version of an event definition."""

    eventId = serializers.CharField()


class TrySerializer(StrictSerializer):
    payload = serializers.JSONField()
    version = serializers.CharField(max_length=64, required=False, help_text="default: the newest")


class TriedSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    violations = ViolationSerializer(many=True)
    event = serializers.JSONField(help_text="as it would be recorded; see schemas/eventInstance.json")


class EventDefinitionViews(KindViews):
    kind = EVENT
    prefix = "events/definitions"
    operations = "event_definitions"
    tag = "event definitions"
    one = EventDefinitionSerializer
    summary = EventDefinitionSummarySerializer
    says = "The newest version of each event definition."
    filters = (
        OpenApiParameter("search", str, description="Part of the id, the name, the description or the pattern."),
        OpenApiParameter("status", str, enum=EventDefinition.Status.values),
        OpenApiParameter("category", str, description="`uiMetadata.category`, as it is written there."),
    )

    def require_read(self, actor: User) -> None:
        require(actor, "view:event")

    def listed(self, actor: User, given: QueryDict) -> QuerySet[EventDefinition]:
        status = text(given, "status")
        if status:
            one_of("status", status, {each: each for each in EventDefinition.Status.values})
        return selectors.newest_definitions(
            search=text(given, "search"), status=status, category=text(given, "category")
        )

    def summaries(self, rows: list[EventDefinition]) -> list[dict[str, Any]]:
        return [selectors.summary(row) for row in rows]


class TryEventDefinition(APIView):
    @extend_schema(
        operation_id="event_definitions_try",
        tags=[EventDefinitionViews.tag],
        request=TrySerializer,
        responses={200: TriedSerializer},
    )
    def post(self, request: Request, key: str) -> Response:
        """Check a payload as recording it would. Always 200, and nothing is saved."""
        require(actor_of(request), "view:event")
        form = TrySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        row = find(EVENT, key=key, version=form.validated_data.get("version"))
        return Response(selectors.try_payload(row, form.validated_data["payload"]))
