"""Event patterns: dot-separated segments, ``*`` stands for exactly one, ``**`` for any number. Paths into an event."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


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


def ends_of(pattern: str) -> tuple[str, str]:
    """The literal words before the first wildcard of a pattern and those after its last; both are all of it without one.

    ``bookings.*.paid`` → ("bookings", "paid"); ``**`` → ("", "").
    """
    words = pattern.split(".")
    wild = [at for at, word in enumerate(words) if word in ("*", "**")]
    if not wild:
        return pattern, pattern
    return ".".join(words[: wild[0]]), ".".join(words[wild[-1] + 1 :])


def value_at(document: Any, path: str) -> tuple[bool, Any]:
    """What lies at a path like ``payload.items[0].id`` in a JSON value: whether anything does, and what."""
    value = document
    for word in _words(path):
        if isinstance(word, int):
            if not isinstance(value, list) or not 0 <= word < len(value):
                return False, None
            value = value[word]
        elif not isinstance(value, dict) or word not in value:
            return False, None
        else:
            value = value[word]
    return True, value


@lru_cache(maxsize=4096)
def _words(path: str) -> tuple[str | int, ...]:
    return tuple(int(number) if number else word for number, word in _WORD.findall(path))


LONGEST_DELAY = timedelta(hours=1)


def backoff(attempt: int, first: timedelta, asked: float | None = None) -> timedelta:
    """How long to wait after the ``attempt``-th try (from 1) has failed: doubled each time, a fifth more or less by chance.

    ``asked``: seconds that the other side wants to be left alone for; never less than that, an hour at most.
    """
    doubled = min(first * 2 ** min(attempt - 1, 30), LONGEST_DELAY)
    spread: timedelta = doubled * random.uniform(0.8, 1.2)  # noqa: S311  no secret
    return min(max(spread, timedelta(seconds=asked or 0)), LONGEST_DELAY)


def regex_of(pattern: str) -> str:
    """A regular expression, as Postgres and Python read it, of the names that a pattern fits."""
    pieces, begun = [], False
    for word in pattern.split("."):
        if word == "**":
            pieces.append(r"(\.[^.]+)*" if begun else "WILD")
            continue
        piece = "[^.]+" if word == "*" else re.escape(word)
        pieces.append(rf"\.{piece}" if begun else piece)
        begun = True
    # Where a pattern begins with **, its first word may be the name's first or follow others.
    text = "".join(pieces)
    if not begun:
        return "^.*$"
    return f"^{re.sub('^(WILD)+', '([^.]+[.])*', text)}$"
