"""Waiting for what must come true, with a deadline: no test sleeps a fixed time and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 30.0, what: object = "", every: float = 0.02) -> T:
    """Ask until the answer is true, and return it. AssertionError after ``within`` seconds, with ``what`` and the last answer.

    ``what`` may be a function: it is called when time is up, to say how things stand.
    """
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            said = what() if callable(what) else what
            raise AssertionError(f"Not within {within:g} s: {said or condition} (last answer {found!r})")
        time.sleep(every)
        every = min(every * 1.3, 0.5)
