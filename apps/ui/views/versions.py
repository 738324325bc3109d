"""Two versions of a workflow side by side: what changed, and what becomes of the runs under way."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import permitted_scopes
from apps.ui.views.base import actor, page
from apps.validation.definitions.diff import patch_between
from apps.validation.definitions.services import find
from apps.validation.problems import Conflict
from apps.workflows.kind import WORKFLOW
from apps.workflows.selectors import versions


@page("view:workflow")
def compare(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """What changed between two versions, and whether runs can go on. `?from=&to=`; else the two newest, older first."""
    newest = find(WORKFLOW, key=workflow_id)
    rows = versions.versions(workflow_id)
    known = [each["version"] for each in rows]
    to = _known(request.GET.get("to"), known, newest.version)
    before = _known(request.GET.get("from"), known, _earlier(rows, to))
    context: dict[str, Any] = {"about": newest, "versions": rows, "from": before, "to": to}
    if before is not None and before != to:
        old, new = (find(WORKFLOW, key=workflow_id, version=each) for each in (before, to))
        context |= {
            "groups": _groups(WORKFLOW.changes(old.document, new.document), new.document),
            "patch": {"value": patch_between(old.document, new.document), "label": "JSON Patch"},
            "running": next(each["running"] for each in rows if each["version"] == before),
        }
        if context["running"]:
            context |= _verdict(request, workflow_id, before, to, published=new.status == new.Status.PUBLISHED)
    return render(request, "ui/workflows/compare.html", context)


def _verdict(request: HttpRequest, workflow_id: str, before: str, to: str, *, published: bool) -> dict[str, Any]:
    user = actor(request)
    try:
        found = versions.verdict(user, workflow_id, source=before, target=to)
    except Conflict as error:
        return {"refusal": error.detail}
    steers = bool(permitted_scopes(user, "steer:instance")) and published
    return {
        "verdict": found,
        "migrate": {
            "workflowId": workflow_id,
            "verdict": found,
            "maySteer": steers,
            "draft": not published,
        },
    }


def _known(given: str | None, known: list[str], default: Any) -> Any:
    return given if given in known else default


def _earlier(rows: list[dict[str, Any]], to: str) -> str | None:
    """The version that people would compare with: the newest published before this one, or else the one before it."""
    at = next(index for index, each in enumerate(rows) if each["version"] == to)
    others = rows[at + 1 :] or rows[:at]
    published = [each["version"] for each in others if each["status"] == "published"]
    return next(iter(published or [each["version"] for each in others]), None)


ICONS = {"added": "plus", "removed": "minus", "changed": "pencil", "renamed": "pencil", "moved": "move"}


def _groups(changes: list[dict[str, Any]], document: dict[str, Any]) -> list[dict[str, Any]]:
    """Changes under the step they are about; the workflow's own first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in changes:
        groups.setdefault(each.get("stepId", ""), []).append(each | {"icon": ICONS[each["kind"]]})
    return [{"step": step, "changes": found} for step, found in sorted(groups.items(), key=lambda item: item[0] != "")]
