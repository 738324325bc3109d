"""Events: what happened, newest first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.events.models import Event
from apps.ui import paging
from apps.ui.views.base import page


@page("view:event")
def stream(request: HttpRequest) -> HttpResponse:
    """What was recorded, the newest first."""
    found = paging.newest_first(Event.objects.all(), request, field="recorded_at")
    context = {"events": found.rows, "after": found.after, "before": found.before}
    return render(request, "ui/events/list.html", context)
