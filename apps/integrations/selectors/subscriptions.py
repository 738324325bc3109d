"""Reading webhook subscriptions and what became of what was sent to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.secret_users import SecretUser
from apps.events.models import Delivery, Event
from apps.events.rules import fits
from apps.events.sql import fetch
from apps.integrations.models import WantedPattern, WebhookSubscription
from apps.validation.problems import NotFound

from .webhooks import usernames

STATES = ("ACTIVE", "FAILING", "PAUSED")
LOOKED_AT = 20
"""Deliveries, the latest, by which a subscription is judged."""

# By a look at the latest few of each: as cheap for one that was sent a million events.
_LATEST = """
SELECT r.id, d.status, d.updated_at, d.result::text, d.error::text, d.event_id, d.attempts
FROM unnest(%s::text[]) AS r(id), LATERAL (
  SELECT * FROM events_delivery WHERE subscriber_id = r.id ORDER BY updated_at DESC LIMIT %s
) d
"""


def subscriptions(actor: User, *, search: str = "", state: str = "") -> QuerySet[WebhookSubscription]:
    """Those that fit all of what is given."""
    require(actor, "view:webhook")
    rows = WebhookSubscription.objects.all()
    if search:
        rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search) | Q(url__icontains=search))
    if state in STATES:
        rows = rows.filter(enabled=state != "PAUSED")
    return rows


def find_subscription(actor: User, key: str) -> WebhookSubscription:
    """NotFound, AccessDenied."""
    require(actor, "view:webhook")
    rows = WebhookSubscription.objects.select_related("owner")
    row = rows.filter(key=key).first() if "\x00" not in key else None
    if row is None:
        raise NotFound(f"There is no webhook subscription {key}.")
    return row


def subscriber_of(row: WebhookSubscription) -> str:
    return f"webhook:{row.key}"


def summaries(rows: list[WebhookSubscription]) -> list[dict[str, Any]]:
    """Subscriptions of one page of a list, with two more queries whatever their number."""
    owners = usernames({row.owner_id for row in rows})
    latest: dict[str, list[tuple[Any, ...]]] = {}
    for subscriber, *found in fetch(_LATEST, [subscriber_of(row) for row in rows], LOOKED_AT):
        latest.setdefault(subscriber, []).append(tuple(found))
    return [_summary(row, latest.get(subscriber_of(row), []), owners) for row in rows]


def _summary(row: WebhookSubscription, latest: list[tuple[Any, ...]], owners: dict[Any, str]) -> dict[str, Any]:
    tried = [each for each in latest if each[0] != "skipped" and each[5] > 0]
    failed = 0
    for status, *_ in tried:
        if status == "handled":
            break
        failed += 1
    return {
        "subscriptionId": row.key,
        "name": row.name,
        "description": row.document.get("description", ""),
        "url": row.url,
        "eventPatterns": row.document["eventPatterns"],
        "format": row.document.get("format", "native"),
        "secretName": row.document.get("secretName"),
        "authSecretName": row.document.get("authSecretName"),
        "state": "PAUSED" if not row.enabled else "FAILING" if failed else "ACTIVE",
        "failedInARow": failed,
        "pausedAt": row.paused_at,
        "pausedBy": row.paused_by or None,
        "pausedReason": row.paused_reason or None,
        "lastDeliveryAt": tried[0][1] if tried else None,
        "lastDeliveryStatus": tried[0][0] if tried else None,
        "owner": owners.get(row.owner_id),
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "revision": row.revision,
    }


def detail(row: WebhookSubscription) -> dict[str, Any]:
    """One subscription with its document."""
    return summaries([row])[0] | {"document": row.document}


def deliveries(row: WebhookSubscription, *, status: str = "") -> QuerySet[Delivery]:
    """What became of what was sent, the latest first."""
    rows = Delivery.objects.filter(subscriber_id=subscriber_of(row)).order_by("-updated_at", "-event")
    return rows.filter(status=status) if status in Delivery.Status.values else rows


def delivery_rows(rows: list[Delivery]) -> list[dict[str, Any]]:
    """Deliveries of one page, with the patterns of their events in one more query."""
    ids = {row.event for row in rows}
    patterns = dict(Event.objects.filter(id__in=ids).values_list("id", "pattern")) if ids else {}
    return [
        {
            "eventId": row.event_id,
            "pattern": patterns.get(row.event),
            "status": row.status,
            "attempts": row.attempts,
            "httpStatus": _told(row).get("status"),
            "durationMs": _told(row).get("durationMs"),
            "answer": _told(row).get("answer", ""),
            "error": {"code": row.error["code"], "type": row.error["type"], "message": row.error["message"]}
            if row.error
            else None,
            "history": row.history,
            "nextAttemptAt": row.next_attempt_at,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
        }
        for row in rows
    ]


def _told(row: Delivery) -> dict[str, Any]:
    """What is known of the last answer."""
    context = (row.error or {}).get("context")
    return row.result or (context if isinstance(context, dict) else {})


def documents() -> Iterable[tuple[str, dict[str, Any]]]:
    """(key, document) of every subscription."""
    yield from WebhookSubscription.objects.order_by("key").values_list("key", "document").iterator()


def dependents(kind: str, key: str) -> list[dict[str, Any]]:
    """The subscriptions that are sent an event (called by its pattern), as impact lists what depends on it."""
    if kind != "event":
        return []
    patterns = WantedPattern.objects.order_by("event_pattern").values_list("event_pattern", flat=True).distinct()
    wanted = [each for each in patterns if fits(each, key)]
    rows = WebhookSubscription.objects.filter(patterns__event_pattern__in=wanted).distinct().order_by("key")
    return [
        {
            "kind": "webhookSubscription",
            "id": row.key,
            "version": "",
            "status": "active" if row.enabled else "paused",
            "pointer": "/eventPatterns",
            "running": 0,
        }
        for row in rows
    ]


def naming_secret(name: str) -> list[SecretUser]:
    """The subscriptions that name a secret."""
    named = Q(document__secretName=name) | Q(document__authSecretName=name)
    rows = WebhookSubscription.objects.filter(named).order_by("key")
    return [SecretUser("webhookSubscription", row.key, row.name) for row in rows]
