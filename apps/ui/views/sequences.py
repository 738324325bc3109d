"""Event sequences: the list, one with its picture and runs, and one run with what came when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import allowed
from apps.auth.models import User
from apps.events.models import SequenceDefinition
from apps.events.selectors import sequences as selectors
from apps.events.sequences.kind import SEQUENCE
from apps.events.sequences.reading import own_events
from apps.events.sequences.rules import Reason, RunStatus
from apps.ui import paging
from apps.ui.views.base import actor, one_of, page
from apps.ui.views.editing import editor, to_edit
from apps.validation.definitions import services as definitions
from apps.validation.definitions.versions import version_rows
from apps.validation.durations import parse_duration

LISTED = 200
BEGINNING = {
    "sequenceId": "order_fulfilment",
    "name": "Order fulfilment",
    "description": "",
    "version": "1.0.0",
    "correlationKey": "event.payload.orderId",
    "within": "P2D",
    "events": [
        {"eventId": "orders.created", "memberId": "created", "title": "Order placed", "order": 1},
        {"eventId": "orders.paid", "memberId": "paid", "title": "Paid", "order": 2},
        {"eventId": "orders.shipped", "memberId": "shipped", "title": "Shipped", "order": 3},
    ],
    "rollbackStrategy": {"type": "manual"},
}
SHOWN = 300
_REASONS = {
    Reason.MISSING: "Something that is required did not come in time.",
    Reason.OUT_OF_TIME: "Everything came, but not all of it could be handled in time.",
    Reason.MEMBER_FAILED: "An event of it could not be handled by one of its subscribers.",
}
_STRATEGIES = {
    "manual": "A run that fails waits for a person.",
    "retry": "What a subscriber could not handle is replayed before a run fails.",
    "compensating_events": "When a run fails, events are recorded that undo what was done.",
}


@page("view:event")
def overview(request: HttpRequest) -> HttpResponse:
    """Every sequence, with how its runs fare. `?search=`."""
    user = actor(request)
    search = request.GET.get("search", "").strip().replace("\x00", "")[:200]
    found = list(selectors.newest_definitions(search=search).order_by("name", "key")[: LISTED + 1])
    context = {
        "sequences": [
            each | {"open": each["runs"]["created"] + each["runs"]["in_progress"]}
            for each in selectors.summaries(found[:LISTED])
        ],
        "more": len(found) > LISTED,
        "search": search,
        "most": selectors.MOST_COUNTED,
        "may_design": allowed(user, SEQUENCE.design),
        "editor": _editor(user, BEGINNING, None),
    }
    return render(request, "ui/events/sequences/list.html", context)


@page("view:event")
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """One version, the one in use unless `?version=` says another: its picture, what follows, its runs. `?status=&key=`."""
    user = actor(request)
    live = SequenceDefinition.objects.filter(key=key).published().newest_first().first()
    version = request.GET.get("version")
    row = live if live is not None and not version else definitions.find(SEQUENCE, key=key, version=version or None)
    versions = version_rows(SEQUENCE, key)
    may_design = allowed(user, SEQUENCE.design) and row.status != SequenceDefinition.Status.ARCHIVED
    status = one_of(request.GET.get("status"), [each.value for each in RunStatus])
    case = request.GET.get("key", "").strip().replace("\x00", "")[:255]
    found = paging.newest_first(selectors.runs(user, key, status=status, key=case), request, field="created_at")
    completed, failed = own_events(key)
    context = {
        "row": row,
        "errors": [each for each in row.violations if each["severity"] == "error"],
        "warnings": [each for each in row.violations if each["severity"] != "error"],
        "within": _in_words(row.document.get("within")),
        "places": _places(selectors.expected(row.document)),
        "correlation": row.document.get("correlationKey") or "event.metadata.correlationId",
        "first_only": row.document.get("startsWith") == "FIRST",
        "strategy": _STRATEGIES[(row.document.get("rollbackStrategy") or {}).get("type", "manual")],
        "undone_by": (row.document.get("rollbackStrategy") or {}).get("compensatingEvents", []),
        "completed_pattern": completed,
        "failed_pattern": failed,
        "runs": [each | {"places": _places(each["members"])} for each in _seen(selectors.shown(found.rows))],
        "after": found.after,
        "before": found.before,
        "statuses": [each.value for each in RunStatus],
        "status": status,
        "case": case,
        "definition": {"value": row.document, "label": "sequence"},
        "versions": versions,
        "may_design": may_design,
        "editor": _editor(user, *to_edit(row, versions)),
        "publish": _publish(user, row, live),
    }
    return render(request, "ui/events/sequences/detail.html", context)


@page("view:event")
def run(request: HttpRequest, key: str, run_id: UUID) -> HttpResponse:
    """One run: the same picture with what came when, how long it still has, why it failed, and what may be done."""
    user = actor(request)
    row = selectors.find_run(user, run_id)
    if row.sequence_id != key:
        raise Http404("There is no such run of this sequence.")
    [about] = _seen([selectors.detail(row)])
    may_steer = allowed(user, "operate:sequence")
    context = {
        "about": about,
        "places": _places(about["members"]),
        "open": RunStatus(about["status"]).is_open,
        "why": _REASONS.get(about["reason"], ""),
        "came": sorted(
            (each | {"said": _brief(each["event"]["payload"])} for each in about["members"] if each["event"]),
            key=lambda each: each["event"]["recordedAt"],
        ),
        "verbs": {
            "runId": about["runId"],
            "verbs": about["verbs"],
            "compensates": (about["document"].get("rollbackStrategy") or {}).get("type") == "compensating_events",
            "within": about["document"].get("within"),
            "members": [
                {"id": each["memberId"], "title": each["title"], "looks": each["words"]}
                for each in about["members"]
                if each["status"] != "processed"
            ],
        }
        if may_steer and about["verbs"]
        else None,
    }
    return render(request, "ui/events/sequences/run.html", context)


def _publish(user: User, row: SequenceDefinition, live: SequenceDefinition | None) -> dict[str, Any] | None:
    """Props of the island `publish`; None where it cannot be published, or not by this person."""
    errors = any(each["severity"] == "error" for each in row.violations)
    if row.status != SequenceDefinition.Status.DRAFT or errors or not allowed(user, "publish:sequence"):
        return None
    goes = f"New runs go by it instead of {live.version}." if live else "The next event that fits begins a run."
    return {
        "address": f"events/sequences/{row.key}",
        "version": row.version,
        "consequences": [
            f"Version {row.version} can no longer be changed.",
            goes,
            *(["Runs under way stay with their version."] if live else []),
        ],
    }


def _editor(user: User, document: dict[str, Any], revision: int | None) -> dict[str, Any]:
    return editor(SEQUENCE, user, document, revision, address="events/sequences", page="/events/sequences")


def _in_words(duration: str | None) -> str:
    """`PT90M` → `1 h 30 min`."""
    if duration is None:
        return ""
    rest = parse_duration(duration).total_seconds()
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count:g} {unit}")
    return " ".join([*parts, f"{rest:g} s"] if rest or not parts else parts)


def _brief(payload: Any) -> str:
    text = json.dumps(payload, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _places(members: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Members by their place in the order: [{order, members}]."""
    return [
        {"order": order, "members": list(group)} for order, group in groupby(members, key=lambda each: each["order"])
    ]


def _seen(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs with what a person sees of each member: ``looks`` for its colour, ``words`` for its state."""
    found = []
    for each in runs:
        is_open = RunStatus(each["status"]).is_open
        found.append(each | {"members": [member | _looks(member, is_open) for member in each["members"]]})
    return found


def _looks(member: Mapping[str, Any], is_open: bool) -> dict[str, str]:
    if member["skipped"]:
        return {"looks": "skipped", "words": "Skipped by hand"}
    if member["status"] != "pending":
        return {"looks": member["status"], "words": str(member["status"]).capitalize()}
    if member["late"]:
        return {"looks": "late", "words": "Came too late"}
    if member["event"] is not None:
        return {"looks": "early", "words": "Came, waits its turn"}
    if is_open:
        return {"looks": "expected", "words": "Expected"}
    return (
        {"looks": "missing", "words": "Missing"}
        if member["required"]
        else {"looks": "expected", "words": "Did not come"}
    )
