"""A worker for the tests of this app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from apps.tasks.runtime.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker in this process, with the connection and the event loop that a worker process has.

    It has a connection of its own, so its tests need `django_db(transaction=True)`.
    """
    made = Worker()
    yield made
    made._database.submit(lambda: connection.close()).result()
    made._database.shutdown()
    made.loop.close()
