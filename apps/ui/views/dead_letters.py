"""Dead letters: what subscribers could not handle, in groups and as a list; one of them whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.auth.access import allowed
from apps.events.models import DeadLetter
from apps.events.selectors import dead_letters
from apps.events.subscribers import deferred_kinds, kinds
from apps.ui import paging
from apps.ui.dates import day_of, midnight
from apps.ui.views.base import actor, one_of, page

_S = DeadLetter.Status
STATUSES = {
    # what stands in the address → (its label, what it stands for)
    "open": ("Open", [_S.PENDING, _S.REPROCESSING]),
    "pending": ("Pending", [_S.PENDING]),
    "reprocessing": ("Being replayed", [_S.REPROCESSING]),
    "resolved": ("Resolved", [_S.RESOLVED]),
    "discarded": ("Discarded", [_S.DISCARDED]),
    "all": ("All", []),
}
KINDS = {"trigger": "Triggers", "run": "Waiting runs", "sequence": "Sequences", "webhook": "Webhooks"}
TYPES = {"TRANSIENT": "Transient", "PERMANENT": "Permanent"}
_TEXTS = {
    # parameter → (name in the selector, longest)
    "subscriberId": ("subscriber_id", 300),
    "kind": ("kind", 20),
    "pattern": ("pattern", 255),
    "errorType": ("error_type", 10),
    "errorCode": ("error_code", 100),
    "eventId": ("event_id", 255),
    "search": ("search", 200),
}
GROUPS_SHOWN = 8


@page("view:event")
def overview(request: HttpRequest) -> HttpResponse:
    """What is stuck, the latest first. `?status=`, the parameters of `_TEXTS`, `&from=&to=` (days); keyset paging."""
    user = actor(request)
    status = one_of(request.GET.get("status"), STATUSES, "open")
    texts = {name: _text(request.GET.get(name), longest) for name, (_, longest) in _TEXTS.items()}
    texts["errorType"] = one_of(texts["errorType"], TYPES)
    first, last = day_of(request.GET.get("from")), day_of(request.GET.get("to"))
    since = midnight(first) if first else None
    until = midnight(last + timedelta(days=1)) if last else None
    filters = {_TEXTS[name][0]: value for name, value in texts.items()} | {"since": since, "until": until}

    rows = dead_letters.letters(user, status=STATUSES[status][1], **filters).defer("original_event", "retry_history")
    found = paging.newest_first(rows, request, field="created_at")
    groups = dead_letters.groups(user, **{**filters, "subscriber_id": "", "error_code": ""})
    for group in groups:
        mine = (group["subscriberId"], group["errorCode"])
        group["chosen"] = mine == (texts["subscriberId"], texts["errorCode"])
    # The same choice in the words of the API, for what is done to every letter that fits.
    asked = {name: value for name, value in texts.items() if value}
    asked |= {name: moment.isoformat() for name, moment in (("since", since), ("until", until)) if moment}
    context = {
        "letters": dead_letters.briefs(found.rows),
        "after": found.after,
        "before": found.before,
        "groups": groups[:GROUPS_SHOWN],
        "more_groups": groups[GROUPS_SHOWN:],
        # Asked for one subscriber, and no group says so.
        "elsewhere": bool(texts["subscriberId"]) and not any(group["chosen"] for group in groups),
        "tally": dead_letters.tally(user, **filters),
        "under_way": dead_letters.tally(user)["reprocessing"],
        "status": status,
        "statuses": [(name, label) for name, (label, _) in STATUSES.items()],
        "kinds": [(name, KINDS.get(name, name.capitalize())) for name in (*kinds(), *deferred_kinds())],
        "types": TYPES.items(),
        "codes": sorted({group["errorCode"] for group in groups} | ({texts["errorCode"]} - {""})),
        "first": first.isoformat() if first else "",
        "last": last.isoformat() if last else "",
        "filtered": bool(asked),
        "api_filter": json.dumps(asked),
        "read_at": timezone.now().isoformat(),
        "selectable": allowed(user, "replay:event") and status in ("open", "pending", "all"),
        "bulk": {},
        **texts,
    }
    return render(request, "ui/dead_letters/list.html", context)


@page("view:event")
def detail(request: HttpRequest, letter_id: UUID) -> HttpResponse:
    """One letter: the event whole, why it failed, what was tried, and what can be done."""
    user = actor(request)
    row = dead_letters.find_letter(user, letter_id)
    [letter] = dead_letters.shown([row])
    context_of = row.error.get("context")
    violations = context_of.get("violations") if isinstance(context_of, Mapping) else None
    context = {
        "letter": letter,
        "row": row,
        "is_open": row.status in (_S.PENDING, _S.REPROCESSING),
        "kind": KINDS.get(row.kind, row.kind),
        "violations": [each for each in violations or [] if isinstance(each, Mapping)],
        "circumstances": None
        if context_of in (None, {}) or violations
        else {"value": context_of, "label": "circumstances"},
        "timeline": _timeline(row),
        "event_href": reverse("ui:event", args=[row.event_id]),
        "document": {"value": row.original_event, "label": "event"},
        "may_replay": allowed(user, "replay:event"),
        "verbs": {
            "letterId": str(row.id),
            "subscriber": letter["subscriber"]["label"],
            "status": row.status,
            "scheduled": row.status == _S.PENDING and row.replay_at is not None,
        },
    }
    return render(request, "ui/dead_letters/detail.html", context)


def _timeline(row: DeadLetter) -> list[dict[str, Any]]:
    """What happened to the letter, in order: {at, title, note, tone}."""
    found: list[dict[str, Any]] = [
        {"at": row.recorded_at, "title": "Recorded", "note": f"in the queue {row.queue}", "tone": ""}
    ]
    for entry in row.retry_history:
        error = entry.get("error") or {}
        code = error.get("code") or ""
        found.append(
            {
                "at": _moment(entry.get("at")),
                "title": f"Attempt {entry.get('attempt', '?')} failed",
                "note": error.get("message", ""),
                "code": code,
                "tone": "FAILED",
            }
        )
    by = f" by {row.replay_by}" if row.replay_by else ""
    if row.status == _S.PENDING and row.replay_at is not None:
        found.append({"at": row.replay_at, "title": "Will be replayed", "note": f"asked for{by}", "tone": "pending"})
    elif row.status == _S.REPROCESSING:
        found.append({"at": row.updated_at, "title": f"Replay asked for{by}", "note": "", "tone": "reprocessing"})
    if (ended := row.resolution) is not None:
        who = ended.get("resolvedBy")
        found.append(
            {
                "at": _moment(ended.get("timestamp")),
                "title": _ENDS.get(ended.get("strategy"), "Over") + (f" by {who}" if who else ""),
                "note": ended.get("notes") or "",
                "tone": row.status,
            }
        )
    return found


_ENDS: dict[Any, str] = {
    "automatic_retry": "Handled when it was tried again",
    "manual_retry": "Handled in a replay asked for",
    "manual_resolution": "Resolved by other means",
    "discard": "Discarded",
}


def _moment(text: Any) -> datetime | None:
    try:
        return parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _text(given: str | None, longest: int) -> str:
    return (given or "").strip().replace("\x00", "")[:longest]
