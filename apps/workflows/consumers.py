"""/ws/instances/{id}: tells a browser that a run changed.

Messages are ``{seq, type: "instance.changed"}`` with the number of the run's latest history entry. The first comes at once:
a client that had lost the connection sees by it what it missed and asks the API.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.urls import path

from apps.auth.access import AccessDenied
from apps.auth.consumers import AuthenticatedConsumer
from apps.validation.problems import NotFound

from .models import WorkflowInstance
from .orchestrator import live
from .selectors.instances import find_instance


class InstanceConsumer(AuthenticatedConsumer):
    """One browser looking at one run."""

    _watching: asyncio.Task[None] | None = None

    @property
    def instance_id(self) -> UUID:
        found: UUID = self.scope["url_route"]["kwargs"]["instance_id"]
        return found

    async def authorise(self) -> None:
        try:
            await database_sync_to_async(find_instance)(self.user, self.instance_id)
        except NotFound:
            raise AccessDenied("view:instance") from None

    async def connected(self) -> None:
        await self.channel_layer.group_add(live.group_of(self.instance_id), self.channel_name)
        await asyncio.to_thread(live.watch, self.instance_id)
        self._watching = asyncio.create_task(self._keep_watching())
        # Only after joining: what changes from here on is sent, what changed before is in this number.
        await self._send(await database_sync_to_async(self._latest)())

    async def disconnect(self, code: int) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self.channel_layer.group_discard(live.group_of(self.instance_id), self.channel_name)

    async def receive_json(self, content: Any, **_: Any) -> None:
        """Clients have nothing to say here."""

    async def instance_changed(self, message: dict[str, Any]) -> None:
        await self._send(message["seq"])

    async def _send(self, seq: int) -> None:
        await self.send_json({"seq": seq, "type": "instance.changed"})

    async def _keep_watching(self) -> None:
        """Say again and again that somebody watches, and tell the number anew: it heals what Redis lost meanwhile."""
        while True:
            await asyncio.sleep(live.WATCH_SECONDS / 3)
            await asyncio.to_thread(live.watch, self.instance_id)
            await self._send(await database_sync_to_async(self._latest)())

    def _latest(self) -> int:
        return WorkflowInstance.objects.values_list("seq", flat=True).get(id=self.instance_id)


websocket_urlpatterns = [path("ws/instances/<uuid:instance_id>", InstanceConsumer.as_asgi())]
