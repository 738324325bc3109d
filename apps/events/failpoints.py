"""Named places where a test may make this process die, sleep or raise. Nothing in production.

``FAILPOINT=name:nth:action`` with action ``kill`` (SIGKILL to itself), ``sleep`` (60 s) or ``raise``; the nth time the place
is passed. Several, separated by commas. Only read when ``AUGMENTED_MODE`` is not ``production``.
"""

from __future__ import annotations

import os
import signal
import time


class FailpointReached(Exception):
    """What the action ``raise`` raises."""


def _parse(text: str) -> dict[str, tuple[int, str]]:
    points = {}
    for part in filter(None, text.split(",")):
        name, nth, action = part.split(":")
        points[name] = (int(nth), action)
    return points


_points = {} if os.environ.get("AUGMENTED_MODE") == "production" else _parse(os.environ.get("FAILPOINT", ""))
_passed: dict[str, int] = {}


def _failpoint(name: str) -> None:
    if name not in _points:
        return
    _passed[name] = _passed.get(name, 0) + 1
    nth, action = _points[name]
    if _passed[name] != nth:
        return
    os.write(2, f"failpoint {name}: {action}\n".encode())  # at once: whoever is killed flushes nothing
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "sleep":
        time.sleep(60)
    else:
        raise FailpointReached(name)


def _nothing(name: str) -> None:
    pass


failpoint = _failpoint if _points else _nothing
