"""Tags of every page: built files, icons, islands, and small words about times and states."""

from __future__ import annotations

import json
import re
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.ui import assets, navigation

register = template.Library()

THEMES = {"light": "augmented", "dark": "augmented-dark"}


@register.simple_tag
def vite_asset(source: str) -> SafeString:
    """Links to a built entry: styles, preloads, script. `{% vite_asset "src/main.ts" %}`"""
    entry = assets.entry(source)
    return format_html(
        '{}{}<script type="module" src="{}"></script>',
        format_html_join("", '<link rel="stylesheet" href="{}">', ((href,) for href in entry.styles)),
        format_html_join("", '<link rel="modulepreload" href="{}">', ((href,) for href in entry.preloads)),
        entry.script,
    )


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A lucide icon, drawn in the text's colour; says nothing to screen readers. `{% icon "play" %}`"""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>',
        extra,
        mark_safe(assets.icon(name)),  # noqa: S308 - from our own build, never from data
    )


_COLOUR = re.compile(r"^#[0-9A-Fa-f]{6}$")
EVENT_ICON = "zap"


@register.simple_tag
def event_emblem(name: str | None = None, colour: str | None = None, extra: str = "") -> SafeString:
    """The icon of an event definition in its colour, on a faint square; ours where the author's choice is not known."""
    drawn = assets.icon(name if name and assets.has_icon(name) else EVENT_ICON)
    # An attribute, which our styles build on: the content security policy refuses inline styles.
    tone = format_html(' color="{}"', colour) if colour and _COLOUR.match(colour) else ""
    return format_html(
        '<svg class="event-emblem {}" viewBox="0 0 40 40" aria-hidden="true"{}>'
        '<rect width="40" height="40" rx="10"/><g transform="translate(9.2 9.2) scale(0.9)">{}</g></svg>',
        extra,
        tone,
        mark_safe(drawn),  # noqa: S308 - from our own build, never from data
    )


@register.simple_tag
def island(name: str, props: dict[str, Any]) -> SafeString:
    """The place of an island and its data. `{% island "instance" props %}` mounts frontend/islands/instance."""
    data = json.dumps(props, cls=DjangoJSONEncoder)
    return format_html('<div data-island="{}" data-props="{}"></div>', name, data)


@register.simple_tag(takes_context=True)
def theme_attribute(context: template.Context) -> SafeString:
    """`data-theme` as the cookie says; nothing when the system decides."""
    request = context.get("request")
    name = THEMES.get(request.COOKIES.get("theme", "")) if isinstance(request, HttpRequest) else None
    return format_html(' data-theme="{}"', name) if name else SafeString("")


@register.inclusion_tag("ui/parts/sidebar.html", takes_context=True)
def sidebar(context: template.Context) -> dict[str, Any]:
    """The navigation as this person may use it."""
    request: HttpRequest = context["request"]
    return {
        "request": request,
        "user": request.user,
        "entries": navigation.entries(request.user, request.path),
    }


@register.simple_tag(takes_context=True)
def event_pages(context: template.Context) -> list[navigation.Place]:
    """The pages about events that this person may open, for the tabs on top of each."""
    request: HttpRequest = context["request"]
    return navigation.event_pages(request.user, request.path)


@register.simple_tag(takes_context=True)
def query_with(context: template.Context, **changes: Any) -> str:
    """The query of this page with some parameters changed; None or "" takes one away. Paging starts afresh."""
    query: QueryDict = context["request"].GET.copy()
    for name in ("after", "before"):
        query.pop(name, None)
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.filter
def words(value: str) -> str:
    """`WAITING_FOR_EVENT` → `Waiting for event`, `webhookSubscription` → `Webhook subscription`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(value)).replace("_", " ").capitalize()


@register.filter
def marked(sentence: str) -> SafeString:
    """A sentence of the platform with what stands in backticks set as code."""
    parts = str(sentence).split("`")
    if len(parts) % 2 == 0:  # a value has a backtick of its own
        return format_html("{}", sentence)
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>" if i % 2 else "{}", p),) for i, p in enumerate(parts))
    )


@register.filter
def initials(name: str) -> str:
    """Up to two letters that stand for a person."""
    parts = str(name).split()
    letters = (parts[0][:1] + parts[-1][:1]) if len(parts) > 1 else str(name)[:2]
    return letters.upper()
