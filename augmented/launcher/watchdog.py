"""Restarts a worker that is alive and has stopped consuming, which has been seen after Redis resets.

Beat sends small jobs to the queue `control` every second, so a queue that only grows says that nobody reads it, whatever
the worker's process looks like. Nothing is lost by a restart: what the worker held is taken back when its leases end.

    python -m augmented.launcher.watchdog SUPERVISOR_SOCKET
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import redis

from augmented.launcher.supervise import control_of
from augmented.launcher.wait import end_with_parent

QUEUE = "control"
LOOK_EVERY = 10.0  # seconds
# Four jobs a second: half a minute's worth. A worker that is merely busy reads between two turns of five seconds.
TOO_MANY = 120
LOOKS = 3  # in a row, each with more than the one before


class Backlog:
    """Decides from the length of the queue at each look; a length of None is a Redis that did not answer."""

    def __init__(self) -> None:
        self._seen: list[int] = []

    def is_stuck(self, length: int | None) -> bool:
        """True when the queue has been too long and growing for LOOKS looks; starts over after that."""
        if length is None or length < TOO_MANY or (self._seen and length <= self._seen[-1]):
            self._seen.clear()
        if length is not None and length >= TOO_MANY:
            self._seen.append(length)
        if len(self._seen) < LOOKS:
            return False
        self._seen.clear()
        return True


def watch(length: Callable[[], int | None], restart: Callable[[], None]) -> None:
    """Without end."""
    backlog = Backlog()
    while True:
        time.sleep(LOOK_EVERY)
        if backlog.is_stuck(length()):
            print(
                f"The queue {QUEUE} has only grown for {LOOKS * LOOK_EVERY:.0f} s: restarting the worker.", flush=True
            )
            restart()


def main(arguments: list[str]) -> int:
    end_with_parent()
    client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=3)
    queue = os.environ.get("AUGMENTED_BROKER_PREFIX", "") + QUEUE

    def length() -> int | None:
        try:
            return int(client.llen(queue))
        except redis.RedisError:
            return None

    def restart() -> None:
        supervisor = control_of(arguments[0])
        supervisor.stopProcess("worker")
        supervisor.startProcess("worker")

    watch(length, restart)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
