"""`test`, `faults`, `bench` and `with-servers`: a command beside servers of its own, of which nothing is left at the end.

`with-servers COMMAND …` runs any command with DATABASE_URL and REDIS_URL set; the others are built on it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from augmented.launcher import browser
from augmented.launcher.places import PYTHON, ROOT, VENV
from augmented.launcher.progress import LaunchError, step
from augmented.launcher.servers import running
from augmented.launcher.supervise import MARK, clear_leftovers


def test(rest: list[str]) -> int:
    """The whole suite, browser tests included. `rest` goes to pytest."""
    return _with_servers([str(PYTHON), "-m", "pytest", *rest], durable=False, extra=browser.environment())


def faults(rest: list[str]) -> int:
    """The long versions of the fault tests, on servers that fsync."""
    command = [str(PYTHON), "-m", "pytest", "-m", "faults", *rest]
    return _with_servers(command, durable=True, extra={"AUGMENTED_FAULTS": "long"})


def bench(rest: list[str]) -> int:
    """The benchmarks, on servers that fsync."""
    return _with_servers([str(PYTHON), "-m", "benchmarks", *rest], durable=True)


def with_servers(rest: list[str]) -> int:
    if not rest:
        raise LaunchError("usage: python3 -m augmented.launcher with-servers COMMAND …")
    return _with_servers(rest, durable=False)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "test": test,
    "faults": faults,
    "bench": bench,
    "with-servers": with_servers,
}


def _with_servers(command: list[str], *, durable: bool, extra: dict[str, str] | None = None) -> int:
    """The command's exit code. Its servers live in a directory of their own, which is removed."""
    signal.signal(signal.SIGTERM, _interrupt)
    place = Path(tempfile.mkdtemp(prefix="augmented-"))  # short: sockets lie in it
    environment = {
        **os.environ,
        **(extra or {}),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "AUGMENTED_VAR": str(place),
        MARK: str(place),
    }
    try:
        with ExitStack() as stack:
            if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
                with step("Starting servers for this run"):
                    servers = stack.enter_context(running(place, durable=durable))
                environment |= {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
            return _run(command, environment)
    finally:
        clear_leftovers(place)  # processes that a test started and that outlived it
        shutil.rmtree(place, ignore_errors=True)


def _run(command: list[str], environment: dict[str, str]) -> int:
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    print("Stopping.", file=sys.stderr)
    raise KeyboardInterrupt
