"""Runs over HTTP: start, look, steer. Each verb is one service call."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView

from apps.validation.api.definitions import actor_of
from apps.validation.api.etags import etag
from apps.validation.api.idempotency import idempotent, run_once
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput
from apps.workflows.models import WorkflowInstance
from apps.workflows.selectors import instances as selectors
from apps.workflows.selectors import past
from apps.workflows.services import instances as services
from apps.workflows.services.instances import Start
from apps.workflows.services.migration import migrate

from . import serializers as forms

_TAGS = ["workflow instances"]
VERB: dict[int, Any] = {
    200: forms.InstanceSerializer,
    403: OpenApiResponse(description="The caller may see the run but not steer it."),
    404: OpenApiResponse(description="No such run for this caller."),
    409: OpenApiResponse(description="The run's state does not allow it."),
}
MAX_WAIT_SECONDS = 30.0
HISTORY_LIMIT = 500


def instance_answer(instance: WorkflowInstance, status: int = 200) -> Response:
    """The run with its ETag."""
    return Response(selectors.detail(instance), status=status, headers={"ETag": etag(instance.version)})


class InstanceList(generics.ListAPIView[WorkflowInstance]):
    serializer_class = forms.InstanceSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("-started_at", "-id")
    ordering_fields = ("started_at",)

    def get_queryset(self) -> QuerySet[WorkflowInstance]:
        given = self.request.query_params
        if any("\x00" in value for value in given.values()):
            raise BadInput("A filter must not hold NUL.")
        return selectors.filtered(
            actor_of(self.request),
            status=given.getlist("status"),
            workflow_id=given.get("workflowId"),
            correlation_id=given.get("correlationId"),
            search=given.get("search"),
            started_after=_instant(self.request, "startedAfter"),
            started_before=_instant(self.request, "startedBefore"),
            parent_instance_id=_id(self.request, "parentInstanceId"),
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[WorkflowInstance]:
        # One look-up for the whole page, not one for each row.
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="instances_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("status", str, many=True, description="May be given several times."),
            OpenApiParameter("workflowId", str),
            OpenApiParameter("correlationId", str),
            OpenApiParameter("search", str, description="A run's id, a correlation id, or how a workflow id begins."),
            OpenApiParameter("startedAfter", str, description="ISO 8601"),
            OpenApiParameter("startedBefore", str, description="ISO 8601"),
            OpenApiParameter("parentInstanceId", UUID, description="Only runs that this one has started."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Runs, the latest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="instances_start",
        tags=_TAGS,
        request=forms.StartSerializer,
        parameters=[OpenApiParameter("wait", float, description="Seconds (up to 30) to wait for the run's end.")],
        responses={
            201: forms.InstanceSerializer,
            202: forms.InstanceSerializer,
            409: OpenApiResponse(
                description="The workflow has no published version, or as many of its runs as may be at once are under way."
            ),
            422: OpenApiResponse(description="The input does not fit the inputSchema."),
        },
    )
    def post(self, request: Request) -> Response:
        """Start a run: 201 when it has ended already, 202 when it is under way."""
        wait = _seconds(request)
        response = run_once(request, lambda: self._start(request))
        if wait and response.status_code == 202:
            return _finished(actor_of(request), UUID(str(response.data["id"])), wait) or response
        return response

    def _start(self, request: Request) -> Response:
        form = forms.StartSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor = actor_of(request)
        instance_id = services.start(actor=actor, request=_start_of(form.validated_data))
        instance = WorkflowInstance.objects.get(id=instance_id)
        response = instance_answer(instance, 201 if instance.completed_at else 202)
        response.headers["Location"] = f"/api/v1/workflows/instances/{instance_id}"
        return response


class InstanceBatch(APIView):
    @extend_schema(
        operation_id="instances_start_batch",
        tags=_TAGS,
        request=forms.BatchSerializer,
        responses={202: forms.BatchResultSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Accept up to 1,000 starts in one commit; all or none."""
        form = forms.BatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        requests = [_start_of(each) for each in form.validated_data["instances"]]
        return Response({"ids": services.start_batch(actor=actor_of(request), requests=requests)}, status=202)


class Instance(APIView):
    @extend_schema(operation_id="instances_retrieve", tags=_TAGS, responses={200: forms.InstanceSerializer})
    def get(self, request: Request, instance_id: UUID) -> Response:
        """One run: its state, the latest visit of each step, and what it waits for."""
        return instance_answer(selectors.find_instance(actor_of(request), instance_id))


