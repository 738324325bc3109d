"""Which slot a run takes where a workflow limits how many of its runs may be under way at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from .plan import Concurrency

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """Runs of a workflow with the same ``key`` share ``capacity`` slots. ``on_conflict``: QUEUE, REJECT, CANCEL_RUNNING."""

    key: str
    capacity: int
    on_conflict: str


def claim_of(concurrency: Concurrency, value: Any, instance: Mapping[str, Any] | None = None, now: Any = None) -> Claim:
    """The claim of a run that starts with the input ``value``. ``instance``: what ``workflow.instance`` shows of it.

    Raises the expression language's error when the key cannot be had from that input.
    """
    if concurrency.key is None:
        return Claim("", concurrency.limit, concurrency.on_conflict)
    context = {
        "input": value,
        "vars": {},
        "steps": {},
        "workflow": {"instance": dict(instance or {}), "cancellation": {}},
        "now": now,
    }
    text = json.dumps(concurrency.key.evaluate(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(text) > LONGEST_KEY:
        text = text[:100] + "… " + blake2b(text.encode(), digest_size=16).hexdigest()
    return Claim(text, concurrency.limit, concurrency.on_conflict)
