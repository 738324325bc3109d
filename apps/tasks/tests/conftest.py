"""Who the tests of this app need beyond the cast."""

from __future__ import annotations

import pytest

from apps.auth.models import User
from apps.auth.tests.factories import Cast, UserFactory


@pytest.fixture
def dora(cast: Cast) -> User:
    """A second manager in Bob's team."""
    return UserFactory(username="dora", roles=["manager"], groups=["managers"])
