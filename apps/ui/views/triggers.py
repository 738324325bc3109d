"""Event triggers: the list by pattern, one with what it did, and the page on which events are tried."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import User
from apps.events.models import Delivery
from apps.ui.views.base import actor, one_of, page
from apps.workflows.models import WorkflowDefinition
from apps.workflows.selectors import triggers
from apps.workflows.selectors.event_samples import samples

LISTED = 500
DID = 50
MOST_WORKFLOWS = 500
LOOKS = {
    Delivery.Status.HANDLED: ("COMPLETED", "Done"),
    Delivery.Status.SKIPPED: ("SKIPPED", "Skipped"),
    Delivery.Status.RETRYING: ("WAITING", "Trying again"),
    Delivery.Status.DEAD: ("FAILED", "Dead letter"),
}


@page("view:trigger")
def overview(request: HttpRequest) -> HttpResponse:
    """Every trigger, by pattern. `?search=&state=`; `?new` opens the form, `&workflow=` chooses there."""
    user = actor(request)
    search = request.GET.get("search", "").strip().replace("\x00", "")[:200]
    state = one_of(request.GET.get("state"), triggers.STATES)
    rows = triggers.triggers(user, search=search, state=state).order_by("event_pattern", "priority", "key")
    found = list(rows[: LISTED + 1])
    listed = [_with_last(each) for each in triggers.summaries(found[:LISTED])]
    context = {
        "groups": [(pattern, list(each)) for pattern, each in groupby(listed, lambda each: each["eventPattern"])],
        "more": len(found) > LISTED,
        "search": search,
        "state": state,
        "states": triggers.STATES,
        "sees_runs": bool(permitted_scopes(user, "view:instance")),
        "may_edit": _may_edit(user),
        "form": _form(user, None, 0, request.GET.get("workflow", "")),
        "creating": _may_edit(user) and "new" in request.GET,
    }
    return render(request, "ui/events/triggers/list.html", context)


@page("view:trigger")
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """One trigger: what it waits for, what it makes of it, what it did, and its verbs."""
    user = actor(request)
    row = triggers.find_trigger(user, key)
    about = triggers.detail(row)
    may_edit = _may_edit(user) and not row.inline
    did = list(triggers.deliveries(row).order_by("-updated_at")[: DID + 1])
    document = about["document"]
    context = {
        "about": about,
        "mapping": document.get("inputMapping"),
        "did": [_shown(each) for each in triggers.delivery_rows(did[:DID])],
        "more": len(did) > DID,
        "sees_runs": bool(permitted_scopes(user, "view:instance")),
        "sees_events": allowed(user, "view:event"),
        "may_edit": may_edit,
        "may_operate": allowed(user, "operate:trigger"),
        "verbs": {
            "triggerId": row.key,
            "state": about["state"],
            "pattern": row.event_pattern,
            "cancels": row.trigger_type == row.Type.CANCEL,
            "workflow": about["workflowName"],
            "mayOperate": allowed(user, "operate:trigger"),
            "mayEdit": may_edit,
        },
        "form": _form(user, document, row.revision, ""),
        "input": {"value": document.get("inputMapping"), "label": "input"},
        "definition": {"value": document, "label": "trigger"},
    }
    return render(request, "ui/events/triggers/detail.html", context)


@page("view:trigger")
def test(request: HttpRequest) -> HttpResponse:
    """Would this event match? `?pattern=` begins with an event of that name."""
    user = actor(request)
    props = samples(user) | {"pattern": request.GET.get("pattern", "")[:255]}
    return render(request, "ui/events/triggers/test.html", {"props": props})


def _may_edit(user: User) -> bool:
    may = allowed(user, "start:workflow") or bool(permitted_scopes(user, "steer:instance"))
    return may and allowed(user, "design:trigger")


def _form(user: User, document: dict[str, Any] | None, revision: int, workflow_id: str) -> dict[str, Any]:
    if not _may_edit(user):
        return {}
    rows = WorkflowDefinition.objects.published().order_by("key", "-version_key").distinct("key")
    workflows = [
        {"id": key, "name": name, "version": version}
        for key, name, version in rows.values_list("key", "name", "version")[:MOST_WORKFLOWS]
    ]
    return samples(user) | {
        "document": document,
        "revision": revision,
        "workflowId": workflow_id,
        "workflows": sorted(workflows, key=lambda each: each["name"].lower()),
    }


def _with_last(about: dict[str, Any]) -> dict[str, Any]:
    return about | {"last": _shown(about["last"]) if about["last"] else None}


def _shown(did: dict[str, Any]) -> dict[str, Any]:
    """A delivery as the pages show it: a status word, the run it concerns, a note."""
    result, error = did["result"], did.get("error") or {}
    look, word = LOOKS[did["status"]]
    count = result.get("count", 0)
    if did["status"] == Delivery.Status.HANDLED:
        word = f"Cancelled {count}" if "cancelled" in result else "Started"
    return did | {
        "look": look,
        "word": word,
        "run": result.get("instanceId") or next(iter(result.get("cancelled", ())), None),
        "note": _why(error) or result.get("skipped", ""),
        "others": max(0, count - 1),
    }


def _why(error: dict[str, Any]) -> str:
    """What went wrong, with the first of the problems that it consists of."""
    context = error.get("context")
    found = context.get("violations") if isinstance(context, dict) else None
    first = [each["message"] for each in found[:1]] if found else []
    return " ".join(dict.fromkeys([error.get("message", ""), *first])).strip()
