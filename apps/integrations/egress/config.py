"""The settings of the client, each with its default."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from aiohttp import ClientTimeout
from django.conf import settings

from .allowlist import AllowList, compile_allow

MAX_REDIRECTS = 5
KEEPALIVE_SECONDS = 30
DNS_CACHE_SECONDS = 10


def allow_list(per_call: Iterable[str] = ()) -> AllowList:
    """AUGMENTED_EGRESS_ALLOW (patterns of `allowlist`, default none) together with those of one call."""
    return compile_allow((*getattr(settings, "AUGMENTED_EGRESS_ALLOW", ()), *per_call))


def max_bytes() -> int:
    """AUGMENTED_EGRESS_MAX_BYTES: cap on a response body, default 1 MB."""
    return int(getattr(settings, "AUGMENTED_EGRESS_MAX_BYTES", 1_048_576))


def max_connections() -> int:
    """AUGMENTED_EGRESS_CONNECTIONS: open connections per process, to one host or many, default 1,000."""
    return int(getattr(settings, "AUGMENTED_EGRESS_CONNECTIONS", 1_000))


@lru_cache(maxsize=256)
def timeouts(total: float, connect: float | None = None, read: float | None = None) -> ClientTimeout:
    """Seconds. `connect` and `read` (between two arrivals of bytes) default to 10 and 30.

    `total` is not in it: the client holds it over redirects with one timer of its own, and leaves out a `read` that
    could not pass before it.
    """
    read = 30.0 if read is None else read
    return ClientTimeout(
        total=None,
        sock_connect=min(total, 10.0 if connect is None else connect),
        sock_read=read if read < total else None,
    )
