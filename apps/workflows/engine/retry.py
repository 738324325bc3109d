"""When a failed attempt is tried again. Pure; the tasks app uses it for tasks that run on their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any

LONGEST = 36_525 * 86_400.0
"""Seconds; a hundred years, as durations have it. What a policy multiplies further up would be no date any more."""

Duration = Callable[[str], timedelta]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_attempts`` counts the first one too. Delays in seconds. Empty ``errors`` = every retryable error."""

    max_attempts: int = 1
    delay: float = 1.0
    exponential: bool = False
    multiplier: float = 2.0
    max_delay: float | None = None
    jitter: float = 0.0
    errors: frozenset[str] = frozenset()

    def delay_after(
        self, attempt: int, *, error_type: str, error_code: str, retryable: bool, seed: str
    ) -> float | None:
        """Seconds until the attempt after number ``attempt``, or None when there shall be none.

        An error named in ``errors`` (by type or code) is retried whatever it says of itself; with no names, those that
        call themselves retryable are. ``jitter`` spreads the delay by up to that share, the same for the same seed.
        """
        if attempt >= self.max_attempts:
            return None
        if self.errors:
            if error_type not in self.errors and error_code not in self.errors:
                return None
        elif not retryable:
            return None
        delay = self.delay
        if self.exponential:
            # A cap on the exponent keeps a policy with thousands of attempts from overflowing a float.
            delay *= self.multiplier ** min(attempt - 1, 64)
        if self.max_delay is not None:
            delay = min(delay, self.max_delay)
        if self.jitter:
            digest = blake2b(f"{seed}:{attempt}".encode(), digest_size=4).digest()
            delay *= 1 + self.jitter * (int.from_bytes(digest, "big") / 0xFFFFFFFF * 2 - 1)
        return min(max(delay, 0.0), LONGEST)


DEFAULT = RetryPolicy(max_attempts=3, delay=1.0)
"""What ``onFailure: {action: retry}`` means when no retryPolicy is written."""


def parse_retry_policy(document: Mapping[str, Any] | None, duration: Duration) -> RetryPolicy | None:
    """The step dialect {maxAttempts, delay, strategy, …} or the task dialect {maxRetries, retryInterval ms, …}."""
    if not document:
        return None
    errors = frozenset(document.get("retryableErrors", ()))
    if "maxRetries" in document or "retryInterval" in document:
        multiplier = float(document.get("backoffMultiplier", 1.0))
        cap = document.get("maxRetryInterval")
        return RetryPolicy(
            max_attempts=int(document.get("maxRetries", 3)) + 1,
            delay=float(document.get("retryInterval", 1000)) / 1000,
            exponential=multiplier != 1.0,
            multiplier=multiplier,
            max_delay=None if cap is None else float(cap) / 1000,
            errors=errors,
        )
    cap = document.get("maxDelay")
    jitter = document.get("jitter", 0)
    return RetryPolicy(
        max_attempts=int(document.get("maxAttempts", 3)),
        delay=duration(document.get("delay", "PT1S")).total_seconds(),
        exponential=document.get("strategy", "fixed") == "exponential",
        multiplier=float(document.get("multiplier", 2.0)),
        max_delay=None if cap is None else duration(cap).total_seconds(),
        jitter=0.5 if jitter is True else float(jitter or 0),
        errors=errors,
    )
