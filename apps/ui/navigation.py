"""Where a person may go: the sidebar and the palette show the same places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.urls import NoReverseMatch, reverse

from apps.auth.access import permitted_scopes
from apps.tasks import selectors as tasks


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation. ``key`` is typed after `g`; ``count`` None: nothing is counted there."""

    label: str
    href: str
    icon: str
    key: str
    current: bool = False
    count: int | None = None
    alert: bool = False


_PLACES = (
    # label, url name, icon, key, permission (any scope)
    ("Home", "ui:home", "house", "h", None),
    ("Tasks", "ui:tasks", "inbox", "t", "view:task"),
    ("Workflows", "ui:workflows", "workflow", "w", "view:workflow"),
    ("Runs", "ui:instances", "activity", "i", "view:instance"),
    ("Events", "ui:events", "zap", "e", "view:event"),
    ("Schedules", "ui:schedules", "calendar-clock", "s", "view:schedule"),
)


_ELSEWHERE = {"ui:workflows": ("ui:import",)}
"""Pages that belong to a place and have an address of their own."""


def _within(name: str) -> list[str]:
    return [reverse(each) for each in (name, *_ELSEWHERE.get(name, ()))]


def entries(user: Any, path: str) -> list[Place]:
    """The places of `user`, the one that `path` lies in marked, tasks with how many are open to them."""
    return list(_entries(user, path))


def _entries(user: Any, path: str) -> Iterator[Place]:
    for label, name, icon, key, permission in _PLACES:
        if permission is not None and not permitted_scopes(user, permission):
            continue
        href = reverse(name)
        here = (
            path == href if href == "/" else any(path == each or path.startswith(f"{each}/") for each in _within(name))
        )
        if name != "ui:tasks":
            yield Place(label, href, icon, key, here)
            continue
        counts = tasks.box_counts(user)
        yield Place(label, href, icon, key, here, counts["my"] + counts["group"], counts["overdue"] > 0)


_EVENT_PAGES = (
    # label, url name, permission (any scope)
    ("Stream", "ui:events", "view:event"),
    ("Definitions", "ui:event-definitions", "view:event"),
    ("Triggers", "ui:triggers", "view:trigger"),
    ("Queues", "ui:queues", "view:operations"),
    ("Dead letters", "ui:dead-letters", "view:event"),
    ("Sequences", "ui:sequences", "view:event"),
    ("Webhooks", "ui:webhooks", "view:webhook"),
)


def event_pages(user: Any, path: str) -> list[Place]:
    """The pages about events that `user` may open, the one that `path` lies in marked."""
    found = []
    for label, name, permission in _EVENT_PAGES:
        try:
            href = reverse(name)
        except NoReverseMatch:
            continue
        if permitted_scopes(user, permission):
            found.append(Place(label, href, "", "", path == href or path.startswith(f"{href}/")))
    # The story of one event lies below the stream, as all other pages do by their address.
    inner = any(place.current for place in found[1:])
    return [replace(place, current=place.current and not (inner and place is found[0])) for place in found]
