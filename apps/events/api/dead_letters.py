"""Dead letters over HTTP. Each verb is one service call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.events.models import DeadLetter
from apps.events.selectors import dead_letters as selectors
from apps.events.services import dead_letters as services
from apps.validation.api.definitions import actor_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.api.parameters import one_of, text

from . import serializers as forms
from .parameters import instant

_TAGS = ["dead letters"]
_OVER = OpenApiResponse(description="It is resolved or discarded already.")
_FILTERS = {
    "subscriberId": "subscriber_id",
    "kind": "kind",
    "pattern": "pattern",
    "errorType": "error_type",
    "errorCode": "error_code",
    "eventId": "event_id",
    "search": "search",
}
_PARAMETERS = [
    OpenApiParameter(
        "status", str, many=True, enum=DeadLetter.Status.values, description="May be given several times."
    ),
    *(OpenApiParameter(name, str) for name in _FILTERS),
    OpenApiParameter("since", str, description="Made at that time or later; ISO 8601."),
    OpenApiParameter("until", str, description="Made before that time."),
]


def _filters(request: Request) -> dict[str, Any]:
    given = request.query_params
    found: dict[str, Any] = {ours: text(given, theirs) for theirs, ours in _FILTERS.items()}
    found["status"] = [
        one_of("status", each, {v: v for v in DeadLetter.Status.values}) for each in given.getlist("status")
    ]
    return found | {"since": instant(given, "since"), "until": instant(given, "until")}


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """A filter of a body, by the selector's names."""
    return {_FILTERS.get(name, name): value for name, value in given.items()}


class DeadLetterList(generics.ListAPIView[DeadLetter]):
    serializer_class = forms.DeadLetterSerializer
    pagination_class = KeysetPagination
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at",)

    def get_queryset(self) -> QuerySet[DeadLetter]:
        return selectors.letters(actor_of(self.request), **_filters(self.request))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[DeadLetter]:
        if args and isinstance(args[0], list):
            args = (selectors.shown(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(operation_id="dead_letters_list", tags=_TAGS, parameters=_PARAMETERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What subscribers could not handle, the latest first."""
        return self.list(request, *args, **kwargs)


class DeadLetterGroups(APIView):
    @extend_schema(
        operation_id="dead_letters_groups",
        tags=_TAGS,
        parameters=_PARAMETERS,
        responses={200: forms.DeadLetterGroupSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """How many are pending, by subscriber and error: what one replay may be about."""
        return Response(selectors.groups(actor_of(request), **_filters(request)))


class DeadLetterReplayMany(APIView):
    @extend_schema(
        operation_id="dead_letters_replay_many",
        tags=_TAGS,
        request=forms.ReplayManySerializer,
        responses={202: forms.CountSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Have all pending letters that the filter fits handled again, 10,000 at most; now or at a time."""
        form = forms.ReplayManySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        count = services.replay_many(
            actor=actor_of(request), filters=_asked(given["filter"]), at=given.get("at"), notes=given["notes"]
        )
        return Response({"count": count}, status=202)


class DeadLetterDiscardMany(APIView):
    @extend_schema(
        operation_id="dead_letters_discard_many",
        tags=_TAGS,
        request=forms.DiscardManySerializer,
        responses={200: forms.CountSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Give up all pending letters that the filter fits, 10,000 at most."""
        form = forms.DiscardManySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        count = services.discard_many(actor=actor_of(request), filters=_asked(given["filter"]), notes=given["notes"])
        return Response({"count": count})


def _answer(letter: DeadLetter, status: int = 200) -> Response:
    return Response(forms.DeadLetterSerializer(selectors.shown([letter])[0]).data, status=status)


class OneDeadLetter(APIView):
    @extend_schema(operation_id="dead_letters_retrieve", tags=_TAGS, responses={200: forms.DeadLetterSerializer})
    def get(self, request: Request, letter_id: UUID) -> Response:
        """One dead letter: the event whole, why, and what was tried."""
        return _answer(selectors.find_letter(actor_of(request), letter_id))


class DeadLetterReplay(APIView):
    @extend_schema(
        operation_id="dead_letters_replay",
        tags=_TAGS,
        request=forms.ReplaySerializer,
        responses={202: forms.DeadLetterSerializer, 409: _OVER},
    )
    @idempotent
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Have the event handled again by this subscriber, now or at a time. Asked for twice, it is done once."""
        form = forms.ReplaySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        return _answer(
            services.replay(actor=actor_of(request), letter_id=letter_id, at=given.get("at"), notes=given["notes"]), 202
        )


class DeadLetterDiscard(APIView):
    @extend_schema(
        operation_id="dead_letters_discard",
        tags=_TAGS,
        request=forms.NotesSerializer,
        responses={200: forms.DeadLetterSerializer, 409: _OVER},
    )
    @idempotent
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Give the event up for this subscriber."""
        form = forms.NotesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.discard(actor=actor_of(request), letter_id=letter_id, **form.validated_data))


class DeadLetterResolve(APIView):
    @extend_schema(
        operation_id="dead_letters_resolve",
        tags=_TAGS,
        request=forms.NotesSerializer,
        responses={200: forms.DeadLetterSerializer, 409: _OVER},
    )
    @idempotent
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Note that a person has done by other means what the event asked for."""
        form = forms.NotesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.resolve(actor=actor_of(request), letter_id=letter_id, **form.validated_data))
