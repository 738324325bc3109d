"""Queues of events: how full they are and how fast they go; one of them with charts, settings and verbs."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.auth.access import allowed
from apps.auth.models import User
from apps.events.models import EventQueue
from apps.events.selectors import queues
from apps.ui import paging
from apps.ui.views.base import actor, page

HIGH = 0.7
"""The share of the watermark from which on a queue is shown as filling up."""


@page("view:operations")
def overview(request: HttpRequest) -> HttpResponse:
    """Every queue, the default one first. `?new` opens the form."""
    user = actor(request)
    context = {
        "queues": _told(user, queues.queues(user)),
        "may_operate": allowed(user, "operate:queue"),
        "form": {"queue": None},
        "verbs": {},
        "creating": allowed(user, "operate:queue") and "new" in request.GET,
    }
    return render(request, "ui/queues/list.html", context)


@page("view:operations")
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """One queue: figures, charts of the last hours, settings, checkpoints, and its verbs."""
    user = actor(request)
    [about] = _told(user, queues.shown([queues.find_queue(user, key)]))
    marks = paging.newest_first(queues.checkpoints(user, key), request, field="created_at", size=10)
    context = {
        "queue": about,
        "is_default": key == EventQueue.DEFAULT,
        "may_operate": allowed(user, "operate:queue"),
        "verbs": {},
        "charts": {"queueId": key, "highWatermark": about["config"]["highWatermark"]},
        "form": {
            "queue": {name: about[name] for name in ("id", "patterns", "config", "revision")},
            "waiting": about["queueMetrics"]["depth"],
        },
        "checkpoints": marks.rows,
        "after": marks.after,
        "before": marks.before,
    }
    return render(request, "ui/queues/detail.html", context)


def _told(user: User, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Queues with what a page says of them beside their figures."""
    lately = queues.lately(user, [each["id"] for each in found])
    return [_with_words(each, lately[each["id"]]) for each in found]


def _with_words(queue: dict[str, Any], minutes: list[tuple[int, int]]) -> dict[str, Any]:
    metrics, watermark = queue["queueMetrics"], int(queue["config"]["highWatermark"])
    depth = metrics["depth"]
    full = depth >= watermark
    return {
        **queue,
        "state": "drained" if queue["isDrained"] else queue["status"],
        "isFull": full,
        "watermark": watermark,
        "watermarkWords": f"{watermark:,}",
        "depthWords": f"{depth:,}",
        "hourWords": f"{sum(processed for processed, _ in minutes):,}",
        "totalWords": f"{metrics['totalProcessed']:,}",
        "level": "full" if full else "high" if depth >= HIGH * watermark else "",
        "oldest": span(metrics["oldestAgeMs"]) if depth else "",
        "average": span(metrics["avgProcessingTimeMs"]) if metrics["totalProcessed"] else "",
        # This minute is not over, so the one before says how fast it goes.
        "perMinute": minutes[-2][0],
        "hour": sum(processed for processed, _ in minutes),
        "errorsInHour": sum(errors for _, errors in minutes),
        "spark": _spark(minutes),
        "verbs": json.dumps(
            {
                "id": queue["id"],
                "status": queue["status"],
                "isDrained": queue["isDrained"],
                "isDefault": queue["id"] == EventQueue.DEFAULT,
                "depth": depth,
                "highWatermark": watermark,
                "retrying": metrics["retrying"],
            }
        ),
    }


def _spark(minutes: list[tuple[int, int]]) -> list[dict[str, int]]:
    """Bars of the minutes in which something was routed, in a field of 100 by 100."""
    top = max((processed for processed, _ in minutes), default=0)
    return [
        {"x": place, "y": 100 - height, "height": height, "errors": errors}
        for place, (processed, errors) in enumerate(minutes)
        if processed or errors
        for height in [max(4, round(100 * processed / top)) if top else 4]
    ]


def span(milliseconds: float) -> str:
    """`8 ms`, `1.2 s`, `3 min`, `2 h`, `4 d`."""
    if milliseconds < 1_000:
        return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return ""
