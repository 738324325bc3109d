"""Wait for what a process needs, then become that process.

    python -m augmented.launcher.wait [--for FILE …] -- COMMAND …

Postgres (DATABASE_URL) and Redis (REDIS_URL) must answer and the given files exist. A supervisor's order of starting says
nothing about readiness; this does. The process also asks the kernel for a SIGTERM should its supervisor die.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

POLL_EVERY = 0.1  # seconds
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Does not return when all goes well: the process is replaced. 1 when the command cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m augmented.launcher.wait")
    parser.add_argument("--for", dest="files", action="append", default=[], type=Path, metavar="FILE")
    parser.add_argument("--no-servers", action="store_true", help="do not wait for Postgres and Redis")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    end_with_parent()
    while not all(file.exists() for file in options.files):
        time.sleep(POLL_EVERY)
    if not options.no_servers:
        wait_for_servers()
    try:
        os.execvp(options.command[0], options.command)
    except OSError as error:
        print(f"Cannot run {options.command[0]}: {error}", file=sys.stderr)
    return 1


def wait_for_servers() -> None:
    """Return when both answer. Without end: the supervisor stops a process that nobody wants any more."""
    import psycopg
    import redis

    while True:
        try:
            psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3).close()
            client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=3)
            client.ping()
            client.close()
        except (psycopg.OperationalError, redis.RedisError):
            time.sleep(POLL_EVERY)
        else:
            return


def end_with_parent() -> None:
    """SIGTERM when the parent dies, even by SIGKILL: nothing is left running without its supervisor."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
