"""Secrets over HTTP: they go in and never come out. What was generated is shown in that one answer.

No Idempotency-Key here: it would keep the answer.
"""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import QuerySet
from django.utils.dateparse import parse_duration
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth import access, secret_users, selectors, services
from apps.auth.models import Secret, User
from apps.auth.secret_values import LONGEST
from apps.auth.services.secrets import DEFAULT_OVERLAP

_TAGS = ["secrets"]
_ONCE = {"Cache-Control": "no-store"}


class InUse(exceptions.APIException):
    status_code = 409
    default_code = "conflict"


class SecretUseSerializer(serializers.Serializer[Any]):
    purpose = serializers.CharField()
    lastAt = serializers.DateTimeField(source="last_at", help_text="to the minute")


class SecretSerializer(serializers.ModelSerializer[Secret]):
    """A secret without its value."""

    previousUntil = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="until then the value before the rotation counts as well"
    )
    createdAt = serializers.DateTimeField(source="created_at")
    createdBy = serializers.CharField(source="created_by", help_text="username")
    rotatedAt = serializers.DateTimeField(source="rotated_at", help_text="when the value was set")
    rotatedBy = serializers.CharField(source="rotated_by", help_text="username")
    uses = SecretUseSerializer(many=True)

    class Meta:
        model = Secret
        fields = (
            "name",
            "description",
            "hosts",
            "revision",
            "previousUntil",
            "createdAt",
            "createdBy",
            "rotatedAt",
            "rotatedBy",
            "uses",
        )


class NamingSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()


class SavedSecretSerializer(SecretSerializer):
    """A secret as saved. ``value`` is there when it was generated, this once."""

    value = serializers.CharField(required=False)

    class Meta(SecretSerializer.Meta):
        fields = (*SecretSerializer.Meta.fields, "value")  # type: ignore[assignment]


class OneSecretSerializer(SecretSerializer):
    """A secret without its value, and the documents that name it."""

    namedBy = NamingSerializer(many=True)

    class Meta(SecretSerializer.Meta):
        fields = (*SecretSerializer.Meta.fields, "namedBy")  # type: ignore[assignment]


class _Value(serializers.CharField):
    """Taken as it is; what is wrong with it is never said with it."""

    def __init__(self) -> None:
        super().__init__(max_length=LONGEST, trim_whitespace=False, required=False, write_only=True)


class PutSecretSerializer(serializers.Serializer[Any]):
    value = _Value()
    generate = serializers.BooleanField(required=False, default=False, help_text="make a signing key of 256 bits")
    description = serializers.CharField(max_length=2_000, required=False, allow_blank=True)
    hosts = serializers.ListField(
        child=serializers.CharField(max_length=255),
        required=False,
        help_text="where the value itself may be sent (host, host:port, *.host); a key that only signs needs none",
    )


class RotateSecretSerializer(serializers.Serializer[Any]):
    value = _Value()
    overlap = serializers.CharField(
        max_length=40, required=False, help_text="how long the old value counts as well (ISO 8601); default PT24H"
    )


def _actor(request: Request) -> User:
    return cast(User, request.user)


def _may_read(actor: User) -> None:
    if not access.allowed(actor, "use:secret"):
        access.require(actor, "manage:secret")


def _saved(row: Secret, made: str | None, status: int) -> Response:
    shown = selectors.secret(row.name)
    body = SecretSerializer(shown).data | ({"value": made} if made is not None else {})
    return Response(body, status=status, headers=_ONCE)


def _invalid(error: InvalidValue) -> exceptions.ValidationError:
    return exceptions.ValidationError(error.message_dict)


class SecretList(generics.ListAPIView[Secret]):
    serializer_class = SecretSerializer
    ordering = ("name",)

    def get_queryset(self) -> QuerySet[Secret]:
        _may_read(_actor(self.request))
        return selectors.secrets(search=self.request.query_params.get("search", "").replace("\x00", ""))

    @extend_schema(
        operation_id="secrets_list",
        tags=_TAGS,
        parameters=[OpenApiParameter("search", str, description="Part of the name or the description.")],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Secrets without their values: for choosing one, and for seeing what uses it."""
        return super().get(request, *args, **kwargs)


class OneSecret(APIView):
    @extend_schema(operation_id="secrets_retrieve", tags=_TAGS, responses={200: OneSecretSerializer})
    def get(self, request: Request, name: str) -> Response:
        """One secret without its value, and the documents that name it."""
        _may_read(_actor(request))
        row = selectors.secret(name)
        if row is None:
            raise exceptions.NotFound
        named = [user._asdict() for user in secret_users.users_of(name)]
        return Response(SecretSerializer(row).data | {"namedBy": named})

    @extend_schema(
        operation_id="secrets_put",
        tags=_TAGS,
        request=PutSecretSerializer,
        responses={200: SavedSecretSerializer, 201: SavedSecretSerializer},
    )
    def put(self, request: Request, name: str) -> Response:
        """Create a secret or change it. A new value takes the place of the old one at once; to change it without a gap, rotate."""
        form = PutSecretSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            row, made, created = services.put_secret(actor=_actor(request), name=name, **form.validated_data)
        except InvalidValue as error:
            raise _invalid(error) from error
        return _saved(row, made, 201 if created else 200)

    @extend_schema(
        operation_id="secrets_delete",
        tags=_TAGS,
        responses={204: None, 409: OpenApiResponse(description="A document still names it.")},
    )
    def delete(self, request: Request, name: str) -> Response:
        """Forget a secret. Refused while a document names it."""
        try:
            services.delete_secret(actor=_actor(request), name=name)
        except services.SecretNotFound as error:
            raise exceptions.NotFound from error
        except services.SecretInUse as error:
            raise InUse(str(error)) from error
        return Response(status=204)


class RotateSecret(APIView):
    @extend_schema(
        operation_id="secrets_rotate",
        tags=_TAGS,
        request=RotateSecretSerializer,
        responses={200: SavedSecretSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Give a secret a new value, generated unless one is given; the old one counts as well until the overlap is over."""
        form = RotateSecretSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        text = form.validated_data.get("overlap")
        overlap = DEFAULT_OVERLAP if text is None else parse_duration(text) if text.startswith("P") else None
        if overlap is None:
            raise exceptions.ValidationError({"overlap": "A duration looks like PT24H or P7D."})
        try:
            row, made = services.rotate_secret(
                actor=_actor(request), name=name, value=form.validated_data.get("value"), overlap=overlap
            )
        except services.SecretNotFound as error:
            raise exceptions.NotFound from error
        except InvalidValue as error:
            raise _invalid(error) from error
        return _saved(row, made, 200)
