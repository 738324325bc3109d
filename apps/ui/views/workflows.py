"""Workflow definitions: the list and one of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import User
from apps.ui.views.base import actor, one_of, page
from apps.validation.schemas.example import example_of
from apps.workflows.selectors import definitions, instances, triggers
from apps.workflows.selectors.mocks import mock_suggestions

LISTED = 200
RECENT = 10
TRIGGERS = 50
STATUSES = ("published", "draft")


@page("view:workflow")
def overview(request: HttpRequest) -> HttpResponse:
    """Every workflow in its newest version, with what runs on it. `?search=&status=`"""
    search = request.GET.get("search", "").strip()[:200]
    status = one_of(request.GET.get("status"), STATUSES)
    rows = definitions.newest_versions(actor(request), search=search, status=status)
    found = list(rows.order_by("name", "key")[: LISTED + 1])
    context = {
        "workflows": definitions.summaries(found[:LISTED]),
        "more": len(found) > LISTED,
        "search": search,
        "status": status,
        "statuses": STATUSES,
        "may_start": allowed(actor(request), "start:workflow"),
        "may_import": allowed(actor(request), "design:workflow"),
    }
    return render(request, "ui/workflows/list.html", context)


@page("view:workflow")
def detail(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """One version: its graph, problems, versions, document, recent runs. `?version=`; `?start` opens the start form."""
    user = actor(request)
    row, about = definitions.detail(user, workflow_id, request.GET.get("version") or None)
    sees_runs = bool(permitted_scopes(user, "view:instance"))
    runs = (
        instances.filtered(user, workflow_id=workflow_id).order_by("-started_at", "-id")[:RECENT] if sees_runs else []
    )
    may_start = row.status == row.Status.PUBLISHED and allowed(user, "start:workflow")
    published = [each for each in about["versions"] if each["status"] == "published"]
    split = {each["version"]: each["share"] for each in published if each["share"]}
    context = {
        "about": about,
        "graph": {"document": about["document"], "violations": about["violations"]},
        "definition": {"value": about["document"], "label": "definition"},
        "runs": instances.summaries(list(runs)),
        "sees_runs": sees_runs,
        "may_start": may_start,
        "start": {
            "workflowId": row.key,
            "version": row.version,
            "inputSchema": row.document.get("inputSchema"),
        },
        "publish": {
            "workflowId": row.key,
            "version": row.version,
            "live": published[0]["version"] if published else None,
            "running": about["instances"]["running"],
            "split": split,
        },
        "split": split,
        "traffic": {
            "workflowId": row.key,
            "versions": [each["version"] for each in published],
            "shares": split,
        },
        "may_split": len(published) > 1 and allowed(user, "publish:workflow"),
        "may_publish": row.status == row.Status.DRAFT
        and all(each["severity"] != "error" for each in row.violations)
        and allowed(user, "publish:workflow"),
        "starting": may_start and "start" in request.GET,
        "may_dry_run": allowed(user, "design:workflow"),
        "triggers": _triggers(user, row.key),
        "may_trigger": row.status == row.Status.PUBLISHED and allowed(user, "design:trigger"),
    }
    return render(request, "ui/workflows/detail.html", context)


def _triggers(user: User, workflow_id: str) -> list[dict[str, Any]] | None:
    """What events do with it; None where that is not for them to know."""
    if not permitted_scopes(user, "view:trigger"):
        return None
    rows = triggers.triggers(user, workflow_id=workflow_id).order_by("event_pattern", "priority", "key")
    return triggers.summaries(list(rows[:TRIGGERS]))


@page("design:workflow")
def dry_run(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """Trying a version out, be it published or a draft. `?version=`"""
    _, about = definitions.detail(actor(request), workflow_id, request.GET.get("version") or None)
    context = {
        "about": about,
        "errors": [each for each in about["violations"] if each["severity"] == "error"],
        "props": {
            "document": about["document"],
            "mocks": mock_suggestions(about["document"]),
            "example": example_of(about["document"].get("inputSchema", {})),
        },
    }
    return render(request, "ui/workflows/dry_run.html", context)
