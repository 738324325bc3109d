"""The web process: HTTP by Django, WebSockets by Channels."""

from __future__ import annotations

import gc
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")
# Before the settings are read: each request runs on a thread of its own, so connections must come from a pool.
os.environ.setdefault("AUGMENTED_DB_POOL", "12")

# ruff: noqa: E402  Django must be set up before anything that imports models.
import django

django.setup(set_prefix=False)

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import re_path

from apps.events.consumers import websocket_urlpatterns as events
from apps.tasks.consumers import websocket_urlpatterns as tasks
from apps.workflows.consumers import websocket_urlpatterns as workflows
from augmented.checks import refuse_to_start_wrongly

NOT_FOUND = 4404

refuse_to_start_wrongly()


class OneThreadHandler(ASGIHandler):
    """Django's handler with all middleware and the view on the one thread that a request has.

    Django's own runs every middleware that could be asynchronous as such, and takes each of its synchronous halves to the
    thread and back: a dozen changes of thread per request, which cost more than what most requests do.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


class Nowhere(AsyncWebsocketConsumer):
    """The answer at every address without a socket; without it the router's complaint would be a traceback in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(code=NOT_FOUND)


# Who is behind a socket and whether its Origin may open it is the consumers' own check (apps/auth/consumers.py).
sockets = URLRouter([*workflows, *tasks, *events, re_path(r"", Nowhere.as_asgi())])
application = ProtocolTypeRouter({"http": OneThreadHandler(), "websocket": sockets})

# What is loaded by now stays: the collector need not go through it again and again, which takes a tenth of a second each time.
gc.collect()
gc.freeze()
# Threads give the interpreter up by themselves whenever they wait for Postgres; taking it from one in between costs more.
sys.setswitchinterval(0.01)
