"""Repairing runs over HTTP: skip a step, move a position, retry from a step. Each verb is one service call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.validation.api.definitions import actor_of
from apps.validation.api.idempotency import idempotent
from apps.workflows.services import steering as services
from apps.workflows.services.acting import UNSET
from apps.workflows.services.preview import preview

from . import serializers as forms
from .instances import VERB, current, form_of

_TAGS = ["workflow instances"]
_REPAIR: dict[int, Any] = VERB | {422: OpenApiResponse(description="The step, the version or the data does not fit.")}


class InstanceSkip(APIView):
    @extend_schema(operation_id="instances_skip", tags=_TAGS, request=forms.SkipSerializer, responses=_REPAIR)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Pass over a step that the run stands at, or where it failed, and go on as that step would have."""
        form = form_of(forms.SkipSerializer, request)
        services.skip(
            actor=actor_of(request),
            instance_id=instance_id,
            step_id=form.get("stepId"),
            execution_id=form.get("executionId"),
            output=form.get("output", UNSET),
            outcome=form.get("outcome"),
            reason=form["reason"],
        )
        return current(instance_id)


class InstanceMove(APIView):
    @extend_schema(operation_id="instances_move", tags=_TAGS, request=forms.MoveSerializer, responses=_REPAIR)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Take the run from where it stands to another step of the same path."""
        form = form_of(forms.MoveSerializer, request)
        services.move(
            actor=actor_of(request),
            instance_id=instance_id,
            step_id=form.get("from"),
            execution_id=form.get("executionId"),
            to=form["to"],
            step_input=form.get("input", UNSET),
            reason=form["reason"],
        )
        return current(instance_id)


class InstanceRetry(APIView):
    @extend_schema(operation_id="instances_retry", tags=_TAGS, request=forms.RetrySerializer, responses=_REPAIR)
    @idempotent
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Go on with a run that failed or was cancelled: from a step, with edited input, on another version."""
        form = form_of(forms.RetrySerializer, request)
        services.retry(
            actor=actor_of(request),
            instance_id=instance_id,
            step_id=form.get("stepId"),
            step_input=form.get("input", UNSET),
            version=form.get("version"),
            reason=form["reason"],
        )
        return current(instance_id)


class InstancePreview(APIView):
    @extend_schema(
        operation_id="instances_preview",
        tags=_TAGS,
        request=forms.PreviewSerializer,
        responses={200: forms.ForeseenSerializer} | {code: VERB[code] for code in (403, 404)},
    )
    def post(self, request: Request, instance_id: UUID) -> Response:
        """What a verb would do to the run, in sentences, before it is done. Nothing is written."""
        form = form_of(forms.PreviewSerializer, request)
        operation = form.pop("operation")
        form.pop("reason", None)
        answer = preview(actor=actor_of(request), instance_id=instance_id, operation=operation, arguments=form)
        return Response(answer)
