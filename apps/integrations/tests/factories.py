"""Webhooks, secrets and signed calls for tests."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

from django.http import HttpResponse
from django.test import Client

from apps.auth.models import User
from apps.auth.services import put_secret
from apps.integrations.models import Webhook
from apps.integrations.services import webhooks

KEY = "the key of the shop"


def secret(admin: User, name: str = "shop", value: str = KEY, **more: Any) -> str:
    put_secret(actor=admin, name=name, value=value, **more)
    return name


def document(**more: Any) -> dict[str, Any]:
    """A webhook at /hooks/orders/new that wants a signature with its time."""
    auth = {"kind": "hmac", "secretName": "shop", "header": "X-Signature", "timestampHeader": "X-Time"}
    return {"webhookId": "orders", "path": "orders/new", "auth": auth} | more


def webhook(admin: User, **more: Any) -> Webhook:
    """Saved, with its secret."""
    secret(admin)
    return webhooks.save(actor=admin, document=document(**more))[0]


def signed(body: bytes, key: str = KEY, at: float | None = None) -> dict[str, str]:
    """The headers that the webhook above wants."""
    stamp = str(int(time.time() if at is None else at))
    signature = hmac.new(key.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return {"X-Time": stamp, "X-Signature": f"sha256={signature}"}


def call(body: Any, headers: dict[str, str] | None = None, path: str = "orders/new", **more: Any) -> HttpResponse:
    """A call as another system makes it; with the right signature unless ``headers`` say otherwise."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    content_type = more.pop("content_type", "application/json")
    client = Client(enforce_csrf_checks=True)
    given = signed(raw) if headers is None else headers
    return client.post(f"/hooks/{path}", raw, content_type=content_type, headers=given, **more)
