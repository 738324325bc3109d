"""Event triggers over HTTP. Each verb is one service call."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.events.models import Delivery
from apps.validation.api.definitions import actor_of, document_of
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import BadInput, Unprocessable
from apps.validation.violations import Violation
from apps.workflows.models import Trigger
from apps.workflows.selectors import triggers as selectors
from apps.workflows.selectors import trying_triggers
from apps.workflows.services import triggers as services

from . import trigger_serializers as forms
from .serializers import ReasonSerializer

_TAGS = ["triggers"]
_DOCUMENT: dict[str, Any] = {"application/json": {"type": "object", "description": "See schemas/trigger.json."}}
_SAVED: dict[int, Any] = {
    200: forms.TriggerSerializer,
    201: forms.TriggerSerializer,
    409: OpenApiResponse(description="It stands in a workflow's own document."),
    412: OpenApiResponse(description="If-Match names an older revision."),
    422: OpenApiResponse(description="The document has errors."),
}
_VERB: dict[int, Any] = {
    200: forms.TriggerSerializer,
    409: OpenApiResponse(description="The trigger's state does not allow it."),
}


def _answer(row: Trigger, status: int = 200) -> Response:
    return Response(selectors.detail(row), status=status, headers={"ETag": etag(row.revision)})


class TriggerList(generics.ListAPIView[Trigger]):
    serializer_class = forms.TriggerSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "event_pattern", "priority", "updated_at")

    def get_queryset(self) -> QuerySet[Trigger]:
        given = self.request.query_params
        if any("\x00" in value for value in given.values()):
            raise BadInput("A filter must not hold NUL.")
        return selectors.triggers(
            actor_of(self.request),
            search=given.get("search", ""),
            state=given.get("state", ""),
            workflow_id=given.get("workflowId", ""),
            pattern=given.get("pattern", ""),
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Trigger]:
        # One look-up for the whole page, not one for each row.
        if args and isinstance(args[0], list):
            args = (selectors.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="triggers_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("search", str, description="Part of the id, the name, the pattern or the workflow's id."),
            OpenApiParameter("state", str, enum=selectors.STATES),
            OpenApiParameter("workflowId", str),
            OpenApiParameter("pattern", str, description="Those with exactly this pattern."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Event triggers, with what each did last."""
        return self.list(request, *args, **kwargs)

    @extend_schema(operation_id="triggers_save", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Save a trigger: creates it, or replaces the one with the same id. In force at once."""
        row, created = services.save(actor=actor_of(request), document=document_of(request), if_match=if_match(request))
        return _answer(row, 201 if created else 200)


class TriggerTest(APIView):
    @extend_schema(
        operation_id="triggers_test",
        tags=_TAGS,
        request=forms.TriggerTestRequestSerializer,
        responses={200: forms.TriggerTestSerializer, 422: OpenApiResponse(description="There is no event to try.")},
    )
    def post(self, request: Request) -> Response:
        """Would this event match? What each trigger whose pattern fits would do with it, and why not. Records nothing."""
        actor, body = actor_of(request), document_of(request)
        trigger = body.get("trigger")
        if trigger is not None and not isinstance(trigger, dict):
            raise Unprocessable(violations=[Violation("type", "A trigger is an object.", "/trigger")])
        return Response(trying_triggers.try_event(actor, body.get("event"), trigger))


class OneTrigger(APIView):
    @extend_schema(operation_id="triggers_retrieve", tags=_TAGS, responses={200: forms.TriggerSerializer})
    def get(self, request: Request, key: str) -> Response:
        """One trigger with its document, and what is wrong with it by now."""
        return _answer(selectors.find_trigger(actor_of(request), key))

    @extend_schema(operation_id="triggers_replace", tags=_TAGS, request=_DOCUMENT, responses=_SAVED)
    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Save this trigger. If-Match guards against overwriting somebody else's change."""
        row, created = services.save(
            actor=actor_of(request), key=key, document=document_of(request), if_match=if_match(request)
        )
        return _answer(row, 201 if created else 200)

    @extend_schema(
        operation_id="triggers_delete",
        tags=_TAGS,
        responses={204: None, 409: OpenApiResponse(description="It stands in a workflow's own document.")},
    )
    def delete(self, request: Request, key: str) -> Response:
        """Take the trigger away; runs that it started stay."""
        services.delete(actor=actor_of(request), key=key, if_match=if_match(request))
        return Response(status=204)


class TriggerPause(APIView):
    @extend_schema(operation_id="triggers_pause", tags=_TAGS, request=ReasonSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Let the trigger rest; events that come meanwhile pass it by."""
        form = ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.pause(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class TriggerResume(APIView):
    @extend_schema(operation_id="triggers_resume", tags=_TAGS, request=ReasonSerializer, responses=_VERB)
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Let a paused trigger go on with the events that come from now on."""
        form = ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.resume(actor=actor_of(request), key=key, reason=form.validated_data["reason"]))


class TriggerDeliveries(generics.ListAPIView[Delivery]):
    serializer_class = forms.TriggerDeliverySerializer
    pagination_class = KeysetPagination
    ordering = ("-updated_at",)

    def get_queryset(self) -> QuerySet[Delivery]:
        return selectors.deliveries(selectors.find_trigger(actor_of(self.request), self.kwargs["key"]))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Delivery]:
        if args and isinstance(args[0], list):
            args = (selectors.delivery_rows(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(operation_id="triggers_deliveries", tags=_TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What it did with the events that concerned it, the latest first."""
        return self.list(request, *args, **kwargs)
