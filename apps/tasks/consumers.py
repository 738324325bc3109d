"""/ws/tasks: tells a browser that its tasks changed.

Messages are `{seq, type: "tasks.changed"}`; `seq` counts from 1 on each connection, so that a client that misses a number
knows to ask the API. The first one comes at once: whatever changed while the socket was away is covered by it. Bursts
are folded, at most one message in `quiet_seconds`.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from channels.db import database_sync_to_async
from django.urls import path

from apps.auth.access import AccessDenied
from apps.auth.consumers import AuthenticatedConsumer

from . import live


class TasksConsumer(AuthenticatedConsumer):
    """One browser's inbox."""

    quiet_seconds: ClassVar[float] = 0.1
    _seq = 0
    _heard: frozenset[str] = frozenset()
    _pending: asyncio.Task[None] | None = None

    async def authorise(self) -> None:
        heard = await database_sync_to_async(live.channels_heard_by)(self.user)
        if not heard:
            raise AccessDenied("view:task")
        # Asked again every half minute: a changed role or team changes what is heard.
        if self._seq:
            await self._listen(heard)
        self._wanted = heard

    async def connected(self) -> None:
        await self._listen(self._wanted)
        await self._send()

    async def disconnect(self, code: int) -> None:
        if self._pending is not None:
            self._pending.cancel()
        await self._listen(frozenset())

    async def receive_json(self, content: Any, **_: Any) -> None:
        """Clients have nothing to say here."""

    async def tasks_changed(self, message: dict[str, Any]) -> None:
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._send_soon())

    async def _send_soon(self) -> None:
        await asyncio.sleep(self.quiet_seconds)
        # From here on a new hint needs a new message: it may concern what the client reads only after this one.
        self._pending = None
        await self._send()

    async def _send(self) -> None:
        self._seq += 1
        await self.send_json({"seq": self._seq, "type": "tasks.changed"})

    async def _listen(self, channels: frozenset[str]) -> None:
        for channel in channels - self._heard:
            await self.channel_layer.group_add(channel, self.channel_name)
        for channel in self._heard - channels:
            await self.channel_layer.group_discard(channel, self.channel_name)
        self._heard = channels


websocket_urlpatterns = [path("ws/tasks", TasksConsumer.as_asgi())]
