"""Events: the stream of what happened, and the story of one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from apps.auth.access import allowed, permitted_scopes
from apps.auth.models import User
from apps.events.models import Event
from apps.events.selectors import dead_letters, events
from apps.events.selectors.published import definitions_of
from apps.events.selectors.reach import reach_of
from apps.ui import paging
from apps.ui.dates import day_of, midnight
from apps.ui.stories import branches, timeline
from apps.ui.views.base import actor, one_of, page
from apps.workflows.selectors import instances

SIZE = 50
MOST_NEW = 99
PREVIEW = 160
SOURCES = ("workflow", "task", "integration", "external", "system")
PERIODS = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "1d": ("Last day", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
}
NEWER = "X-Newer-Than"
PANE = "X-Pane"


@page("view:event")
def stream(request: HttpRequest) -> HttpResponse:
    """What was recorded, the newest first. `?pattern=&source=&correlation=&period=&from=&to=&search=`, keyset paging.

    With the header X-Newer-Than (a cursor): how many have come since, as JSON.
    """
    user = actor(request)
    chosen = _chosen(request)
    limits, scanned = _limits(chosen)
    rows = events.events(user, **limits)
    if (cursor := request.headers.get(NEWER)) is not None:
        answer: HttpResponse = JsonResponse(_newer(rows, cursor))
    else:
        found = paging.newest_first(rows, request, field="recorded_at", size=SIZE)
        context = {
            **chosen,
            "events": _shown(found.rows),
            "after": found.after,
            "before": found.before,
            "newest": paging.cursor_of(found.rows[0], "recorded_at") if found.rows else "",
            "first_page": "after" not in request.GET and "before" not in request.GET,
            "filtered": any(chosen.values()),
            "scanned": scanned,
            "sources": SOURCES,
            "periods": [(name, label) for name, (label, _) in PERIODS.items()],
            "may_design": allowed(user, "design:event"),
        }
        answer = render(request, "ui/events/stream.html", context)
    patch_vary_headers(answer, [NEWER])
    return answer


@page("view:event")
def story(request: HttpRequest, event_id: str) -> HttpResponse:
    """What caused one event, what became of it, what it caused; for the stream's pane (header X-Pane) in short."""
    user = actor(request)
    if request.headers.get(PANE):
        row = events.find_event(user, event_id)
        found: dict[str, Any] = {"event": events.shown(row), "deliveries": events.deliveries_of(row), "causes": []}
        template = "ui/events/pane.html"
    else:
        found = events.story(user, event_id)
        template = "ui/events/story.html"
    event = found["event"]
    document = dict(event)
    others = [*found["causes"], *found.get("caused", ()), *found.get("alike", ())]
    looks = _looks({event["pattern"], *(each["pattern"] for each in others)})
    runs = _runs(user, [event, *others], found["deliveries"])
    for each in (event, *others):
        each["about"] = looks[each["pattern"]]
        each["run"] = runs.get(str(each["source"].get("id")))
        each["source"] = {"id": None, "name": None, **each["source"]}
    context = {
        **found,
        "payload": {"value": event["payload"], "label": "payload"},
        "metadata": {"value": event["metadata"], "label": "metadata"},
        "facts": {name: value for name, value in event["metadata"].items() if isinstance(value, str)},
        "branches": branches(found["deliveries"], found.get("caused", ()), runs),
        "sees_runs": bool(permitted_scopes(user, "view:instance")),
    }
    if template == "ui/events/story.html":
        letters = dead_letters.shown(list(dead_letters.letters(user, event_id=event_id)))
        context |= {
            "causes": found["causes"][::-1],
            "letters": [{**each, "button": _button(each)} for each in letters],
            "timeline": timeline(
                event, found["deliveries"], found["caused"], lambda id_: reverse("ui:event", args=[id_])
            ),
            "may_replay": allowed(user, "replay:event"),
            "document": {"value": document, "label": "event"},
        }
    answer = render(request, template, context)
    patch_vary_headers(answer, [PANE])
    return answer


def _button(letter: dict[str, Any]) -> dict[str, Any]:
    return {"letterId": letter["id"], "subscriber": letter["subscriber"]["label"]}


