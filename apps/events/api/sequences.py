"""Sequences over HTTP: the verbs that definitions of every kind share, and their runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import SequenceDefinition, SequenceRun
from apps.events.selectors import sequences as selectors
from apps.events.sequences.kind import SEQUENCE
from apps.events.sequences.rules import MemberStatus, Reason, RunStatus
from apps.events.services import sequences as services
from apps.validation.api.definitions import DefinitionSerializer, actor_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.kind_views import KindViews
from apps.validation.api.pagination import KeysetPagination
from apps.validation.api.parameters import one_of, text
from apps.validation.api.serializers import StrictSerializer

_TAG = "sequences"
STATUSES = [each.value for each in RunStatus]
MEMBER_STATUSES = [each.value for each in MemberStatus]


class RunCountsSerializer(serializers.Serializer[Any]):
    """Runs by status; 1,000 stands for as many or more."""

    created = serializers.IntegerField()
    in_progress = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()


class SequenceSummarySerializer(serializers.Serializer[Any]):
    """A sequence in a list: its newest version, the one in use, and how its runs fare."""

    sequenceId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    latestVersion = serializers.CharField()
    publishedVersion = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=SequenceDefinition.Status.choices)
    tags = serializers.ListField(child=serializers.CharField())
    members = serializers.IntegerField()
    within = serializers.CharField(allow_null=True)
    rollback = serializers.CharField(allow_null=True, help_text="`rollbackStrategy.type`")
    runs = RunCountsSerializer()
    violations = serializers.IntegerField()
    updatedAt = serializers.DateTimeField()


class SequenceSerializer(DefinitionSerializer):
    """One version of a sequence."""

    sequenceId = serializers.CharField()


class SequenceViews(KindViews):
    kind = SEQUENCE
    prefix = "events/sequences"
    route = "sequence"
    operations = "sequences"
    tag = _TAG
    one = SequenceSerializer
    summary = SequenceSummarySerializer
    says = "The newest version of each sequence, with how many runs it has."
    filters = (
        OpenApiParameter("search", str, description="Part of the id, the name or the description."),
        OpenApiParameter("status", str, enum=SequenceDefinition.Status.values),
    )

    def require_read(self, actor: User) -> None:
        require(actor, "view:event")

    def listed(self, actor: User, given: QueryDict) -> QuerySet[SequenceDefinition]:
        status = text(given, "status")
        if status:
            one_of("status", status, {each: each for each in SequenceDefinition.Status.values})
        return selectors.newest_definitions(search=text(given, "search"), status=status)

    def summaries(self, rows: list[SequenceDefinition]) -> list[dict[str, Any]]:
        return selectors.summaries(rows)


# Runs


class MemberEventSerializer(serializers.Serializer[Any]):
    """The event that came for a member."""

    eventId = serializers.CharField()
    pattern = serializers.CharField()
    timestamp = serializers.DateTimeField()
    recordedAt = serializers.DateTimeField()
    payload = serializers.JSONField(required=False, help_text="of one run only; null once it is older than is kept")


class RunMemberSerializer(serializers.Serializer[Any]):
    memberId = serializers.CharField()
    eventId = serializers.CharField(help_text="as the definition names the event")
    title = serializers.CharField()
    order = serializers.IntegerField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    status = serializers.ChoiceField(choices=MEMBER_STATUSES)
    processingTimestamp = serializers.DateTimeField(allow_null=True)
    event = MemberEventSerializer(allow_null=True, help_text="also of one that came early and waits for its turn")
    late = serializers.BooleanField(help_text="it came after the run had ended")
    skipped = serializers.BooleanField(help_text="a person says that it counts as processed")
    error = serializers.JSONField(
        allow_null=True, help_text="of the dead letter: {message, code, type, subscriberId, …}"
    )
    retries = serializers.IntegerField(help_text="how often its dead letters were replayed")


class SequenceRunSerializer(serializers.Serializer[Any]):
    """What one key has seen of a sequence."""

    runId = serializers.UUIDField()
    sequenceId = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()
    key = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    reason = serializers.ChoiceField(choices=[each.value for each in Reason], allow_null=True)
    deadline = serializers.DateTimeField(allow_null=True)
    decidedBy = serializers.CharField(allow_null=True, help_text="eventId of what ended it")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="required members whose events did not come"
    )
    members = RunMemberSerializer(many=True)
    rollback = serializers.JSONField(
        allow_null=True, help_text="{events: [{eventId, pattern}], errors: [{pattern, message}]}"
    )
    settled = serializers.JSONField(allow_null=True, help_text="what a person did last: {verb, by, at, notes, member}")
    verbs = serializers.ListField(child=serializers.ChoiceField(choices=list(selectors.VERBS)))
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    completedAt = serializers.DateTimeField(allow_null=True, help_text="when it ended")


class OneSequenceRunSerializer(SequenceRunSerializer):
    document = serializers.JSONField(help_text="the version that it goes by; see schemas/sequence.json")


class RetryRunSerializer(StrictSerializer):
    notes = serializers.CharField(max_length=2_000, required=False, default="", allow_blank=True)


class SettleRunSerializer(StrictSerializer):
    notes = serializers.CharField(max_length=2_000, help_text="why, for those who look here later")


class SkipMemberSerializer(SettleRunSerializer):
    member = serializers.CharField(max_length=255, help_text="memberId")


class SequenceRuns(generics.ListAPIView[SequenceRun]):
    serializer_class = SequenceRunSerializer
    pagination_class = KeysetPagination
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at",)

    def get_queryset(self) -> QuerySet[SequenceRun]:
        given = self.request.query_params
        status = text(given, "status")
        if status:
            one_of("status", status, {each: each for each in RunStatus})
        return selectors.runs(actor_of(self.request), self.kwargs["key"], status=status, key=text(given, "key"))

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[SequenceRun]:
        if args and isinstance(args[0], list):
            args = (selectors.shown(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        operation_id="sequences_runs",
        tags=[_TAG],
        parameters=[
            OpenApiParameter("status", str, enum=STATUSES),
            OpenApiParameter("key", str, description="The case, as `correlationKey` names it."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The runs of a sequence, the latest first."""
        return self.list(request, *args, **kwargs)


