"""Schemas to read, and checks that save nothing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.auth.access import require
from apps.validation import checks, selectors
from apps.validation.api import serializers as forms
from apps.validation.schemas import registry

_TAGS = ["validation"]


class SchemaListView(APIView):
    @extend_schema(
        operation_id="validation_schemas_list", tags=_TAGS, responses=forms.SchemaListSerializer, filters=False
    )
    def get(self, request: Request) -> Response:
        """All schemas of the definition language."""
        require(request.user, "view:schema")
        items = [
            {**summary, "url": reverse("validation-schema", args=[summary["id"]], request=request)}
            for summary in selectors.schema_summaries()
        ]
        return Response({"items": items})


class SchemaView(APIView):
    @extend_schema(
        operation_id="validation_schemas_retrieve",
        tags=_TAGS,
        parameters=[
            OpenApiParameter(
                "bundled", bool, description="Put every schema it refers to into its `$defs`.", default=False
            )
        ],
        responses={200: OpenApiTypes.OBJECT, 404: forms.ProblemSerializer},
    )
    def get(self, request: Request, schema_id: str) -> Response:
        """One schema, draft 2020-12."""
        require(request.user, "view:schema")
        bundled = request.query_params.get("bundled", "").lower() in ("1", "true", "yes")
        schema = registry.bundle(schema_id) if bundled else registry.get(schema_id)
        return Response(schema, headers={"Cache-Control": "private, max-age=300"})


class ValidateView(APIView):
    @extend_schema(
        operation_id="validation_validate",
        tags=_TAGS,
        request=forms.ValidateSerializer,
        responses={200: forms.ValidationResultSerializer, 404: forms.ProblemSerializer, 422: forms.ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Check data against a schema of the registry, or one that is sent along. Saves nothing.

        Pointers lead into `data`; if the schema itself is wrong, into `/schema`, and the data is not looked at.
        """
        require(request.user, "use:validation")
        form = forms.ValidateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(_result(form.validated_data))


class ValidateBatchView(APIView):
    @extend_schema(
        operation_id="validation_validate_batch",
        tags=_TAGS,
        request=forms.ValidateBatchSerializer,
        responses={200: forms.ValidationBatchSerializer, 404: forms.ProblemSerializer, 422: forms.ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """The same for up to a hundred documents at once."""
        require(request.user, "use:validation")
        form = forms.ValidateBatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        results = [_result(item) for item in form.validated_data["items"]]
        return Response({"valid": all(result["valid"] for result in results), "results": results})


class ExpressionView(APIView):
    @extend_schema(
        operation_id="validation_expressions",
        tags=_TAGS,
        request=forms.ExpressionSerializer,
        responses={200: forms.ExpressionResultSerializer, 422: forms.ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Compile an expression and, if data is sent along, evaluate it."""
        require(request.user, "use:validation")
        form = forms.ExpressionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        return Response(checks.try_expression(given["expression"], scope=given.get("scope"), roots=given.get("roots")))


def _result(item: dict[str, Any]) -> dict[str, Any]:
    if "schemaId" in item:
        violations = checks.against_registry(item["schemaId"], item["data"])
    else:
        violations = checks.against_schema(item["schema"], item["data"])
    return {
        "valid": not any(violation.severity == "error" for violation in violations),
        "violations": [violation.as_json() for violation in violations],
    }