def _chosen(request: HttpRequest) -> dict[str, str]:
    """The filters as they stand in the address; what cannot be read is as if it was not given."""

    def text(name: str, most: int) -> str:
        return request.GET.get(name, "").strip().replace("\x00", "")[:most]

    first, last = day_of(request.GET.get("from")), day_of(request.GET.get("to"))
    return {
        "pattern": text("pattern", 255),
        "source": one_of(request.GET.get("source"), SOURCES),
        "correlation": text("correlation", 255),
        "period": one_of(request.GET.get("period"), PERIODS),
        "first": first.isoformat() if first else "",
        "last": last.isoformat() if last else "",
        "search": text("search", 200),
    }


def _limits(chosen: dict[str, str]) -> tuple[dict[str, Any], bool]:
    """The filters in the selector's words, and whether only young events are looked through for them."""
    first, last = day_of(chosen["first"]), day_of(chosen["last"])
    since: list[datetime] = [midnight(first)] if first else []
    if chosen["period"]:
        since.append(timezone.now() - PERIODS[chosen["period"]][1])
    limits: dict[str, Any] = {
        "pattern": chosen["pattern"],
        "source_type": chosen["source"],
        "correlation_id": chosen["correlation"],
        "search": chosen["search"],
        "since": max(since) if since else None,
        "until": midnight(last + timedelta(days=1)) if last else None,
    }
    return limits, events.is_scanned(**limits)


def _newer(rows: Any, cursor: str) -> dict[str, Any]:
    """{count, more} of what came after the newest that the reader has."""
    found = paging.newer_than(rows, cursor, field="recorded_at")
    count = found.order_by()[: MOST_NEW + 1].count()
    return {"count": min(count, MOST_NEW), "more": count > MOST_NEW}


def _shown(rows: Sequence[Event]) -> list[dict[str, Any]]:
    """Events of a page as its rows show them; two statements whatever their number."""
    looks = _looks({row.pattern for row in rows})
    reach = reach_of(rows)
    return [
        {
            **events.shown(row),
            "about": looks[row.pattern],
            "reach": reach[row.id],
            "correlationId": row.correlation_id,
            "preview": _preview(row.payload),
        }
        for row in rows
    ]


def _preview(payload: Any) -> str:
    text = json.dumps(payload, ensure_ascii=False, separators=(", ", ": "))
    if isinstance(payload, dict):
        text = text[1:-1]
    return text if len(text) <= PREVIEW else f"{text[: PREVIEW - 1]}…"


def _looks(patterns: Collection[str]) -> dict[str, dict[str, Any]]:
    """Pattern → {name, icon, color, key} of its definition; of an undefined one only the name, which is the pattern."""
    found: dict[str, dict[str, Any]] = {pattern: {"name": pattern, "key": ""} for pattern in patterns}
    for pattern, known in definitions_of(patterns).items():
        document = known.documents[known.newest]
        found[pattern] = {
            "name": document.get("name") or pattern,
            "key": known.event_id,
            **{name: document.get("uiMetadata", {}).get(name) for name in ("icon", "color", "category")},
        }
    return found


def _runs(
    user: User, found: Iterable[dict[str, Any]], deliveries: Iterable[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The runs that events come from or went to and that the reader may see, by id and by those of tasks in them.

    Four statements at most.
    """
    found = list(found)
    named = [each["source"].get("id") for each in found if each["source"]["type"] == "workflow"]
    named += [each["result"].get("instanceId") for each in deliveries]
    tasks = [each["source"].get("id") for each in found if each["source"]["type"] == "task"]
    of_tasks = instances.runs_of_tasks({id_ for each in tasks if (id_ := _uuid(each))})
    ids = {id_ for each in named if (id_ := _uuid(each))} | set(of_tasks.values())
    rows = list(instances.visible_instances(user).filter(id__in=ids)) if ids else []
    runs = {str(each["id"]): each for each in instances.summaries(rows)}
    return runs | {str(task): runs[str(run)] for task, run in of_tasks.items() if str(run) in runs}


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