def _answer(row: SequenceRun) -> Response:
    return Response(OneSequenceRunSerializer(selectors.detail(row)).data)


class OneSequenceRun(APIView):
    @extend_schema(operation_id="sequence_runs_retrieve", tags=[_TAG], responses={200: OneSequenceRunSerializer})
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run, with what came for each of its members."""
        return _answer(selectors.find_run(actor_of(request), run_id))


def _documented(verb: str, form: type[BaseSerializer[Any]]) -> Any:
    responses = {
        200: OneSequenceRunSerializer,
        409: OpenApiResponse(description="The run's state does not allow it."),
    }
    return extend_schema(operation_id=f"sequence_runs_{verb}", tags=[_TAG], request=form, responses=responses)


class SequenceRunRetry(APIView):
    @_documented("retry", RetryRunSerializer)
    @idempotent
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let a failed run go on: dead letters of its events are replayed, what came late counts, its time begins anew."""
        form = RetryRunSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.retry(actor=actor_of(request), run_id=run_id, **form.validated_data))


class SequenceRunResolve(APIView):
    @_documented("resolve", SettleRunSerializer)
    @idempotent
    def post(self, request: Request, run_id: UUID) -> Response:
        """Count a failed run as completed."""
        form = SettleRunSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.resolve(actor=actor_of(request), run_id=run_id, **form.validated_data))


class SequenceRunSkip(APIView):
    @_documented("skip", SkipMemberSerializer)
    @idempotent
    def post(self, request: Request, run_id: UUID) -> Response:
        """Count one member as processed, whether or not its event came."""
        form = SkipMemberSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.skip(actor=actor_of(request), run_id=run_id, **form.validated_data))


class SequenceRunFail(APIView):
    @_documented("fail", SettleRunSerializer)
    @idempotent
    def post(self, request: Request, run_id: UUID) -> Response:
        """Give an open run up: it fails, and what its strategy says is done."""
        form = SettleRunSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _answer(services.fail(actor=actor_of(request), run_id=run_id, **form.validated_data))
