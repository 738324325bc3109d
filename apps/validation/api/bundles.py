"""Bundles over HTTP: convert definitions of other dialects, apply a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import require
from apps.validation.definitions import bundles, uploads
from apps.validation.definitions.bundles import Document
from apps.validation.definitions.conversion import Source, convert_all
from apps.validation.problems import BadInput, Unprocessable
from apps.validation.violations import Violation

from .definitions import actor_of
from .idempotency import idempotent
from .parsers import StrictJSONParser, read_body
from .serializers import ProblemSerializer, ViolationSerializer

_TAGS = ["bundles"]
_GROWTH = 8
"""How much larger than a body the files of a zip may be."""
_BODY: dict[str, Any] = {
    "application/json": {
        "description": "One definition, a list of them, or `{files: [{name, text}]}` with the texts of files.",
        "oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}],
    },
    "application/zip": {"type": "string", "format": "binary", "description": "A zip of .json files."},
}


class ZipParser(BaseParser):
    """`application/zip`, within the limits of any body."""

    media_type = "application/zip"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        headers = getattr((parser_context or {}).get("request"), "headers", {})
        limit = settings.AUGMENTED_MAX_BODY
        raw = read_body(stream, headers.get("Content-Length", ""), limit)
        return _Archive(uploads.from_zip(raw, limit=_GROWTH * limit))


class _Archive(list[Source]):
    """What a zip held, told apart from a JSON list."""


class ChoiceSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        # `label` is an attribute of every field.
        fix = serializers.ListField(child=serializers.DictField(), help_text="JSON Patch of the converted document")
        return {"label": serializers.CharField(), "fix": fix}


class FindingSerializer(ViolationSerializer):
    choices = ChoiceSerializer(many=True, required=False, help_text="ways to settle what can mean several things")


class ConvertedChangeSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="JSON Pointer into the converted document")
    to = serializers.JSONField(allow_null=True, help_text="the name or value now")
    message = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's.
        before = serializers.JSONField(allow_null=True, help_text="the name or value as it came")
        return super().get_fields() | {"from": before}


class ConvertedSerializer(serializers.Serializer[Any]):
    """One document. Pointers lead into `document`."""

    kind = serializers.CharField(allow_null=True, help_text="null where nobody can say")
    id = serializers.CharField(allow_null=True)
    version = serializers.CharField(allow_null=True)
    valid = serializers.BooleanField(help_text="whether it can be published as it is now")
    kept = serializers.BooleanField(help_text="whether definitions of this kind are stored here")
    done = serializers.ChoiceField(
        choices=["published", "created", "changed", "unchanged"], allow_null=True, help_text="what applying it would do"
    )
    document = serializers.JSONField(help_text="the converted document")
    changes = ConvertedChangeSerializer(many=True)
    violations = FindingSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        # `source` is an attribute of every field.
        return {"source": serializers.CharField(help_text="file, or which document of the list")} | super().get_fields()


class ConvertedBundleSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField(help_text="whether all are")
    results = ConvertedSerializer(many=True)


class AppliedSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    version = serializers.CharField()
    done = serializers.ChoiceField(choices=["published", "created", "changed", "unchanged", "left out"])


class AppliedBundleSerializer(serializers.Serializer[Any]):
    items = AppliedSerializer(many=True)


class ConvertBundle(APIView):
    parser_classes = (StrictJSONParser, ZipParser)

    @extend_schema(
        operation_id="bundles_convert",
        tags=_TAGS,
        request=_BODY,
        responses={200: ConvertedBundleSerializer, 413: ProblemSerializer, 422: ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Convert definitions of other dialects and check them together. Saves nothing; always says everything at once."""
        require(request.user, "use:validation")
        results = convert_all(_sources(request), actor=actor_of(request))
        body = {"valid": all(result.valid for result in results), "results": [result.as_json() for result in results]}
        return Response(body)


class Bundles(APIView):
    parser_classes = (StrictJSONParser, ZipParser)

    @extend_schema(
        operation_id="bundles_apply",
        tags=_TAGS,
        request=_BODY,
        parameters=[OpenApiParameter("publish", bool, default=True, description="false: save drafts only")],
        responses={200: AppliedBundleSerializer, 413: ProblemSerializer, 422: ProblemSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Save and publish a bundle: all of it, or nothing and every problem of every document."""
        require(request.user, "use:validation")
        wanted = request.query_params.get("publish", "true").lower()
        if wanted not in ("true", "false"):
            raise BadInput("publish is true or false.")
        documents = [Document(source.name, _definition(source)) for source in _sources(request)]
        applied = bundles.apply(documents, actor=actor_of(request), publish=wanted == "true")
        items = [{"kind": each.kind, "id": each.key, "version": each.version, "done": each.done} for each in applied]
        return Response({"items": items})


def _sources(request: Request) -> list[Source]:
    return list(request.data) if isinstance(request.data, _Archive) else uploads.from_json(request.data)


def _definition(source: Source) -> dict[str, Any]:
    if source.violations:
        raise Unprocessable(f"{source.name} is no JSON.", violations=source.violations)
    if not isinstance(source.content, dict):
        raise Unprocessable(violations=[Violation("type", f"{source.name}: A definition is a JSON object.")])
    return source.content
