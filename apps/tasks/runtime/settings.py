"""The worker runtime's settings, with what they mean."""

from __future__ import annotations

from django.conf import settings


def lease_seconds() -> float:
    """How long a worker may hold a task without a sign of life."""
    return float(settings.AUGMENTED_LEASE_SECONDS)


def max_claims() -> int:
    """How often a task is begun anew after its worker went away, before it counts as failed."""
    return int(settings.AUGMENTED_MAX_CLAIMS)


def io_concurrency() -> int:
    """How many tasks one worker process has in flight."""
    return int(settings.AUGMENTED_IO_CONCURRENCY)
