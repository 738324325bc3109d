"""The row of an event trigger: how it is written, halted and removed. The verbs around it are in ``triggers``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.auth.access import AccessDenied, permitted_scopes, require
from apps.auth.models import User
from apps.events.matching import correlation_key, keep_shapes
from apps.validation.problems import Conflict
from apps.workflows.checks.trigger import equalities_of
from apps.workflows.models import Trigger

SHAPES = "trigger"
"""The owner of the shapes under which triggers are found."""


def require_rights(actor: User, trigger_type: str) -> None:
    """What a trigger does it does as its owner, so they must be allowed to. AccessDenied."""
    if trigger_type == Trigger.Type.START:
        require(actor, "start:workflow")
    elif not permitted_scopes(actor, "steer:instance"):
        raise AccessDenied("steer:instance")


def put(
    row: Trigger | None,
    actor: User,
    key: str,
    document: dict[str, Any],
    moment: datetime,
    *,
    inline: bool = False,
    webhook: str = "",
) -> tuple[Trigger, bool]:
    """Write a checked document into its locked row, or into a new one; returns the row and whether it is new."""
    created = row is None
    enabled = document.get("enabled", True)
    if row is None:
        row = Trigger(key=key, inline=inline, webhook=webhook)
    else:
        row.revision += 1
    if enabled:
        row.paused_at, row.paused_by = None, ""
    elif row.enabled or created:
        row.paused_at, row.paused_by = moment, actor.username
    equal = equalities_of(document)
    row.workflow_id, row.owner, row.enabled = document["workflowId"], actor, enabled
    row.document = {**document, "enabled": enabled}
    row.name = document.get("name") or key
    row.trigger_type = document.get("triggerType", Trigger.Type.START)
    row.event_pattern, row.correlation_key = document["eventPattern"], correlation_key(equal)
    row.priority = document.get("priority", 100)
    row.updated_at = moment
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(f"Somebody else has just saved {key}; read it again before you save.") from error
    keep_shapes(SHAPES, [(row.event_pattern, equal)])
    return row, created


def halt(row: Trigger, moment: datetime, actor: User | None = None) -> None:
    """Let a trigger rest. Without ``actor``: nobody wanted it, its workflow is away. Not yet saved."""
    row.enabled, row.paused_at = False, moment
    row.paused_by = actor.username if actor is not None else ""
    row.document = {**row.document, "enabled": False}


def remove(ids: Iterable[UUID]) -> None:
    """Delete triggers; what they did stays in the story of the events."""
    Trigger.objects.filter(id__in=list(ids)).delete()
