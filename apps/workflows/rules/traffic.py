"""Which of several versions a new run begins on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b


def choose(shares: Sequence[tuple[str, int]], seed: str) -> str:
    """The version that a seed falls to. ``shares``: (version, percent), the newest version first, adding to 100.

    The same seed falls to the same version while the shares stay as they are, and one that fell to the newest still does
    when only the newest one's share grows.
    """
    bucket = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) % 100
    for version, share in shares:
        bucket -= share
        if bucket < 0:
            return version
    return shares[-1][0]


def problems(shares: Mapping[str, int], published: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """What is wrong with a split, as (code, version or "", message, hint)."""
    found = [
        ("version-not-published", version, f"There is no published version {version}.", _known(published))
        for version in shares
        if version not in published
    ]
    if (total := sum(shares.values())) != 100:
        found.append(("shares-must-add-to-100", "", f"The shares add to {total}; they must add to 100.", ""))
    return found


def _known(published: Sequence[str]) -> str:
    return "Published are " + ", ".join(published) + "." if published else "Nothing is published yet."
