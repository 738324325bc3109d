"""A small API for the tests of the edge: one list, one counter, one view for each way to fail."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core import exceptions as django_errors
from django.db import connection
from django.http import Http404
from django.urls import include, path
from rest_framework import exceptions, generics, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import AccessDenied
from apps.auth.models import User
from apps.validation.api.etags import etag, require_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.api.parsers import StrictJSONParser
from apps.validation.api.problems import exception_handler
from apps.validation.problems import Conflict, TooManyRequests, Unprocessable
from apps.validation.violations import Violation


class ByName(BaseAuthentication):
    """Takes the user named in a header, so that requests from other threads need no token."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        name = request.headers.get("X-Test-User")
        return (User.objects.get(username=name), None) if name else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class EdgeView(APIView):
    parser_classes = [StrictJSONParser]
    authentication_classes = [ByName]
    permission_classes = [IsAuthenticated]

    def get_exception_handler(self) -> Any:
        return exception_handler


class EchoView(EdgeView):
    def post(self, request: Request) -> Response:
        return Response({"data": request.data})


class GroupView(EdgeView):
    """Makes a group: an effect that can be counted."""

    @idempotent
    def post(self, request: Request) -> Response:
        group = Group.objects.create(name=f"{request.data['name']}-{Group.objects.count()}")
        if request.data.get("fail"):
            raise Conflict("No.")
        return Response(
            {"id": group.pk, "name": group.name}, 201, headers={"ETag": etag(1), "Location": f"/g/{group.pk}"}
        )

    def put(self, request: Request) -> Response:
        require_match(request, 7)
        return Response({}, headers={"ETag": etag(7)})


class GroupSerializer(serializers.ModelSerializer[Group]):
    class Meta:
        model = Group
        fields = ["id", "name"]


class GroupListView(generics.ListAPIView[Group], EdgeView):
    queryset = Group.objects.filter(name__startswith="page-")
    serializer_class = GroupSerializer
    pagination_class = KeysetPagination
    ordering = ("name",)
    ordering_fields = ("name", "id")


class NewestGroupListView(generics.ListAPIView[Group], EdgeView):
    queryset = Group.objects.filter(name__startswith="page-").order_by("-id")
    serializer_class = GroupSerializer
    pagination_class = KeysetPagination


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["username", "last_login"]


class UserListView(generics.ListAPIView[User], EdgeView):
    queryset = User.objects.filter(username__startswith="page-")
    serializer_class = UserSerializer
    pagination_class = KeysetPagination
    ordering = ("-last_login",)
    ordering_fields = ("last_login", "username", "full_name")


class FormSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=3)
    items = serializers.ListField(child=serializers.IntegerField())


def _form(request: Request) -> None:
    FormSerializer(data={"name": "long name", "items": [1, "x"]}).is_valid(raise_exception=True)


def _out_of_range(request: Request) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 99999999999::int")


def _raise(error: Exception) -> Any:
    def fail(request: Request) -> None:
        raise error

    return fail


FAILURES: dict[str, tuple[Any, int]] = {
    "access": (_raise(AccessDenied("view:thing")), 403),
    "forbidden": (_raise(django_errors.PermissionDenied()), 403),
    "missing": (_raise(Http404("secret detail")), 404),
    "conflict": (_raise(Conflict("Done already.")), 409),
    "too-large": (_raise(django_errors.RequestDataTooBig()), 413),
    "serializer": (_form, 422),
    "unprocessable": (_raise(Unprocessable(violations=[Violation("x", "Wrong.", "/a/0", column=3)])), 422),
    "limited": (_raise(TooManyRequests(retry_after=7)), 429),
    "throttled": (_raise(Throttled(wait=1.2)), 429),
    "suspicious": (_raise(django_errors.SuspiciousOperation()), 400),
    "data": (_out_of_range, 400),
    "unsigned": (_raise(exceptions.NotAuthenticated()), 401),
}


class FailingView(EdgeView):
    def get(self, request: Request, name: str) -> Response:
        FAILURES[name][0](request)
        return Response({})


urlpatterns = [
    path("echo", EchoView.as_view()),
    path("groups", GroupView.as_view()),
    path("groups/list", GroupListView.as_view()),
    path("groups/newest", NewestGroupListView.as_view()),
    path("users/list", UserListView.as_view()),
    path("fail/<str:name>", FailingView.as_view()),
    path("api/v1/", include("apps.validation.api.urls")),
]
