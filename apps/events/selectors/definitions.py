"""Reading event definitions: lists, and what recording would say of a payload."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.auth.identifiers import uuid7
from apps.events.checks import check_event, in_force
from apps.events.models import EventDefinition
from apps.validation.violations import Violation, has_errors

OUTSIDE = "external"


def newest_definitions(*, search: str = "", status: str = "", category: str = "") -> QuerySet[EventDefinition]:
    """Of each event the newest version that is not archived, with ``published_version``: the one in use, or None."""
    newest = EventDefinition.objects.live().order_by("key", "-version_key").distinct("key").values("pk")
    published = EventDefinition.objects.published().filter(key=OuterRef("key")).order_by("-version_key")
    rows: Any = EventDefinition.objects.filter(pk__in=newest).annotate(
        published_version=Subquery(published.values("version")[:1])
    )
    if search:
        words = Q(key__icontains=search) | Q(name__icontains=search) | Q(description__icontains=search)
        rows = rows.filter(words | Q(document__pattern__icontains=search))
    if status:
        rows = rows.filter(status=status)
    if category:
        rows = rows.filter(document__uiMetadata__category=category)
    found: QuerySet[EventDefinition] = rows
    return found


def categories() -> list[str]:
    """The headings that event definitions stand under, by name."""
    rows = EventDefinition.objects.live().filter(document__uiMetadata__category__isnull=False)
    return sorted(set(rows.values_list("document__uiMetadata__category", flat=True)), key=str.lower)


def summary(row: EventDefinition) -> dict[str, Any]:
    """A row of :func:`newest_definitions` as lists show it."""
    looks = row.document.get("uiMetadata", {})
    return {
        "eventId": row.key,
        "name": row.name,
        "description": row.description,
        "pattern": row.document["pattern"],
        "use": row.document.get("status", "active"),
        "sourceTypes": row.document.get("sourceTypes", []),
        "latestVersion": row.version,
        "publishedVersion": getattr(row, "published_version", None),
        "status": row.status,
        "icon": looks.get("icon"),
        "color": looks.get("color"),
        "category": looks.get("category"),
        "priority": looks.get("priority"),
        "tags": row.tags,
        "violations": len(row.violations),
        "updatedAt": row.updated_at,
    }


def try_payload(row: EventDefinition, payload: Any) -> dict[str, Any]:
    """Whether recording this payload would go well: {valid, violations, event}. Nothing is saved.

    ``event``: what would be recorded (schemas/eventInstance.json), by one of those who may.
    """
    types = row.document.get("sourceTypes") or [OUTSIDE]
    source = {"type": OUTSIDE if OUTSIDE in types else types[0]}
    pattern = row.document["pattern"]
    found = check_event(row.document, payload, source, pattern=pattern) + _not_in_force(row)
    event = {
        "eventId": str(uuid7()),
        "pattern": pattern,
        "version": row.version,
        "source": source,
        "timestamp": timezone.now(),
        "payload": payload,
        "metadata": {},
    }
    return {"valid": not has_errors(found), "violations": [each.as_json() for each in found], "event": event}


def _not_in_force(row: EventDefinition) -> list[Violation]:
    """What keeps recording from checking by this version, as a warning."""
    if row.status != EventDefinition.Status.PUBLISHED:
        what = "a draft" if row.status == EventDefinition.Status.DRAFT else row.status
        message = f"Version {row.version} is {what}: recording does not check payloads by it."
        return [Violation("not-in-force", message, severity="warning", hint="Publish it.")]
    if not in_force(row.document):
        message = "The definition calls itself a draft (`status`): recording does not check payloads by it."
        hint = "Publish a version with `status: active`."
        return [Violation("not-in-force", message, severity="warning", hint=hint)]
    return []