class InstanceHistory(APIView):
    @extend_schema(
        operation_id="instances_history",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("after", int, description="Only entries with higher numbers."),
            OpenApiParameter(
                "before",
                int,
                description="Only entries with lower numbers: the last of them, and `next` leads to those earlier.",
            ),
            OpenApiParameter("stepId", str, description="Only entries about this step."),
            OpenApiParameter("limit", int, description="At most 500; default 200."),
            OpenApiParameter(
                "at",
                str,
                description="A number or an ISO 8601 time: only what had happened by then, with the state then.",
            ),
        ],
        responses={200: forms.HistorySerializer},
    )
    def get(self, request: Request, instance_id: UUID) -> Response:
        """What happened, in order, numbered without a gap.

        With `at` the entries end there, and the first page (the one without `after`) bears `state`: what the run was
        like at that point.
        """
        instance = selectors.find_instance(actor_of(request), instance_id)
        limit = max(min(_number(request, "limit", 200), HISTORY_LIMIT), 1)
        after = _number(request, "after", 0)
        at = _point(request)
        until = None if at is None else past.seq_at(instance, at)
        step_id = request.query_params.get("stepId") or None
        if "before" in request.query_params:
            if at is not None or after:
                raise BadInput("before goes with neither after nor at.")
            before = _number(request, "before", 0)
            entries, more = selectors.history_before(instance_id, before, limit=limit, step_id=step_id)
        else:
            entries, more = selectors.history(instance_id, after=after, limit=limit, until=until, step_id=step_id)
        link = None
        if more is not None:
            onward = "before" if "before" in request.query_params else "after"
            query: dict[str, Any] = {onward: more, "limit": limit}
            query |= {name: value for name, value in (("at", until), ("stepId", step_id)) if value is not None}
            link = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
        answer: dict[str, Any] = {"items": entries, "next": link}
        if until is not None and after == 0:
            answer["state"] = past.state_at(instance, until)
        return Response(answer)


class InstanceExplain(APIView):
    @extend_schema(operation_id="instances_explain", tags=_TAGS, responses={200: forms.ExplanationSerializer})
    def get(self, request: Request, instance_id: UUID) -> Response:
        """What the run waits for, since when, and what would move it."""
        actor = actor_of(request)
        return Response(selectors.explanation(selectors.find_instance(actor, instance_id), actor))


class InstanceCancel(APIView):
    @extend_schema(operation_id="instances_cancel", tags=_TAGS, request=forms.CancelSerializer, responses=VERB)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """End the run; with shouldCompensate its completed work is undone first."""
        form = form_of(forms.CancelSerializer, request)
        services.cancel(
            actor=actor_of(request),
            instance_id=instance_id,
            reason=form["reason"],
            should_compensate=form["shouldCompensate"],
        )
        return current(instance_id)


class InstanceSuspend(APIView):
    @extend_schema(operation_id="instances_suspend", tags=_TAGS, request=forms.ReasonSerializer, responses=VERB)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Let the run rest: timers stop, tasks not yet begun wait, what comes in is kept."""
        reason = form_of(forms.ReasonSerializer, request)["reason"]
        services.suspend(actor=actor_of(request), instance_id=instance_id, reason=reason)
        return current(instance_id)


class InstanceResume(APIView):
    @extend_schema(operation_id="instances_resume", tags=_TAGS, request=forms.ReasonSerializer, responses=VERB)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Let a suspended run go on."""
        reason = form_of(forms.ReasonSerializer, request)["reason"]
        services.resume(actor=actor_of(request), instance_id=instance_id, reason=reason)
        return current(instance_id)


class InstanceSignal(APIView):
    @extend_schema(operation_id="instances_signal", tags=_TAGS, request=forms.SignalSerializer, responses=VERB)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Tell the run that an event it waits for has happened. 409 when it waits for no such event."""
        form = form_of(forms.SignalSerializer, request)
        services.signal(
            actor=actor_of(request),
            instance_id=instance_id,
            name=form["name"],
            payload=form["payload"],
            reason=form["reason"],
        )
        return current(instance_id)


class InstanceMigrate(APIView):
    @extend_schema(
        operation_id="instances_migrate",
        tags=_TAGS,
        request=forms.MigrateSerializer,
        responses=VERB | {422: OpenApiResponse(description="The run stands where the new version has no place.")},
    )
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Pin the run to another version; refused, with every reason, unless its position exists there."""
        form = form_of(forms.MigrateSerializer, request)
        migrate(
            actor=actor_of(request),
            instance_id=instance_id,
            version=form["version"],
            mapping=form["mapping"],
            reason=form["reason"],
        )
        return current(instance_id)


def current(instance_id: UUID) -> Response:
    """The run as a verb has left it."""
    return instance_answer(WorkflowInstance.objects.get(id=instance_id))


def form_of(serializer: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _start_of(data: dict[str, Any]) -> Start:
    return Start(data["workflowId"], data.get("input"), data.get("version"), data.get("correlationId"))


def _finished(actor: Any, instance_id: UUID, seconds: float) -> Response | None:
    """The run once it has ended; None when it has not within that time. Looks rarely, but soon at first."""
    until = time.monotonic() + seconds
    pause = 0.002
    while time.monotonic() < until:
        if WorkflowInstance.objects.filter(id=instance_id, completed_at__isnull=False).exists():
            return instance_answer(selectors.find_instance(actor, instance_id), 201)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return None


def _seconds(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise BadInput(f"wait is a number of seconds from 0 to {MAX_WAIT_SECONDS:g}.")
    return seconds


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(f"{name} is a whole number.")
    return int(text)


def _id(request: Request, name: str) -> UUID | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"{name} is the id of a run.") from None


def _point(request: Request) -> Any:
    """``at``: the number of an entry, or a time."""
    text = request.query_params.get("at", "")
    if text.isdigit():
        return _number(request, "at", 0)
    try:
        return _instant(request, "at")
    except BadInput:
        message = "at is the number of an entry, or a date and time with an offset, like 2026-12-31T18:00:00Z."
        raise BadInput(message) from None


def _instant(request: Request, name: str) -> Any:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        value = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise BadInput(f"{name} is a date and time with an offset, like 2026-12-31T18:00:00Z.")
    return value
