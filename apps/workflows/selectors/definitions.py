"""Reading workflow definitions: lists with what runs on them, one definition with its versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.definitions.services import find
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import WorkflowDefinition, WorkflowInstance

from .versions import versions

RECENT = timedelta(days=1)


def newest_versions(actor: User, *, search: str = "", status: str = "") -> QuerySet[WorkflowDefinition]:
    """Of each workflow the newest version that is not archived."""
    require(actor, "view:workflow")
    newest = WorkflowDefinition.objects.filter(key=OuterRef("key")).live().order_by("-version_key").values("id")[:1]
    rows = WorkflowDefinition.objects.filter(id=Subquery(newest))
    if search:
        rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search) | Q(description__icontains=search))
    if status:
        rows = rows.filter(status=status)
    return rows


def summaries(rows: list[WorkflowDefinition]) -> list[dict[str, Any]]:
    """Workflows of one page of a list, with two more queries whatever their number."""
    keys = [row.key for row in rows]
    published: dict[str, str] = {}
    for key, version in (
        WorkflowDefinition.objects.filter(key__in=keys).published().newest_first().values_list("key", "version")
    ):
        published.setdefault(key, version)
    counts = instance_counts(keys)
    return [
        {
            "workflowId": row.key,
            "name": row.name,
            "description": row.description,
            "latestVersion": row.version,
            "publishedVersion": published.get(row.key),
            "status": row.status,
            "tags": row.tags,
            "updatedAt": row.updated_at,
            "violations": len(row.violations),
            "instances": counts.get(row.key, {"running": 0, "failed": 0, "recent": 0}),
        }
        for row in rows
    ]


def instance_counts(keys: list[str]) -> dict[str, dict[str, int]]:
    """Per workflow: runs under way, failed, and started in the last day. Costs nothing for those long finished."""
    unfinished = WorkflowInstance.objects.filter(workflow_id__in=keys).exclude(status__in=("COMPLETED", "CANCELLED"))
    recent = WorkflowInstance.objects.filter(workflow_id__in=keys, started_at__gte=timezone.now() - RECENT)
    counts = {key: {"running": 0, "failed": 0, "recent": 0} for key in keys}
    for row in unfinished.values("workflow_id").annotate(
        failed=Count("pk", filter=Q(status="FAILED")), running=Count("pk", filter=~Q(status="FAILED"))
    ):
        counts[row["workflow_id"]] |= {"running": row["running"], "failed": row["failed"]}
    for found in recent.values("workflow_id").annotate(recent=Count("pk")):
        counts[found["workflow_id"]]["recent"] = found["recent"]
    return counts


def detail(actor: User, workflow_id: str, version: str | None = None) -> tuple[WorkflowDefinition, dict[str, Any]]:
    """One version (default: the newest) with its document, violations and the list of all versions."""
    require(actor, "view:workflow")
    row = find(WORKFLOW, key=workflow_id, version=version)
    return row, {
        "document": row.document,
        "workflowId": row.key,
        "name": row.name,
        "description": row.description,
        "version": row.version,
        "status": row.status,
        "revision": row.revision,
        "violations": row.violations,
        "versions": versions(workflow_id),
        "instances": instance_counts([row.key])[row.key],
        "updatedAt": row.updated_at,
    }
