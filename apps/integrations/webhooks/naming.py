"""What a webhook's events are called, and its own name where its author gave none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

EVENT_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,31}")
ANYTHING = "**"


def key_of(document: Mapping[str, Any]) -> str:
    """The webhookId; by default made of the path: ``orders/new`` → ``orders-new``."""
    given = document.get("webhookId")
    if given:
        return str(given)
    made = str(document["path"]).replace("/", "-")
    return made if made[:1].isalpha() else f"hook-{made}"


def pattern_of(document: Mapping[str, Any]) -> str:
    """The pattern, or the template of it."""
    return str(document.get("eventPattern") or "webhooks." + str(document["path"]).replace("/", "."))


def awaited_pattern(document: Mapping[str, Any]) -> str:
    """A pattern that fits every event of the webhook."""
    pattern = pattern_of(document)
    if "${" not in pattern:
        return pattern
    words = pattern.partition("${")[0].split(".")[:-1]  # the last may go on inside the expression
    return ".".join([*words, ANYTHING])
