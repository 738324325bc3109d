"""Reading subscriptions: what waiting runs wait for, and how waits ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.auth.access import permitted_scopes
from apps.auth.models import User
from apps.validation.durations import format_duration
from apps.workflows.models import Subscription

from .instances import visible_instances


def filtered(
    actor: User,
    *,
    status: list[str] | None = None,
    instance_id: UUID | None = None,
    event_pattern: str | None = None,
    wait_step_id: str | None = None,
    purpose: str | None = None,
) -> QuerySet[Subscription]:
    """The subscriptions of the runs that the actor may see, unordered."""
    rows = Subscription.objects.all()
    if "all" not in permitted_scopes(actor, "view:instance"):
        rows = rows.filter(instance_id__in=visible_instances(actor).values("id"))
    if status:
        rows = rows.filter(status__in=status)
    if instance_id is not None:
        rows = rows.filter(instance_id=instance_id)
    if event_pattern:
        rows = rows.filter(event_pattern=event_pattern)
    if wait_step_id:
        rows = rows.filter(wait_step_id=wait_step_id)
    if purpose:
        rows = rows.filter(purpose=purpose)
    return rows


def shown(row: Subscription) -> dict[str, Any]:
    """A subscription as schemas/subscription.json has it."""
    fulfilled = row.status == Subscription.Status.FULFILLED
    return {
        "id": str(row.id),
        "workflowInstanceId": str(row.instance_id),
        "purpose": row.purpose,
        "waitStepId": row.wait_step_id,
        "eventPattern": row.event_pattern,
        "filterCondition": row.filter_condition,
        "correlation": row.correlation,
        "lookback": None if row.lookback is None else format_duration(row.lookback),
        "status": row.status,
        "timeoutAt": row.timeout_at,
        "timeoutHandlerStepId": row.timeout_handler_step_id,
        "createdAt": row.created_at,
        "closedAt": row.closed_at,
        "fulfilledAt": row.closed_at if fulfilled else None,
        "fulfilledByEventId": row.fulfilled_by_event_id if fulfilled else None,
    }
