"""The same `Idempotency-Key` gives the same answer and no second effect.

1. Without a key every request is an effect of its own.
2. The first request with a key does the work; others with that key wait for it, then get its answer with the header
   `Idempotent-Replay: true`.
3. A key that comes with another body or for another service is answered 409: the sender mixed something up.
4. An answer of 500 or more is not kept, nor is one that the sender did not wait for: the next attempt tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from examples.server.effects import Effect, EffectLog

MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service says: an HTTP status and a JSON body. `effect` is false when nothing happened (a refusal)."""

    body: dict[str, Any]
    status: int = 200
    effect: bool = True


@dataclass(slots=True)
class _Kept:
    fingerprint: str
    answer: Answer
    effect: Effect | None


@dataclass
class IdempotentCalls:
    """Runs each keyed request at most once and remembers its answer (the last `MAX_KEYS` of them)."""

    log: EffectLog
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def run(
        self, *, service: str, key: str | None, request: Any, work: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """Return the answer and whether it is a replay of an earlier one."""
        if key is None:
            answer = await work()
            self._record(service, None, request, answer)
            return answer, False
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._run_once(service, key, request, work)
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    async def _run_once(
        self, service: str, key: str, request: Any, work: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        fingerprint = _fingerprint(service, request)
        kept = self._kept.get(key)
        if kept is not None:
            if kept.fingerprint != fingerprint:
                return _key_reused(key), False
            if kept.effect is not None:
                kept.effect.calls += 1
            return kept.answer, True
        answer = await work()
        if answer.status < 500:
            self._kept[key] = _Kept(fingerprint, answer, self._record(service, key, request, answer))
            if len(self._kept) > MAX_KEYS:
                self._kept.popitem(last=False)
        return answer, False

    def _record(self, service: str, key: str | None, request: Any, answer: Answer) -> Effect | None:
        if answer.status >= 400 or not answer.effect:
            return None
        return self.log.record(service=service, key=key, request=request, answer=answer.body)


def _key_reused(key: str) -> Answer:
    return Answer(
        {"code": "IDEMPOTENCY_KEY_REUSED", "message": f"The key {key!r} was used for a different request."}, status=409
    )


def _fingerprint(service: str, request: Any) -> str:
    text = json.dumps([service, request], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
