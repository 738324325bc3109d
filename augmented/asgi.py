"""The web process: HTTP by Django, WebSockets by Channels."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")
# Before the settings are read: each request runs on a thread of its own, so connections must come from a pool.
os.environ.setdefault("AUGMENTED_DB_POOL", "12")

# ruff: noqa: E402  Django must be set up before anything that imports models.
from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from apps.events.consumers import websocket_urlpatterns as events
from apps.tasks.consumers import websocket_urlpatterns as tasks
from apps.workflows.consumers import websocket_urlpatterns as workflows
from augmented.checks import refuse_to_start_wrongly

NOT_FOUND = 4404

refuse_to_start_wrongly()


class Nowhere(AsyncWebsocketConsumer):
    """The answer at every address without a socket; without it the router's complaint would be a traceback in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(code=NOT_FOUND)


# Who is behind a socket and whether its Origin may open it is the consumers' own check (apps/auth/consumers.py).
sockets = URLRouter([*workflows, *tasks, *events, re_path(r"", Nowhere.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": sockets})
