"""Time-ordered identifiers (UUID version 7, RFC 9562), which Python's own ``uuid`` gains only in 3.14."""

from __future__ import annotations

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new UUID that sorts by creation time to about a quarter of a microsecond.

    48 bits of milliseconds, 12 bits of the fraction within the millisecond, 62 random bits.
    Rows written together lie together in a b-tree, which keeps inserts cheap in large tables.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | noise)
