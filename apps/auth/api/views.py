"""Sign-in for API clients, the caller's own account, and the lists of accounts and roles."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.auth import access, origin, selectors, services
from apps.auth.api import serializers as forms
from apps.auth.models import AuditEntry, Role, User

_REFUSED = OpenApiResponse(description="Refused; says nothing about which part was wrong.")


class OpenView(APIView):
    """Answers without credentials, and ignores any: a browser's old session must not get in the way of signing in.

    401 still names the scheme to use.
    """

    authentication_classes = []
    permission_classes = [AllowAny]

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _filters(request: Request, *names: str) -> dict[str, str]:
    """Query parameters by name, "" where absent; without NUL, which no column can hold."""
    return {name: request.query_params.get(name, "").replace("\x00", "") for name in names}


class LoginView(OpenView):
    @extend_schema(
        operation_id="auth_login",
        request=forms.CredentialsSerializer,
        responses={200: forms.TokenPairSerializer, 401: _REFUSED, 429: OpenApiResponse(description="See Retry-After.")},
        tags=["sign-in"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange a name and a password for a pair of tokens."""
        form = forms.CredentialsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            user = services.sign_in(
                **form.validated_data,
                address=origin.client_address(request),
                request_meta=origin.request_meta(request),
            )
        except services.SignInThrottled as error:
            raise Throttled(wait=error.retry_after) from error
        except services.SignInRefused as error:
            raise AuthenticationFailed(str(error)) from error
        return Response(forms.TokenPairSerializer(services.open_session(user=user)).data)


class RefreshView(OpenView):
    @extend_schema(
        operation_id="auth_refresh",
        request=forms.RefreshSerializer,
        responses={200: forms.TokenPairSerializer, 401: _REFUSED},
        tags=["sign-in"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair. Each works once; a second use ends the whole sign-in."""
        form = forms.RefreshSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            pair = services.refresh(token=form.validated_data["refresh"], request_meta=origin.request_meta(request))
        except services.RefreshRefused as error:
            raise AuthenticationFailed("The refresh token is not valid.", code="token_not_valid") from error
        return Response(forms.TokenPairSerializer(pair).data)


class LogoutView(OpenView):
    @extend_schema(
        operation_id="auth_logout",
        request=forms.RefreshSerializer,
        responses={204: OpenApiResponse(description="Signed out, or was not signed in.")},
        tags=["sign-in"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """End a sign-in: its refresh token and all its access tokens stop working at once."""
        form = forms.RefreshSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.close_session(token=form.validated_data["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class JwksView(OpenView):
    @extend_schema(operation_id="jwks", responses=forms.JwksSerializer, tags=["sign-in"], auth=[])
    def get(self, request: Request) -> Response:
        """The public keys that verify this system's tokens."""
        return Response({"keys": selectors.published_keys()}, headers={"Cache-Control": "public, max-age=300"})


class MeView(APIView):
    @extend_schema(operation_id="me", responses=forms.MeSerializer, tags=["access"])
    def get(self, request: Request) -> Response:
        """Who the caller is and what they may do."""
        assert isinstance(request.user, User)
        return Response(forms.MeSerializer(request.user).data)


class UserListView(generics.ListAPIView[User]):
    """Whole accounts for those who manage them (``manage:user``); for those who hand out work (``manage:task``)
    only the names of active people."""

    def _manages_users(self) -> bool:
        assert isinstance(self.request.user, User)
        if access.allowed(self.request.user, "manage:user"):
            return True
        access.require(self.request.user, "manage:task")
        return False

    def get_queryset(self) -> QuerySet[User]:
        asked = _filters(self.request, "search", "group")
        if not self._manages_users():
            return selectors.assignable_users(**asked)
        return selectors.users(**asked, **_filters(self.request, "status", "role"))

    def get_serializer_class(self) -> type[BaseSerializer[User]]:
        return forms.UserSerializer if self._manages_users() else forms.PersonSerializer

    @extend_schema(
        operation_id="users_list",
        parameters=[
            OpenApiParameter("search", str, description="Part of a name."),
            OpenApiParameter("group", str, description="Name of a team."),
            OpenApiParameter("status", str, enum=User.Status.values, description="With manage:user."),
            OpenApiParameter("role", str, description="Held directly. With manage:user."),
        ],
        responses=PolymorphicProxySerializer(
            component_name="UserOrPerson",
            serializers=[forms.UserSerializer, forms.PersonSerializer],
            resource_type_field_name=None,
            many=True,
        ),
        tags=["access"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List accounts."""
        return super().get(request, *args, **kwargs)


class RoleListView(generics.ListAPIView[Role]):
    """For those who manage accounts, and those who name a role as the one to do a task."""

    serializer_class = forms.RoleSerializer

    def get_queryset(self) -> QuerySet[Role]:
        assert isinstance(self.request.user, User)
        if not any(access.allowed(self.request.user, p) for p in ("design:workflow", "manage:task")):
            access.require(self.request.user, "manage:user")
        return selectors.roles()

    @extend_schema(operation_id="roles_list", tags=["access"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List roles with their permissions."""
        return super().get(request, *args, **kwargs)


class AuditListView(generics.ListAPIView[AuditEntry]):
    serializer_class = forms.AuditEntrySerializer

    def get_queryset(self) -> QuerySet[AuditEntry]:
        assert isinstance(self.request.user, User)
        access.require(self.request.user, "view:audit")
        asked = _filters(self.request, "actor", "action", "resource", "resourceId")
        return selectors.audit_entries(resource_id=asked.pop("resourceId"), **asked)

    @extend_schema(
        operation_id="audit_list",
        parameters=[
            OpenApiParameter("actor", str, description="User name at the time."),
            OpenApiParameter("action", str),
            OpenApiParameter("resource", str),
            OpenApiParameter("resourceId", str),
        ],
        tags=["access"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The audit trail, newest first."""
        return super().get(request, *args, **kwargs)
