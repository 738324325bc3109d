"""Schedules over HTTP. Each verb is one service call."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput
from apps.workflows.models import Schedule, ScheduleFire
from apps.workflows.rules.firing import CatchUp
from apps.workflows.selectors import schedules as selectors
from apps.workflows.services import schedules as services

from . import schedule_serializers as forms

_TAGS = ["schedules"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/schedule.json."}}
_SAVED: dict[int, Any] = {
    200: forms.ScheduleSerializer,
    201: forms.ScheduleSerializer,
    409: OpenApiResponse(description="It stands in a workflow's own document."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document has errors."),
}
_VERB: dict[int, Any] = {
    200: forms.ScheduleSerializer,
    409: OpenApiResponse(description="The schedule's state does not allow it."),
}
_COUNT = OpenApiParameter("count", int, description=f"How many fires ahead; at most {selectors.MOST_AHEAD}.")


def _answer(row: Schedule, status: int = 200, **more: Any) -> Response:
    return Response(selectors.detail(row) | more, status=status, headers={"ETag": etag(row.revision)})


class ScheduleList(generics.ListAPIView[Schedule]):
    serializer_class = forms.ScheduleSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "due_at", "updated_at")

    def get_queryset(self) -> QuerySet[Schedule]:
        given = self.request.query_params
        if any("\x00" in value for value in given.values()):
            raise BadInput("A filter must not hold NUL.")
        return selectors.schedules(
            actor_of(self.request),
            search=given.get("search", ""),
            state=given.get("state", ""),
            workflow_id=given.get("workflowId", ""),
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Schedule]:
        # One look-up for the whole page, not one for each row.
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="schedules_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name or the workflow's id."),
            OpenApiParameter("state", str, enum=selectors.STATES),
            OpenApiParameter("workflowId", str),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Schedules, with what each does next and did last."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="schedules_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a schedule: creates it, or replaces the one with the same id. In force at once."""
        row, created = services.save(actor=actor_of(request), document=document_of(request), if_match=if_match(request))
        return _answer(row, 201 if created else 200)


class SchedulePreviewOfDocument(APIView):
    @extend_schema(
        operation_id="schedules_preview_document",
        tags=_TAGS,
        request=_DOCUMENT,
        parameters=[_COUNT],
        responses={200: forms.DocumentPreviewSerializer},
    )
    def post(self, request: Request) -> Response:
        """When a document would fire. Saves nothing; always 200, with every problem at once."""
        return Response(selectors.preview_document(actor_of(request), document_of(request), count=_count(request)))


class OneSchedule(APIView):
    @extend_schema(operation_id="schedules_retrieve", tags=_TAGS, responses={200: forms.ScheduleSerializer})
    def get(self, request: Request, key: str) -> Response:
        """One schedule with its document, and what is wrong with it by now."""
        return _answer(selectors.find_schedule(actor_of(request), key))

    @extend_schema(operation_id="schedules_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Save this schedule. If-Match guards against overwriting somebody else's change."""
        row, created = services.save(
            actor=actor_of(request), key=key, document=document_of(request), if_match=if_match(request)
        )
        return _answer(row, 201 if created else 200)

    @extend_schema(
        operation_id="schedules_delete",
        tags=_TAGS,
        responses={204: None, 409: OpenApiResponse(description="It stands in a workflow's own document.")},
    )
    def delete(self, request: Request, key: str) -> Response:
        """Take the schedule away with its log; runs that it started stay."""
        services.delete(actor=actor_of(request), key=key, if_match=if_match(request))
        return Response(status=204)


class SchedulePreview(APIView):
    @extend_schema(
        operation_id="schedules_preview", tags=_TAGS, parameters=[_COUNT], responses={200: forms.PreviewSerializer}
    )
    def get(self, request: Request, key: str) -> Response:
        """The next fires, those missed while it is paused, and what resuming it could make up for."""
        row = selectors.find_schedule(actor_of(request), key)
        return Response(selectors.preview(row, count=_count(request)))


class SchedulePause(APIView):
    @extend_schema(operation_id="schedules_pause", tags=_TAGS, request=forms.ReasonSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Let the schedule rest; runs under way go on."""
        form = forms.ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.pause(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class ScheduleResume(APIView):
    @extend_schema(
        operation_id="schedules_resume",
        tags=_TAGS,
        request=forms.ResumeSerializer,
        responses=_VERB | {200: forms.ResumedSerializer},
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Let a paused schedule go on. What it missed is left, unless catchUp says what to make up for."""
        form = forms.ResumeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        row, counts = services.resume(
            actor=actor_of(request), key=key, catch_up=CatchUp(given["catchUp"]), reason=given["reason"]
        )
        return _answer(row, caughtUp=counts)


class ScheduleFireNow(APIView):
    @extend_schema(
        operation_id="schedules_fire",
        tags=_TAGS,
        request=forms.ReasonSerializer,
        responses={
            201: forms.FireSerializer,
            409: OpenApiResponse(description="The last run is still going, and the overlap rule is SKIP."),
            422: OpenApiResponse(description="The run cannot be started."),
        },
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Fire the schedule now, beside its timetable."""
        form = forms.ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        found = services.fire(actor=actor_of(request), key=key, reason=form.validated_data["reason"])
        return Response(selectors.fire_rows([ScheduleFire.objects.get(id=found.id)])[0], status=201)


class ScheduleFires(generics.ListAPIView[ScheduleFire]):
    serializer_class = forms.FireSerializer
    pagination_class = KeysetPagination
    ordering = ("-slot",)

    def get_queryset(self) -> QuerySet[ScheduleFire]:
        return selectors.fires(selectors.find_schedule(actor_of(self.request), self.kwargs["key"]))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[ScheduleFire]:
        if args and isinstance(args[0], list):
            args = (selectors.fire_rows(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(operation_id="schedules_fires", tags=_TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was decided about its slots, the latest first."""
        return self.list(request, *args, **kwargs)


def _count(request: Request) -> int:
    text = request.query_params.get("count", str(selectors.AHEAD))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0):
        raise BadInput(f"count is a number from 1 to {selectors.MOST_AHEAD}.")
    return int(text)
