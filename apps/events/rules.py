"""Event patterns: dot-separated segments, ``*`` stands for exactly one, ``**`` for any number."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def fits(pattern: str, name: str) -> bool:
    """Whether an event recorded under ``name`` is one that ``pattern`` asks for.

    ``bookings.*`` fits bookings.created, ``**.created`` fits created and a.b.created, ``finance.**`` fits finance.
    """
    wanted, given = pattern.split("."), name.split(".")
    # Dynamic programming over prefixes: no pattern makes it slower than segments times segments.
    reach = {0}
    for segment in wanted:
        if segment == "**":
            reach = set(range(min(reach), len(given) + 1)) if reach else set()
        else:
            reach = {at + 1 for at in reach if at < len(given) and segment in ("*", given[at])}
    return len(given) in reach
