"""Versions of a workflow over HTTP: can runs go on with another, and where do new starts go."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.validation.api.definitions import actor_of
from apps.validation.api.idempotency import idempotent
from apps.validation.api.serializers import StrictSerializer
from apps.validation.problems import BadInput
from apps.workflows.rules.verdict import Verdict
from apps.workflows.selectors import bulk
from apps.workflows.selectors import versions as selectors
from apps.workflows.services import traffic
from apps.workflows.services.mass_migration import migrate_runs

from .serializers import BulkSerializer, ReasonSerializer

_TAGS = ["workflow versions"]
_VERDICTS = [each.value for each in Verdict]


class PositionSerializer(serializers.Serializer[Any]):
    """What is to be said of the runs that stand at one step."""

    stepId = serializers.CharField(allow_null=True, help_text="null: runs that have not begun yet")
    instances = serializers.IntegerField(help_text="runs that this is true of")
    verdict = serializers.ChoiceField(choices=_VERDICTS)
    message = serializers.CharField()
    suggested = serializers.CharField(allow_null=True, help_text="the step it has certainly become")
    candidates = serializers.ListField(child=serializers.CharField(), help_text="steps it may be mapped to")


class RunVerdictSerializer(serializers.Serializer[Any]):
    """Whether the runs under way on one version can go on with another."""

    to = serializers.CharField()
    verdict = serializers.ChoiceField(choices=_VERDICTS, help_text="the worst of its positions'")
    positions = PositionSerializer(many=True)
    instances = serializers.DictField(child=serializers.IntegerField(), help_text="verdict → runs")
    mapping = serializers.DictField(child=serializers.CharField(), help_text="suggested: step → its name there")
    notExamined = serializers.IntegerField(help_text="runs beyond the 10,000 whose inputs are looked at")

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's.
        return {"from": serializers.CharField()} | super().get_fields()


class SplitSerializer(ReasonSerializer):
    versions = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=100),
        allow_empty=False,
        help_text="published version → percent of new starts; together 100",
    )


class TrafficSerializer(serializers.Serializer[Any]):
    """Where new starts go that name no version."""

    split = serializers.BooleanField(help_text="false: all go to the newest published version")
    versions = serializers.DictField(child=serializers.IntegerField(), help_text="version → percent")


class MigrateFilterSerializer(StrictSerializer):
    """Which of the runs of the version; without it all that are under way."""

    status = serializers.ListField(child=serializers.CharField(), required=False)
    correlationId = serializers.CharField(required=False)
    search = serializers.CharField(required=False)
    startedAfter = serializers.DateTimeField(required=False)
    startedBefore = serializers.DateTimeField(required=False)


class MigrateRunsSerializer(ReasonSerializer):
    to = serializers.CharField(max_length=64)
    mapping = serializers.DictField(
        child=serializers.CharField(), required=False, default=dict, help_text="step → its name in the other version"
    )
    filter = MigrateFilterSerializer(required=False)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's.
        return {"from": serializers.CharField(max_length=64)} | super().get_fields()


class WorkflowVerdict(APIView):
    @extend_schema(
        operation_id="workflows_verdict",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("from", str, required=True, description="The version that the runs are on."),
            OpenApiParameter("to", str, description="The other; default: the newest published. May be a draft."),
            OpenApiParameter(
                "map", str, many=True, description="Step of the one:step of the other, where they differ."
            ),
        ],
        responses={
            200: RunVerdictSerializer,
            409: OpenApiResponse(description="One of the versions has errors."),
            422: OpenApiResponse(description="The mapping names steps that there are not, or one step twice."),
        },
    )
    def get(self, request: Request, key: str) -> Response:
        """Can the runs under way on a version go on with another: each position with the reason."""
        given = request.query_params
        if not given.get("from"):
            raise BadInput("Say which version the runs are on: ?from=1.0.0&to=1.1.0")
        if any("\x00" in each for name in ("from", "to") for each in given.getlist(name)):
            raise BadInput("A version must not hold NUL.")
        pairs = [each.split(":") for each in given.getlist("map")]
        if any(len(each) != 2 or not all(each) for each in pairs):
            raise BadInput("A mapping is written map=old:new.")
        mapping = dict(pairs)
        return Response(
            selectors.verdict(
                actor_of(request), key, source=given["from"], target=given.get("to") or None, mapping=mapping
            )
        )


class WorkflowMigrate(APIView):
    @extend_schema(
        operation_id="workflows_migrate",
        tags=_TAGS,
        request=MigrateRunsSerializer,
        responses={
            202: BulkSerializer,
            403: OpenApiResponse(description="The caller may steer no run."),
            409: OpenApiResponse(description="The other version is not published."),
            422: OpenApiResponse(description="The mapping or the filter does not fit."),
        },
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Migrate the runs under way on a version, as a bulk operation. One that cannot go on stays, and is told of."""
        form = MigrateRunsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        operation = migrate_runs(
            actor=actor_of(request),
            workflow_id=key,
            source=given["from"],
            target=given["to"],
            mapping=given["mapping"],
            narrower=given.get("filter"),
            reason=given["reason"],
        )
        response = Response(bulk.detail(operation), status=202)
        response.headers["Location"] = f"/api/v1/workflows/instances/bulk/{operation.pk}"
        return response


class WorkflowTraffic(APIView):
    @extend_schema(operation_id="workflows_traffic_retrieve", tags=_TAGS, responses={200: TrafficSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Where new starts go that name no version."""
        return Response(selectors.traffic(actor_of(request), key))

    @extend_schema(
        operation_id="workflows_traffic_split",
        tags=_TAGS,
        request=SplitSerializer,
        responses={
            200: TrafficSerializer,
            422: OpenApiResponse(description="A version is not published, or the shares do not add to 100."),
        },
    )
    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Split new starts between versions. It stays so, also when another version is published, until it is changed.

        Which version a start falls to follows from its correlationId, or else from the run's id.
        """
        form = SplitSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        traffic.split(actor=actor_of(request), workflow_id=key, shares=given["versions"], reason=given["reason"])
        return Response(selectors.traffic(actor_of(request), key))

    @extend_schema(operation_id="workflows_traffic_join", tags=_TAGS, responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Let the newest published version take all new starts again."""
        traffic.join(actor=actor_of(request), workflow_id=key)
        return Response(status=204)
