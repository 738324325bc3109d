"""Webhooks: what other systems call, where events are sent, and what became of each call and each event."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import Secret, User
from apps.integrations.selectors import subscriptions, webhooks
from apps.integrations.webhooks.sample import BODY, sample_of
from apps.ui.views.base import actor, one_of, page
from apps.workflows.models import WorkflowDefinition

LISTED = 200
LOGGED = 50
MOST_CHOICES = 500


@page("view:webhook")
def overview(request: HttpRequest) -> HttpResponse:
    """Both directions, one at a time. `?tab=out&search=&state=`; `?new` opens the form."""
    user = actor(request)
    tab = one_of(request.GET.get("tab"), ("in", "out"), "in")
    search = request.GET.get("search", "").strip().replace("\x00", "")[:200]
    states = ("ACTIVE", "PAUSED")
    state = one_of(request.GET.get("state"), states)
    found: list[Any]
    if tab == "in":
        found = list(webhooks.webhooks(user, search=search, state=state).order_by("name", "key")[: LISTED + 1])
        rows = webhooks.summaries(found[:LISTED])
    else:
        found = list(
            subscriptions.subscriptions(user, search=search, state=state).order_by("name", "key")[: LISTED + 1]
        )
        rows = subscriptions.summaries(found[:LISTED])
    may_edit = _may_edit(user, tab)
    context = {
        "tab": tab,
        "rows": rows,
        "more": len(found) > LISTED,
        "search": search,
        "state": state,
        "states": states,
        "may_edit": may_edit,
        "sees_workflows": bool(permitted_scopes(user, "view:workflow")),
        "form": _form(request, user, tab, None, 0) if may_edit else {},
        "creating": may_edit and "new" in request.GET,
    }
    return render(request, "ui/events/webhooks/list.html", context)


@page("view:webhook")
def incoming(request: HttpRequest, key: str) -> HttpResponse:
    """One webhook: its address for the other side, an example call, its log, a place to try calls."""
    user = actor(request)
    row = webhooks.find_webhook(user, key)
    about = webhooks.detail(row)
    url = request.build_absolute_uri(about["address"])
    may_edit = _may_edit(user, "in") and not row.inline
    context = {
        "about": about,
        "url": url,
        "sample": sample_of(row.document, url),
        "headers": row.document.get("headers", []),
        "receptions": [webhooks.reception(each) for each in webhooks.receptions(row)[:LOGGED]],
        "secret": Secret.objects.filter(name=about["secretName"]).first() if about["secretName"] else None,
        "sees_workflows": bool(permitted_scopes(user, "view:workflow")),
        "sees_events": bool(permitted_scopes(user, "view:event")),
        "may_edit": may_edit,
        "verbs": _verbs(user, "in", about, about["webhookId"], may_edit=may_edit),
        "trial": {"webhookId": row.key, "body": BODY} if allowed(user, "operate:webhook") else None,
        "form": _form(request, user, "in", row.document, row.revision) if may_edit else {},
        "definition": {"value": row.document, "label": "webhook"},
    }
    return render(request, "ui/events/webhooks/incoming.html", context)


@page("view:webhook")
def outgoing(request: HttpRequest, key: str) -> HttpResponse:
    """One subscription: where it sends what, whether it arrives, its log, a ping."""
    user = actor(request)
    row = subscriptions.find_subscription(user, key)
    about = subscriptions.detail(row)
    may_edit = _may_edit(user, "out")
    context = {
        "about": about,
        "condition": row.document.get("eventCondition"),
        "deliveries": subscriptions.delivery_rows(list(subscriptions.deliveries(row)[:LOGGED])),
        "sees_events": bool(permitted_scopes(user, "view:event")),
        "may_edit": may_edit,
        "verbs": _verbs(user, "out", about, about["subscriptionId"], may_edit=may_edit),
        "form": _form(request, user, "out", row.document, row.revision) if may_edit else {},
        "definition": {"value": row.document, "label": "subscription"},
    }
    return render(request, "ui/events/webhooks/outgoing.html", context)


def _may_edit(user: User, tab: str) -> bool:
    return allowed(user, "design:webhook") and (tab == "out" or allowed(user, "record:event"))


def _verbs(user: User, direction: str, about: dict[str, Any], key: str, *, may_edit: bool) -> dict[str, Any]:
    return {
        "direction": direction,
        "id": key,
        "name": about["name"],
        "state": about["state"],
        "mayOperate": allowed(user, "operate:webhook"),
        "mayEdit": may_edit,
    }


def _form(request: HttpRequest, user: User, tab: str, document: dict[str, Any] | None, revision: int) -> dict[str, Any]:
    """What the form of either direction needs."""
    may_use = allowed(user, "use:secret")
    names = list(Secret.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES]) if may_use else []
    secrets = {"names": names, "mayUse": may_use, "mayManage": may_use and allowed(user, "manage:secret")}
    found: dict[str, Any] = {"document": document, "revision": revision, "secrets": secrets}
    if tab == "in":
        found["base"] = request.build_absolute_uri("/hooks/")
        found["workflows"] = _workflows() if allowed(user, "start:workflow") else []
    return found


def _workflows() -> list[dict[str, str]]:
    rows = WorkflowDefinition.objects.published().order_by("key", "-version_key").distinct("key")
    found = [{"id": key, "name": name} for key, name in rows.values_list("key", "name")[:MOST_CHOICES]]
    return sorted(found, key=lambda each: each["name"].lower())
