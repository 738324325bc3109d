"""Reading webhooks and what became of their calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.secret_users import SecretUser
from apps.integrations.models import Webhook, WebhookReception
from apps.integrations.webhooks.naming import pattern_of
from apps.validation.problems import NotFound

STATES = ("ACTIVE", "PAUSED")
OUTCOMES = tuple(WebhookReception.Outcome.values)


def webhooks(actor: User, *, search: str = "", state: str = "", workflow_id: str = "") -> QuerySet[Webhook]:
    """Those that fit all of what is given."""
    require(actor, "view:webhook")
    rows = Webhook.objects.all()
    if search:
        rows = rows.filter(
            Q(key__icontains=search)
            | Q(name__icontains=search)
            | Q(path__icontains=search)
            | Q(workflow_id__icontains=search)
        )
    if state in STATES:
        rows = rows.filter(enabled=state == "ACTIVE")
    if workflow_id:
        rows = rows.filter(workflow_id=workflow_id)
    return rows


def find_webhook(actor: User, key: str) -> Webhook:
    """NotFound, AccessDenied."""
    require(actor, "view:webhook")
    row = Webhook.objects.select_related("owner").filter(key=key).first() if "\x00" not in key else None
    if row is None:
        raise NotFound(f"There is no webhook {key}.")
    return row


def summaries(rows: list[Webhook]) -> list[dict[str, Any]]:
    """Webhooks of one page of a list, with two more queries whatever their number."""
    owners = usernames({row.owner_id for row in rows})
    latest = WebhookReception.objects.filter(webhook=OuterRef("pk")).order_by("-id").values("id")[:1]
    ids = Webhook.objects.filter(pk__in=[row.pk for row in rows]).values_list(Subquery(latest))
    last = {each.webhook_id: each for each in WebhookReception.objects.filter(id__in=ids)} if rows else {}
    return [
        {
            "webhookId": row.key,
            "name": row.name,
            "description": row.document.get("description", ""),
            "path": row.path,
            "address": f"/hooks/{row.path}",
            "authKind": row.document["auth"]["kind"],
            "secretName": row.document["auth"].get("secretName"),
            "eventPattern": pattern_of(row.document),
            "workflowId": row.workflow_id or None,
            "inline": row.inline,
            "state": "ACTIVE" if row.enabled else "PAUSED",
            "pausedBy": row.paused_by or None,
            "lastReception": reception(last[row.pk]) if row.pk in last else None,
            "owner": owners.get(row.owner_id),
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "revision": row.revision,
        }
        for row in rows
    ]


def detail(row: Webhook) -> dict[str, Any]:
    """One webhook with its document."""
    return summaries([row])[0] | {"document": row.document}


def receptions(row: Webhook, *, outcome: str = "") -> QuerySet[WebhookReception]:
    """What became of its calls, the latest first."""
    rows = WebhookReception.objects.filter(webhook=row).order_by("-id")
    return rows.filter(outcome=outcome) if outcome in OUTCOMES else rows


def reception(row: WebhookReception) -> dict[str, Any]:
    return {
        "id": row.pk,
        "at": row.at,
        "outcome": row.outcome,
        "status": row.status,
        "reason": row.reason or None,
        "message": row.message,
        "eventId": row.event_id or None,
        "contentType": row.content_type,
        "size": row.size,
        "address": row.address,
        "durationMs": row.duration_ms,
    }


def usernames(ids: Iterable[UUID]) -> dict[UUID, str]:
    return dict(User.objects.filter(pk__in=set(ids)).values_list("pk", "username"))


def documents() -> Iterable[tuple[str, dict[str, Any]]]:
    """(key, document) of every webhook that does not stand in a workflow's own document."""
    yield from Webhook.objects.filter(inline=False).order_by("key").values_list("key", "document").iterator()


def dependents(kind: str, key: str) -> list[dict[str, Any]]:
    """The webhooks that start a workflow, or record an event (called by its pattern), as impact lists what depends on it."""
    if kind == "workflow":
        rows, pointer = list(Webhook.objects.filter(workflow_id=key).order_by("key")), "/workflowId"
    elif kind == "event":
        named = Q(document__eventPattern=key) | Q(path=key.removeprefix("webhooks.").replace(".", "/"))
        candidates = Webhook.objects.filter(named).order_by("key")
        rows, pointer = [row for row in candidates if pattern_of(row.document) == key], "/eventPattern"
    else:
        return []
    return [
        {
            "kind": "webhook",
            "id": row.key,
            "version": "",
            "status": "active" if row.enabled else "paused",
            "pointer": pointer,
            "running": 0,
        }
        for row in rows
    ]


def naming_secret(name: str) -> list[SecretUser]:
    """The webhooks that name a secret."""
    rows = Webhook.objects.filter(document__auth__secretName=name).order_by("key")
    return [SecretUser("webhook", row.key, row.name) for row in rows]
