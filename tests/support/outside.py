"""The outside world of the fault tests: an HTTP server that writes down every call and its Idempotency-Key."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .processes import free_port

UNSTORABLE = {"nul": r"a\u0000b", "surrogate": r"a\ud800b"}
"""Manners that answer 422 with JSON that says what a database cannot keep."""


@dataclass(frozen=True, slots=True)
class Call:
    key: str
    body: dict[str, Any]
    peer: tuple[str, int]
    """Where the caller's end of the connection is: tells which process called."""


Manner = Callable[[Call], Callable[[], bool] | None]


class Outside:
    """`POST /call` with {step, n, ms, manner} answers {"value": n + 1} after ms milliseconds.

    `POST /take` takes an event of a webhook subscription, after the milliseconds that its payload says.

    ``manners`` maps a manner to a function that is called, in a thread, before the answer; it may return a condition that
    the answer is to wait for.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.calls: list[Call] = []
        self.taken: list[Call] = []
        self.manners: dict[str, Manner] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outside", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def forget(self) -> None:
        self.calls, self.taken = [], []
        self.manners = {}

    def by_key(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = defaultdict(list)
        for call in list(self.calls):
            found[call.key].append(call)
        return found

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/call", self._call)
        app.router.add_post("/take", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024).start()

    async def _close(self) -> None:
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _call(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert request.transport is not None
        call = Call(request.headers["Idempotency-Key"], body, request.transport.get_extra_info("peername"))
        self.calls.append(call)
        if manner := self.manners.get(body["manner"]):
            ready = await self._loop.run_in_executor(None, manner, call)
            while ready is not None and not ready():
                await asyncio.sleep(0.02)
        if body["ms"]:
            await asyncio.sleep(body["ms"] / 1000)
        if message := UNSTORABLE.get(body["manner"]):
            return web.Response(status=422, text=f'{{"message": "{message}"}}', content_type="application/json")
        return web.json_response({"value": body["n"] + 1})

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert request.transport is not None
        self.taken.append(Call(request.headers["Idempotency-Key"], body, request.transport.get_extra_info("peername")))
        await asyncio.sleep(body["payload"]["ms"] / 1000)
        return web.Response(status=204)
