"""Another system that takes webhooks: a real HTTP server that checks signatures by itself and answers as it is told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from django.db import connection

from apps.events.routing import route
from apps.events.sending import Sender
from apps.integrations import egress


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Partner:
    """``answers``: what to do with each call, the last one for all further; by default 200."""

    answers: list[Callable[[web.Request], web.Response]] = field(default_factory=list)
    calls: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append(Received(request.path, headers, await request.read()))
        if not self.answers:
            return web.Response(text="thanks")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)


def verified_by_partner(call: Received, secret: str) -> bool:
    """As the partner checks it, written from the text of Standard Webhooks and from nothing of ours."""
    key = base64.b64decode(secret[len("whsec_") :])
    if abs(time.time() - int(call.headers["webhook-timestamp"])) > 300:
        return False
    text = call.headers["webhook-id"] + "." + call.headers["webhook-timestamp"] + "." + call.body.decode()
    wanted = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    return wanted in [
        each.split(",", 1)[1] for each in call.headers["webhook-signature"].split(" ") if each.startswith("v1,")
    ]


def answering(status: int, text: str = "", **headers: str) -> Callable[[web.Request], web.Response]:
    return lambda request: web.Response(
        status=status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def deliver() -> None:
    """Route what was recorded, and send what is due as a worker does, until nothing flies."""

    async def work(database: ThreadPoolExecutor) -> None:
        sender = Sender(database, lambda: None)
        await sender.look()
        while sender.is_flying or sender.has_landed:
            await sender.settle()
            await asyncio.sleep(0.005)
        await egress.close()

    while route():
        pass
    with ThreadPoolExecutor(1) as database:
        asyncio.run(work(database))
        database.submit(lambda: connection.close()).result()
