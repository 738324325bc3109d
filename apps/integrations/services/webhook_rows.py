"""The row of a webhook: how it is written and removed. The verbs around it are in ``webhooks``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.auth.models import User
from apps.integrations.models import Webhook, WebhookReception
from apps.integrations.webhooks import followers
from apps.validation.problems import Conflict, Unprocessable
from apps.validation.violations import Violation


def put(
    row: Webhook | None, actor: User, key: str, document: dict[str, Any], *, inline: bool = False
) -> tuple[Webhook, bool]:
    """Write a checked document into its locked row, or into a new one; returns the row and whether it is new."""
    created = row is None
    if found := taken(document["path"], key):
        raise Unprocessable(violations=found)
    if row is None:
        row = Webhook(key=key, inline=inline)
    else:
        row.revision += 1
    enabled = bool(document.get("enabled", True))
    row.paused_by = "" if enabled else actor.username if row.enabled else row.paused_by
    row.path, row.document, row.owner, row.enabled = document["path"], document, actor, enabled
    row.workflow_id = document.get("workflowId") or ""
    row.name = document.get("name") or key
    row.updated_at = timezone.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(f"Somebody else has just saved {key} or its path; read it again before you save.") from error
    followers.saved(row, actor)
    return row, created


def taken(path: str, key: str) -> list[Violation]:
    """A violation where the path belongs to another webhook."""
    other = Webhook.objects.filter(path=path).exclude(key=key).first()
    if other is None:
        return []
    message = f"The path {path} belongs to the webhook {other.key}."
    return [Violation("path-taken", message, "/path", hint="Choose another path.")]


def switch(row: Webhook, actor: User, *, enabled: bool) -> None:
    """Switch a locked row on or off."""
    row.enabled, row.paused_by = enabled, "" if enabled else actor.username
    row.document = {**row.document, "enabled": enabled}
    row.revision += 1
    row.updated_at = timezone.now()
    row.save()
    followers.saved(row, actor)


def halt(row: Webhook, moment: datetime) -> None:
    """Let a row rest that nobody has switched off: its workflow is away. Not yet saved."""
    row.enabled, row.paused_by, row.updated_at = False, "", moment
    row.document = {**row.document, "enabled": False}


def remove(ids: Iterable[UUID]) -> None:
    """Take webhooks away with their logs."""
    for row in Webhook.objects.filter(id__in=list(ids)):
        followers.removed(row)
        WebhookReception.objects.filter(webhook=row).delete()
        row.delete()
