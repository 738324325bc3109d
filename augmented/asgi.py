"""The web process: HTTP by Django, WebSockets by Channels."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")
# Before the settings are read: each request runs on a thread of its own, so connections must come from a pool.
os.environ.setdefault("AUGMENTED_DB_POOL", "12")

# ruff: noqa: E402  Django must be set up before anything that imports models.
from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.routing import ProtocolTypeRouter

from augmented.checks import refuse_to_start_wrongly

refuse_to_start_wrongly()

application = ProtocolTypeRouter({"http": http})
