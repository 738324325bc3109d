"""/ws/events: tells a browser that events were recorded.

Messages are ``{seq, type: "events.recorded"}``; ``seq`` counts from 1 on each connection, so that a client that misses a number
knows to ask the API. The first one comes at once: whatever was recorded while the socket was away is covered by it.
Bursts are folded, at most one message in ``quiet_seconds``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, ClassVar

from channels.db import database_sync_to_async
from django.urls import path

from apps.auth.access import require
from apps.auth.consumers import AuthenticatedConsumer

from . import live


class EventsConsumer(AuthenticatedConsumer):
    """One browser that watches the stream."""

    quiet_seconds: ClassVar[float] = 0.25
    _seq = 0
    _pending: asyncio.Task[None] | None = None
    _watching: asyncio.Task[None] | None = None

    async def authorise(self) -> None:
        await database_sync_to_async(require)(self.user, "view:event")

    async def connected(self) -> None:
        await self.channel_layer.group_add(live.GROUP, self.channel_name)
        await asyncio.to_thread(live.watch)
        self._watching = asyncio.create_task(self._keep_watching())
        await self._send()

    async def disconnect(self, code: int) -> None:
        for task in (self._watching, self._pending):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self.channel_layer.group_discard(live.GROUP, self.channel_name)

    async def receive_json(self, content: Any, **_: Any) -> None:
        """Clients have nothing to say here."""

    async def events_recorded(self, message: dict[str, Any]) -> None:
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._send_soon())

    async def _send_soon(self) -> None:
        await asyncio.sleep(self.quiet_seconds)
        # From here on a new hint needs a new message: it may concern what the client reads only after this one.
        self._pending = None
        await self._send()

    async def _send(self) -> None:
        self._seq += 1
        await self.send_json({"seq": self._seq, "type": "events.recorded"})

    async def _keep_watching(self) -> None:
        """Say again and again that somebody watches, and send a number: it heals what Redis lost meanwhile."""
        while True:
            await asyncio.sleep(live.WATCH_SECONDS / 3)
            await asyncio.to_thread(live.watch)
            await self._send()


websocket_urlpatterns = [path("ws/events", EventsConsumer.as_asgi())]
