"""Fixtures for the tests of every app: the cast, and API clients that act for one of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import Cast, make_cast
from apps.events import matching, queueing
from apps.events.selectors import published


@pytest.fixture(autouse=True)
def _what_is_kept_is_kept_for_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has set for queues, or has kept of shapes and events, must not be remembered by the next.

    Within one, settings of queues are read once, however slow the machine is.
    """
    monkeypatch.setattr(queueing, "KEPT_SECONDS", 600.0)
    queueing.forget()
    matching.forget_shapes()
    published.forget()


@pytest.fixture
def cast(db: None) -> Cast:
    """Alice designs and operates, Bob is a manager who does tasks, Charlie may nothing, Admin may everything."""
    return make_cast()


@pytest.fixture
def admin(cast: Cast) -> User:
    return cast.admin


@pytest.fixture
def alice(cast: Cast) -> User:
    return cast.alice


@pytest.fixture
def bob(cast: Cast) -> User:
    return cast.bob


@pytest.fixture
def charlie(cast: Cast) -> User:
    return cast.charlie


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """`api(alice).get("/api/v1/me")`: a client that acts for the user; `api(None)` shows no credentials.

    It is put in at the authentication's end, so that a test of something else needs no token.
    """

    def client(user: User | None) -> APIClient:
        made = APIClient()
        if user is not None:
            made.force_authenticate(user)
        return made

    return client
