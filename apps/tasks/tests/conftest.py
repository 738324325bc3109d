"""The cast and a published definition for every test that wants them."""

from __future__ import annotations

import pytest

from apps.auth.tests.factories import Cast, UserFactory, make_cast


@pytest.fixture
def cast(db: None) -> Cast:
    """Alice operates, Bob is a manager, Charlie an outsider, Admin has all."""
    return make_cast()


@pytest.fixture
def dora(cast: Cast) -> object:
    """A second manager in Bob's team."""
    return UserFactory(username="dora", roles=["manager"], groups=["managers"])
