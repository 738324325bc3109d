"""What the command palette offers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from apps.auth.access import allowed, permitted_scopes
from apps.events.selectors.definitions import newest_definitions
from apps.ui import navigation
from apps.ui.views.base import actor, page
from apps.workflows.selectors import definitions

WORKFLOWS = 300
EVENTS = 300


@page()
def entries(request: HttpRequest) -> HttpResponse:
    """{entries: [{label, hint, href, keywords}]}: the places, events and workflows that this person may open."""
    user = actor(request)
    found = [
        {"label": place.label, "hint": "Page", "href": place.href, "keywords": f"go {place.key}"}
        for place in navigation.entries(user, "")
    ]
    found += [
        {"label": f"Events: {place.label}", "hint": "Page", "href": place.href, "keywords": "events"}
        for place in navigation.event_pages(user, "")
        if place.href != reverse("ui:events")  # that is "Events" itself
    ]
    if permitted_scopes(user, "view:event"):
        for each in newest_definitions().order_by("name", "key")[:EVENTS]:
            href = reverse("ui:event-definition", args=[each.key])
            pattern = each.document["pattern"]
            found.append({"label": each.name, "hint": pattern, "href": href, "keywords": f"event {each.description}"})
    if permitted_scopes(user, "view:workflow"):
        may_start = allowed(user, "start:workflow")
        for row in definitions.newest_versions(user).order_by("name", "key")[:WORKFLOWS]:
            href = reverse("ui:workflow", args=[row.key])
            found.append({"label": row.name, "hint": row.key, "href": href, "keywords": f"workflow {row.description}"})
            if may_start and row.status == row.Status.PUBLISHED:
                found.append(
                    {"label": f"Start {row.name}", "hint": "Start a run", "href": f"{href}?start", "keywords": row.key}
                )
    found.append({"label": "API reference", "hint": "Page", "href": reverse("api-docs"), "keywords": "openapi docs"})
    return JsonResponse({"entries": found})
