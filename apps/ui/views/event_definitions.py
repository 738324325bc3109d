"""Event definitions: the list, and one with its fields, examples, versions and who uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import User
from apps.events.kind import EVENT
from apps.events.models import EventDefinition
from apps.events.selectors import definitions
from apps.events.selectors.dead_letters import names_of
from apps.ui.fields import field_rows
from apps.ui.views.base import actor, one_of, page
from apps.ui.views.editing import editor, to_edit
from apps.validation.definitions.impact import impact
from apps.validation.definitions.kinds import known_kinds
from apps.validation.definitions.services import find
from apps.validation.definitions.versions import version_rows
from apps.validation.schemas.example import example_of

LISTED = 200
STATUSES = ("published", "draft")
BEGINNING = {
    "eventId": "OrderEvents.shipped",
    "name": "Order shipped",
    "description": "",
    "version": "1.0.0",
    "pattern": "orders.shipped",
    "sourceTypes": ["external"],
    "payloadSchema": {
        "type": "object",
        "properties": {"orderId": {"type": "string", "minLength": 1}},
        "required": ["orderId"],
        "additionalProperties": False,
    },
    "examples": [{"orderId": "ORD-1"}],
    "uiMetadata": {"icon": "truck", "color": "#2F855A", "category": "Orders"},
    "status": "active",
}


@page("view:event")
def overview(request: HttpRequest) -> HttpResponse:
    """Every event definition in its newest version. `?search=&status=&category=`; `?new` opens the editor."""
    user = actor(request)
    search = request.GET.get("search", "").strip().replace("\x00", "")[:200]
    status = one_of(request.GET.get("status"), STATUSES)
    headings = definitions.categories()
    category = one_of(request.GET.get("category"), headings)
    rows = definitions.newest_definitions(search=search, status=status, category=category)
    found = list(rows.order_by("name", "key")[: LISTED + 1])
    may_design = allowed(user, "design:event")
    context = {
        "definitions": [definitions.summary(row) for row in found[:LISTED]],
        "more": len(found) > LISTED,
        "search": search,
        "status": status,
        "statuses": STATUSES,
        "category": category,
        "categories": headings,
        "may_design": may_design,
        "creating": may_design and "new" in request.GET,
        "editor": _editor(BEGINNING, None, user),
    }
    return render(request, "ui/events/definitions.html", context)


@page("view:event")
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """One version: its fields, examples, problems, versions and who uses it. `?version=`; `?try` opens the form."""
    user = actor(request)
    row = find(EVENT, key=key, version=request.GET.get("version") or None)
    document = row.document
    versions = version_rows(EVENT, key)
    live = next((each["version"] for each in versions if each["status"] == "published"), None)
    schema = document.get("payloadSchema")
    may_design = allowed(user, "design:event") and row.status != EventDefinition.Status.ARCHIVED
    context = {
        "about": {**definitions.summary(row), "version": row.version, "problems": row.violations, "live": live},
        "fields": field_rows(schema),
        "closed": isinstance(schema, Mapping) and schema.get("additionalProperties") is False,
        "schema": {"value": schema, "label": "payload schema"} if schema is not None else None,
        "examples": [
            {"value": each, "label": f"example {number}"} for number, each in enumerate(document.get("examples", ()), 1)
        ],
        "versions": versions,
        "users": _users(row, user),
        "definition": {"value": document, "label": "definition"},
        "may_design": may_design,
        "editor": _editor(*to_edit(row, versions), user),
        "may_publish": row.status == EventDefinition.Status.DRAFT
        and all(each["severity"] != "error" for each in row.violations)
        and allowed(user, "publish:event"),
        "publish": {
            "address": f"events/definitions/{key}",
            "version": row.version,
            "consequences": [
                f"Version {row.version} can no longer be changed.",
                f"Payloads of {document['pattern']} are checked by it"
                + (f" instead of {live}." if live else " from now on."),
            ],
        },
        "trying": "try" in request.GET,
        "attempt": {
            "eventId": key,
            "pattern": document["pattern"],
            "version": row.version,
            "schema": schema,
            "examples": document.get("examples") or ([example_of(schema)] if schema is not None else []),
            "mayRecord": allowed(user, "record:event")
            and row.status == EventDefinition.Status.PUBLISHED
            and definitions.OUTSIDE in (document.get("sourceTypes") or [definitions.OUTSIDE]),
        },
    }
    return render(request, "ui/events/definition.html", context)


def _editor(document: dict[str, Any], revision: int | None, user: User) -> dict[str, Any]:
    return editor(EVENT, user, document, revision, address="events/definitions", page="/events/definitions")


_DOES = {"pattern": "emits it", "eventPattern": "waits for it"}
_KINDS_DO = {"trigger": "acts on it", "sequence": "follows it", "webhook": "is sent it"}


def _users(row: EventDefinition, user: User) -> list[dict[str, Any]]:
    """What names the event's pattern: [{kind, id, name, href, version, status, running, does}], one row per definition."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in impact(EVENT, row)["definitions"]:
        place = str(each["pointer"])
        does = _KINDS_DO.get(each["kind"]) or _DOES.get(place.rpartition("/")[2], "names it")
        if place.startswith("/triggers/"):
            does = "is started by it"
        elif place.startswith("/cancellationTriggers/"):
            does = "is cancelled by it"
        entry = found.setdefault((each["kind"], each["id"]), {**each, "does": [], "name": each["id"], "href": ""})
        if does not in entry["does"]:
            entry["does"].append(does)
    _name(found)
    if permitted_scopes(user, "view:workflow"):
        for (kind, key), entry in found.items():
            if kind == "workflow":
                entry["href"] = reverse("ui:workflow", args=[key])
    return list(found.values())


def _name(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Put names to them: definitions have their own, whoever handles events goes by what stories call them."""
    kinds = known_kinds()
    others = {f"{kind}:{key}": (kind, key) for kind, key in found if kind not in kinds}
    for id_, named in names_of(set(others)).items():
        if named.label != id_:
            found[others[id_]] |= {"name": named.label, "href": named.href}
    for kind in {kind for kind, _ in found} & kinds.keys():
        keys = [key for other, key in found if other == kind]
        rows = kinds[kind].rows().live().filter(key__in=keys).newest_first().values_list("key", "name")
        for key, name in reversed(list(rows)):
            found[kind, key]["name"] = name
