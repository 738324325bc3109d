"""A worker whose lease ran out claims the same task again while it is still at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async

from apps.auth.models import User
from apps.events import doorbell
from apps.integrations import egress
from apps.integrations.tests.servers import serving
from apps.tasks.models import ReadyTask
from apps.tasks.runtime.worker import Worker
from apps.tasks.tests.factories import http_document
from apps.workflows.tests.factories import flow, published, started
from apps.workflows.tests.live import fresh

pytestmark = pytest.mark.django_db(transaction=True)


class Slow:
    """Loses the worker's lease during the first call. Answers with the number of the call, the first after the others began."""

    def __init__(self) -> None:
        self.calls = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        mine = self.calls
        if mine == 1:
            await sync_to_async(self._lose, thread_sensitive=False)()
        await asyncio.sleep(0.5 if mine == 1 else 1)
        return web.json_response({"call": mine})

    def _lose(self) -> None:
        ReadyTask.objects.update(worker=None, leased_until=None)
        doorbell.ring_now(doorbell.IO)


@pytest.fixture
def slow(worker: Worker, settings: Any) -> Iterator[tuple[Slow, int]]:
    """Served on the worker's own loop."""
    server = Slow()
    context = serving(server.handle)
    port = worker.loop.run_until_complete(context.__aenter__())
    settings.AUGMENTED_EGRESS_ALLOW = [f"127.0.0.1:{port}"]
    yield server, port
    worker.loop.run_until_complete(egress.close())
    worker.loop.run_until_complete(context.__aexit__(None, None, None))


def test_only_the_new_attempt_counts_and_the_worker_stays_until_it_is_done(
    alice: User, worker: Worker, slow: tuple[Slow, int]
) -> None:
    server, port = slow
    task = http_document(f"http://127.0.0.1:{port}/", method="POST")
    published(flow({"stepId": "call", "taskId": task["taskId"], "next": "done"},
                   {"stepId": "done", "type": "END", "output": "${steps.call.output}"}), task)  # fmt: skip
    run = started(alice, "flow")
    began = time.monotonic()
    worker.drain(5)
    assert server.calls == 2
    assert time.monotonic() - began > 1
    assert (fresh(run).status, fresh(run).output) == ("COMPLETED", {"call": 2})
    assert not worker._running
