"""Reading bulk operations, and the runs that one would take in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils.dateparse import parse_datetime

from apps.auth.access import permitted_scopes
from apps.auth.models import User
from apps.validation.problems import NotFound, Unprocessable
from apps.validation.violations import Violation, pointer_to
from apps.workflows.models import BulkItem, BulkOperation, WorkflowInstance

from .instances import filtered, usernames

PROBLEMS = 100
"""So many of the runs that could not be done are named."""

_FIELDS = ("status", "workflowId", "version", "correlationId", "search", "startedAfter", "startedBefore")


def matching(actor: User, given: Mapping[str, Any]) -> QuerySet[WorkflowInstance]:
    """The runs of a filter that the actor may see, by the names of the list's own filters. Unprocessable."""
    wrong = [
        Violation("unknown-field", f"There is no filter {name}.", pointer_to("filter", name))
        for name in given
        if name not in _FIELDS
    ]
    if not any(given.values()):
        hint = "Filter by at least one of " + ", ".join(_FIELDS) + "."
        wrong.append(Violation("empty-filter", "A filter of nothing would take every run.", "/filter", hint=hint))
    if wrong:
        raise Unprocessable(violations=wrong)
    status = given.get("status")
    rows = filtered(
        actor,
        status=[status] if isinstance(status, str) else status,
        workflow_id=given.get("workflowId"),
        correlation_id=given.get("correlationId"),
        search=given.get("search"),
        started_after=_instant(given, "startedAfter"),
        started_before=_instant(given, "startedBefore"),
    )
    return rows.filter(definition_version=given["version"]) if given.get("version") else rows


def steerable_of(actor: User, rows: QuerySet[WorkflowInstance]) -> QuerySet[WorkflowInstance]:
    """Those of the rows that the actor may steer."""
    scopes = permitted_scopes(actor, "steer:instance")
    if "all" in scopes:
        return rows
    return rows.filter(started_by=actor) if "own" in scopes else rows.none()


def counts_by_status(rows: QuerySet[WorkflowInstance]) -> dict[str, int]:
    return dict(rows.order_by().values_list("status").annotate(runs=Count("pk")))


def find_bulk(actor: User, bulk_id: UUID) -> BulkOperation:
    """NotFound unless it is the actor's own, or they may steer every run."""
    found = BulkOperation.objects.filter(id=bulk_id).first()
    everything = "all" in permitted_scopes(actor, "steer:instance")
    if found is None or not (everything or found.requested_by_id == actor.pk):
        raise NotFound(f"There is no bulk operation {bulk_id}.")
    return found


def own(actor: User) -> QuerySet[BulkOperation]:
    return BulkOperation.objects.filter(requested_by=actor)


def summaries(rows: list[BulkOperation]) -> list[dict[str, Any]]:
    """Bulk operations in a list."""
    users = usernames({each.requested_by_id for each in rows})
    return [
        {
            "id": str(each.id),
            "operation": each.operation,
            "arguments": each.arguments,
            "filter": each.filter,
            "reason": each.reason,
            "status": each.status,
            "total": each.total,
            "done": each.succeeded + each.failed,
            "succeeded": each.succeeded,
            "failed": each.failed,
            "requestedBy": users.get(each.requested_by_id) if each.requested_by_id else None,
            "createdAt": each.created_at,
            "completedAt": each.completed_at,
        }
        for each in rows
    ]


def detail(bulk: BulkOperation) -> dict[str, Any]:
    """One bulk operation, with the first of the runs that could not be done."""
    items = BulkItem.objects.filter(operation_id=bulk.pk, detail__isnull=False).order_by("instance_id")
    problems = [{"instanceId": str(each.instance_id), "detail": each.detail} for each in items[:PROBLEMS]]
    return summaries([bulk])[0] | {"problems": problems}


def _instant(given: Mapping[str, Any], name: str) -> datetime | None:
    value = given.get(name)
    if value is None or isinstance(value, datetime):
        return value
    try:
        found = parse_datetime(value)
    except (ValueError, TypeError):
        found = None
    if found is None or found.tzinfo is None:
        message = f"{name} is a date and time with an offset, like 2026-12-31T18:00:00Z."
        raise Unprocessable(violations=[Violation("format", message, pointer_to("filter", name))])
    return found
