"""Shapes of this app's requests and answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MAX_BATCH = 100


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelt one must not be dropped silently."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError({name: ["There is no such field."] for name in sorted(unknown)})
        return super().to_internal_value(data)


class ViolationSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    severity = serializers.ChoiceField(choices=["error", "warning"])
    pointer = serializers.CharField(help_text="JSON Pointer to the place.")
    message = serializers.CharField()
    hint = serializers.CharField()
    fix = serializers.ListField(child=serializers.DictField(), allow_null=True, help_text="JSON Patch, when certain.")
    column = serializers.IntegerField(required=False, help_text="1-based column inside an expression.")
    expected = serializers.CharField(required=False, help_text="The type, values or names that fit.")
    found = serializers.CharField(required=False, help_text="What is there instead.")


class ProblemSerializer(serializers.Serializer[Any]):
    """application/problem+json"""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    traceId = serializers.CharField()
    violations = ViolationSerializer(many=True, required=False)


class SchemaSummarySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    url = serializers.CharField()


class SchemaListSerializer(serializers.Serializer[Any]):
    items = SchemaSummarySerializer(many=True)


class ValidateSerializer(serializers.Serializer[Any]):
    """Exactly one of `schemaId` and `schema` says what `data` must fit."""

    schemaId = serializers.CharField(required=False, help_text="Id of a schema of the registry: `workflow`.")
    schema = serializers.JSONField(required=False, help_text="A JSON Schema (draft 2020-12).")
    data = serializers.JSONField(allow_null=True)  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("schemaId" in attrs) == ("schema" in attrs):
            raise serializers.ValidationError("Give either schemaId or schema.")
        return attrs


class ValidationResultSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    violations = ViolationSerializer(many=True)


class ValidateBatchSerializer(serializers.Serializer[Any]):
    items = ValidateSerializer(many=True, min_length=1, max_length=MAX_BATCH)  # type: ignore[call-arg]


class ValidationBatchSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField(help_text="Whether all are.")
    results = ValidationResultSerializer(many=True)


class ExpressionSerializer(serializers.Serializer[Any]):
    expression = serializers.CharField(
        max_length=20_000,
        trim_whitespace=False,
        allow_blank=True,
        help_text="Bare, wrapped as `${…}`, or a text with `${…}` inside.",
    )
    scope = serializers.DictField(
        required=False,
        help_text="Data to evaluate it with: `{input, vars, steps, event, …}`. Without it, it is only compiled.",
    )
    roots = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=200,
        help_text="Names in scope; all that exist anywhere, and those of `scope`, otherwise.",
    )


class ReadSerializer(serializers.Serializer[Any]):
    path = serializers.ListField(child=serializers.CharField())
    optional = serializers.BooleanField()


class ExpressionResultSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    violations = ViolationSerializer(many=True)
    reads = ReadSerializer(many=True, help_text="Every field path that it may read.")
    value = serializers.JSONField(required=False, allow_null=True, help_text="Its value, if `scope` was given.")
    error = serializers.DictField(
        required=False, help_text="`{code, message}` if it cannot be evaluated with this scope."
    )
