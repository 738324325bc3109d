"""Helpers that read pages the way people do."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from django.http import HttpResponse


def text_of(response: HttpResponse) -> str:
    """What stands on the page, without markup."""
    body = re.sub(r"<[^>]*>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(body))


def island(response: HttpResponse, name: str) -> dict[str, Any]:
    """The data that an island is given."""
    match = re.search(rf'data-island="{name}" data-props="([^"]*)"', response.content.decode())
    assert match is not None, f"the page has no island {name}"
    found: dict[str, Any] = json.loads(html.unescape(match.group(1)))
    return found


def links(response: HttpResponse) -> list[str]:
    return [html.unescape(href) for href in re.findall(r'href="([^"]*)"', response.content.decode())]
