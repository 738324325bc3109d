"""Events over HTTP: recording, lists, one, its story."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import require
from apps.events import cloudevents
from apps.events.models import Event
from apps.events.selectors import events as selectors
from apps.events.services.accepting import accept
from apps.validation.api.definitions import actor_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.api.parameters import one_of, text
from apps.validation.api.parsers import StrictJSONParser
from apps.validation.problems import BadInput, Unprocessable
from apps.validation.violations import Violation

from . import serializers as forms
from .parameters import instant
from .parsers import CloudEventBatchParser, CloudEventParser, CloudEventRenderer

_TAGS = ["events"]
_ONE = {"type": "object", "description": "See schemas/eventInstance.json; `pattern` is needed."}
_CLOUD = {"type": "object", "description": "A CloudEvent 1.0; `type` is the pattern, `data` the payload."}
_BODY: dict[str, Any] = {
    "application/json": {"oneOf": [_ONE, {"type": "array", "maxItems": 1000, "items": _ONE}]},
    cloudevents.STRUCTURED: _CLOUD,
    cloudevents.BATCH: {"type": "array", "maxItems": 1000, "items": _CLOUD},
}


class EventList(generics.ListAPIView[Event]):
    serializer_class = forms.EventSerializer
    pagination_class = KeysetPagination
    parser_classes = (StrictJSONParser, CloudEventParser, CloudEventBatchParser)
    ordering = ("-recorded_at", "-id")
    ordering_fields = ("recorded_at",)

    def get_queryset(self) -> QuerySet[Event]:
        given = self.request.query_params
        source = text(given, "sourceType")
        if source:
            one_of("sourceType", source, {each: each for each in forms.SOURCE_TYPES})
        return selectors.events(
            actor_of(self.request),
            pattern=text(given, "pattern"),
            source_type=source,
            correlation_id=text(given, "correlationId"),
            causation_id=text(given, "causationId"),
            search=text(given, "search"),
            since=instant(given, "since"),
            until=instant(given, "until"),
        )

    @extend_schema(
        operation_id="events_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("pattern", str, description="May have wildcards: `orders.*`, `**.created`."),
            OpenApiParameter("sourceType", str, enum=forms.SOURCE_TYPES),
            OpenApiParameter("correlationId", str),
            OpenApiParameter("causationId", str, description="The eventId of what caused them."),
            OpenApiParameter(
                "search",
                str,
                description="An id, part of a pattern, or of a payload's text. Without since and until, like sourceType and"
                " a pattern that begins with a wildcard, among the events of the last seven days.",
            ),
            OpenApiParameter("since", str, description="Recorded at that time or later; ISO 8601."),
            OpenApiParameter("until", str, description="Recorded before that time."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was recorded, the latest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="events_record",
        tags=_TAGS,
        request=_BODY,
        responses={
            202: forms.AcceptedSerializer,
            415: OpenApiResponse(description="Neither JSON nor CloudEvents."),
            422: OpenApiResponse(description="An event has errors; none was recorded."),
            429: OpenApiResponse(description="The queue is full; Retry-After says when to try again."),
            503: OpenApiResponse(description="The queue is being drained."),
        },
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Record one event or up to 1,000, in one commit. The same eventId twice is one event."""
        actor = actor_of(request)
        require(actor, "record:event")
        documents, single = _documents(request)
        return Response(accept(actor=actor, documents=documents, single=single).as_json(), status=202)


def _documents(request: Request) -> tuple[list[Any], bool]:
    """The events in a body, and whether it is a single one. CloudEvents in binary mode have their attributes in headers."""
    content_type, data = (request.content_type or "").partition(";")[0].strip().lower(), request.data
    if content_type == cloudevents.STRUCTURED:
        return _from_cloud([data], single=True), True
    if content_type == cloudevents.BATCH:
        if not isinstance(data, list):
            raise BadInput("A batch of CloudEvents is a list.")
        return _from_cloud(data, single=False), False
    if any(name.lower() == f"{cloudevents.PREFIX}specversion" for name in request.headers):
        return _from_cloud([cloudevents.from_headers(request.headers, data)], single=True), True
    if isinstance(data, list):
        return data, False
    return [data], True


def _from_cloud(given: list[Any], *, single: bool) -> list[dict[str, Any]]:
    found: list[Violation] = []
    for index, event in enumerate(given[:1_001]):
        found += [each.under("" if single else f"/{index}") for each in cloudevents.problems(event)]
    if found:
        raise Unprocessable("These are no CloudEvents 1.0.", violations=found)
    return [cloudevents.to_event(event) for event in given]


class OneEvent(APIView):
    renderer_classes = (JSONRenderer, CloudEventRenderer)

    @extend_schema(
        operation_id="events_retrieve",
        tags=_TAGS,
        responses={(200, "application/json"): forms.EventSerializer, (200, cloudevents.STRUCTURED): _CLOUD},
    )
    def get(self, request: Request, event_id: str) -> Response:
        """One event, by the eventId that its sender gave it."""
        row = selectors.find_event(actor_of(request), event_id)
        if isinstance(request.accepted_renderer, CloudEventRenderer):
            return Response(cloudevents.from_event(row.stored().document))
        return Response(forms.EventSerializer(row).data)


class EventStory(APIView):
    @extend_schema(operation_id="events_story", tags=_TAGS, responses={200: forms.StorySerializer})
    def get(self, request: Request, event_id: str) -> Response:
        """What caused an event, what became of it at each subscriber, and what it caused in turn."""
        return Response(forms.StorySerializer(selectors.story(actor_of(request), event_id)).data)
