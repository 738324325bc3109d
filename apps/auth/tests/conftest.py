"""Fixtures of this app's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.auth import services
from apps.auth.models import User


@pytest.fixture
def client() -> APIClient:
    """An API client without credentials that enforces CSRF as a browser's requests meet it."""
    return APIClient(enforce_csrf_checks=True)


@pytest.fixture
def signed_in() -> Callable[[User], APIClient]:
    """Makes a client that shows the user's access token."""

    def sign_in(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {services.open_session(user=user).access}")
        return client

    return sign_in
