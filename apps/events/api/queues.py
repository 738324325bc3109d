"""Queues over HTTP. Each verb is one service call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.events.models import Checkpoint, EventQueue
from apps.events.selectors import queues as selectors
from apps.events.services import queues as services
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput

from . import serializers as forms
from .parameters import instant

_TAGS = ["event queues"]
_DOCUMENT: dict[str, Any] = {
    "application/json": {"type": "object", "description": "{patterns, config}; see schemas/queue.json."}
}
_VERB: dict[int, Any] = {200: forms.QueueSerializer, 409: OpenApiResponse(description="It is in that state already.")}
LONGEST = timedelta(days=7)


def _answer(row: EventQueue, status: int = 200) -> Response:
    return Response(selectors.shown([row])[0], status=status, headers={"ETag": etag(row.revision)})


class QueueList(APIView):
    @extend_schema(operation_id="event_queues_list", tags=_TAGS, responses={200: forms.QueueSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Every queue: its state, how full it is, how fast it goes."""
        return Response(selectors.queues(actor_of(request)))


class OneQueue(APIView):
    @extend_schema(operation_id="event_queues_retrieve", tags=_TAGS, responses={200: forms.QueueSerializer})
    def get(self, request: Request, key: str) -> Response:
        """One queue."""
        return _answer(selectors.find_queue(actor_of(request), key))

    @extend_schema(
        operation_id="event_queues_save",
        tags=_TAGS,
        request=_DOCUMENT,
        responses={
            200: forms.QueueSerializer,
            201: forms.QueueSerializer,
            412: OpenApiResponse(description="If-Match names an older revision."),
            422: OpenApiResponse(description="The settings have errors."),
        },
    )
    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Set up a queue of its own for some patterns, or change the settings of one."""
        row, created = services.save(
            actor=actor_of(request), key=key, document=document_of(request), if_match=if_match(request)
        )
        return _answer(row, 201 if created else 200)

    @extend_schema(
        operation_id="event_queues_delete",
        tags=_TAGS,
        responses={204: None, 409: OpenApiResponse(description="The default queue stays.")},
    )
    def delete(self, request: Request, key: str) -> Response:
        """Take a queue away; what lies in it goes into the default one."""
        services.delete(actor=actor_of(request), key=key)
        return Response(status=204)


class _Turn(APIView):
    def turn(self, request: Request, verb: Any, key: str) -> Response:
        form = forms.QueueTurnSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(verb(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class QueuePause(_Turn):
    @extend_schema(operation_id="event_queues_pause", tags=_TAGS, request=forms.QueueTurnSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Route nothing more; events still come in, up to the high watermark."""
        return self.turn(request, services.pause, key)


class QueueResume(_Turn):
    @extend_schema(operation_id="event_queues_resume", tags=_TAGS, request=forms.QueueTurnSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Go on with a queue that is paused or drained."""
        return self.turn(request, services.resume, key)


class QueueDrain(_Turn):
    @extend_schema(operation_id="event_queues_drain", tags=_TAGS, request=forms.QueueTurnSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Accept nothing more from outside, and go on until the queue is empty."""
        return self.turn(request, services.drain, key)


class QueueCheckpoints(generics.ListAPIView[Checkpoint]):
    serializer_class = forms.CheckpointSerializer
    pagination_class = KeysetPagination
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Checkpoint]:
        return selectors.checkpoints(actor_of(self.request), self.kwargs["key"])

    @extend_schema(operation_id="event_queues_checkpoints", tags=_TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How far the queue had come, the latest first."""
        return self.list(request, *args, **kwargs)


class QueueMinutes(APIView):
    @extend_schema(
        operation_id="event_queues_minutes",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("since", str, description="ISO 8601; three hours ago if missing."),
            OpenApiParameter("until", str, description="ISO 8601; now if missing."),
        ],
        responses={200: forms.QueueMinuteSerializer(many=True)},
    )
    def get(self, request: Request, key: str) -> Response:
        """How the queue fared by the minute, for charts; at most seven days."""
        until = instant(request.query_params, "until") or timezone.now()
        since = instant(request.query_params, "since") or until - selectors.CHART
        if not timedelta(0) <= until - since <= LONGEST:
            raise BadInput("since lies before until, by seven days at most.")
        return Response(selectors.minutes(actor_of(request), key, since=since, until=until))
