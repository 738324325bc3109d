"""Django's door to ``services.sign_in``: used by sessions, the admin site, and ``django.contrib.auth.authenticate``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from apps.auth import origin, selectors, services
from apps.auth.models import User


class AccountBackend(BaseBackend):
    """Honours status and back-off, at sign-in and with every later request of the session."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            return services.sign_in(
                username=username,
                password=password,
                address=origin.client_address(request) if request is not None else "",
                request_meta=origin.request_meta(request) if request is not None else None,
            )
        except (services.SignInRefused, services.SignInThrottled):
            return None

    def get_user(self, user_id: Any) -> User | None:
        return selectors.active_user(user_id)
