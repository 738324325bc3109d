"""Sending a test event to a subscription's address, at once and outside of any queue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from apps.auth.access import require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.failures import trouble_of
from apps.events.stored import StoredEvent
from apps.events.subscribers import Permanent, Transient
from apps.integrations import egress
from apps.integrations.selectors import subscriptions as selectors
from apps.integrations.subscribers import Parcel, parcel_of, post

PATTERN = "webhooks.ping"


def ping(*, actor: User, key: str) -> dict[str, Any]:
    """Post a `webhooks.ping` now, once, also while the subscription is paused, and say what came of it.

    {ok, status, durationMs, answer, error, eventId}. The event is recorded nowhere, and a failure changes nothing.
    """
    require(actor, "operate:webhook")
    row = selectors.find_subscription(actor, key)
    event = _event(row.key, row.name, actor)
    details: dict[str, Any] = {}
    error = None
    try:
        details = dict(asyncio.run(_once(parcel_of(row), event)))
    except (Transient, Permanent) as failure:
        trouble = trouble_of(failure)
        details = trouble.context if isinstance(trouble.context, dict) else {}
        error = {"code": trouble.code, "message": trouble.message}
    found = {
        "ok": error is None,
        "status": details.get("status"),
        "durationMs": details.get("durationMs"),
        "answer": details.get("answer", ""),
        "error": error,
        "eventId": event.event_id,
    }
    said = {"ok": found["ok"], "status": found["status"]}
    record_audit(
        actor=actor, action="webhookSubscription.ping", resource="webhookSubscription", resource_id=key, details=said
    )
    return found


async def _once(parcel: Parcel, event: StoredEvent) -> Any:
    try:
        return (await post(parcel, event, 1)).result
    finally:
        await egress.close()  # its connections belong to this loop, which ends


def _event(key: str, name: str, actor: User) -> StoredEvent:
    id_, now = uuid7(), datetime.now(UTC)
    payload = {"subscriptionId": key, "name": name, "sentBy": actor.username}
    source = {"type": "system", "id": key, "name": name}
    return StoredEvent(id_, str(id_), PATTERN, "1.0.0", source, payload, {}, now, now)
