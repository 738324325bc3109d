"""What the server did: one entry per effect, and how often each idempotency key was sent."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MAX_EFFECTS = 10_000
"""Older effects are forgotten first, so a server that runs for weeks keeps a bounded memory."""


@dataclass(slots=True)
class Effect:
    """One thing that happened outside: money moved, a parcel booked, a message sent.

    `calls` counts the requests that carried this effect's key: 1 means it was sent once, 3 that it was sent three
    times and still happened once.
    """

    seq: int
    service: str
    key: str | None
    request: Any
    answer: Any
    at: datetime
    calls: int = 1

    def as_json(self) -> dict[str, Any]:
        """`{seq, service, idempotencyKey, calls, at, request, answer}`, camelCase, `at` in ISO 8601 UTC."""
        return {
            "seq": self.seq,
            "service": self.service,
            "idempotencyKey": self.key,
            "calls": self.calls,
            "at": self.at.isoformat(),
            "request": self.request,
            "answer": self.answer,
        }


@dataclass
class EffectLog:
    """All effects in order, newest last."""

    effects: deque[Effect] = field(default_factory=lambda: deque(maxlen=MAX_EFFECTS))
    _sequence: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def record(self, *, service: str, key: str | None, request: Any, answer: Any) -> Effect:
        """Append an effect and return it; the caller raises `calls` when the key comes again."""
        effect = Effect(next(self._sequence), service, key, request, answer, datetime.now(UTC))
        self.effects.append(effect)
        return effect

    def matching(self, *, service: str | None = None, key: str | None = None) -> list[Effect]:
        """Effects of one service and/or one idempotency key, oldest first; all of them without a filter."""
        return [
            effect
            for effect in self.effects
            if (service is None or effect.service == service) and (key is None or effect.key == key)
        ]
