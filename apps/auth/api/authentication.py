"""How API requests say who they are: a bearer token, or the session of the pages."""

from __future__ import annotations

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from apps.auth import selectors
from apps.auth.models import User
from apps.auth.tokens import AccessToken


class BearerAuthentication(JWTAuthentication):
    """``Authorization: Bearer <access token>``. The account and its sign-in are looked up each time: one query."""

    def get_validated_token(self, raw_token: bytes) -> AccessToken:
        try:
            return AccessToken.parse(raw_token)
        except TokenError as error:
            raise AuthenticationFailed("The access token is not valid.", code="token_not_valid") from error

    def get_user(self, validated_token: AccessToken) -> User:  # type: ignore[override]
        user = selectors.user_of_family(user_id=validated_token.user_id, family_id=validated_token.family_id)
        if user is None:
            raise AuthenticationFailed("This sign-in has ended.", code="signed_out")
        return user


class SessionAuthentication(authentication.SessionAuthentication):
    """The pages' session cookie; unsafe methods need the CSRF token. Without credentials the answer is 401, not 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "apps.auth.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class PageSessionScheme(SessionScheme):
    target_class = "apps.auth.api.authentication.SessionAuthentication"
    name = "session"
