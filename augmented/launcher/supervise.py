"""supervisord as a child process: start, watch, stop; and the clearing away of what an earlier, killed run left."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

from augmented.launcher.places import PYTHON, VENV
from augmented.launcher.programs import Program, configuration
from augmented.launcher.progress import LaunchError, tail
from augmented.launcher.wait import end_with_parent

# Stands in the environment of every process of a run, so that a later run can tell whose they are.
MARK = "AUGMENTED_RUN"
CONTROL_SOCKET = "supervisor.sock"
STOP_WITHIN = 120.0  # seconds; above the sum of what the programs may take


class Supervisor:
    """One supervisord in the foreground, in a session of its own: a Ctrl-C at the terminal reaches only the launcher."""

    def __init__(self, programs: list[Program], *, var: Path, sockets: Path, environment: dict[str, str]) -> None:
        self.var = var
        self.control = sockets / CONTROL_SOCKET
        self.file = var / "supervisord.conf"
        self.log = var / "log" / "supervisord.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(configuration(programs, var=var, control_socket=self.control))
        self.environment = {**environment, MARK: str(var)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.var / "log" / "supervisord.out").open("wb") as sink:
            self.process = subprocess.Popen(
                [PYTHON, VENV / "bin" / "supervisord", "-c", self.file],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                env=self.environment, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def check(self) -> None:
        """Raises LaunchError with the end of the log when supervisord has ended or has given a program up."""
        if self.ended():
            raise LaunchError(f"The supervisor ended. The end of {self.log}:\n\n{tail(self.log)}")
        for name in self.given_up():
            log = self.var / "log" / f"{name}.log"
            raise LaunchError(f"{name} does not start. The end of {log}:\n\n{tail(log)}")

    def given_up(self) -> list[str]:
        """Names of the programs that supervisord no longer tries to start."""
        return [info["name"] for info in self._states() if info["statename"] == "FATAL"]

    def stop(self) -> None:
        """Stop all programs in order and wait for the end of the last."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            clear_leftovers(self.var)

    def _states(self) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = control_of(str(self.control)).getAllProcessInfo()
        except OSError:  # not up yet, or on its way down
            return []
        return found


def control_of(control_socket: str) -> Any:
    """The remote interface of the supervisord at that socket; its calls raise OSError while it does not answer."""
    from supervisor.xmlrpc import SupervisorTransport

    proxy: Any = ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{control_socket}"))
    return proxy.supervisor


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold var/ for this process. Raises LaunchError when another run holds it; a dead one's hold is gone with it."""
    var.mkdir(parents=True, exist_ok=True)
    try:
        lock = (var / "run.lock").open("a+")
    except PermissionError as error:
        raise LaunchError(
            f"{var} belongs to another user. Remove it, or name another place: AUGMENTED_VAR=…"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise LaunchError(f"It is running already, as process {holder}; `kill {holder}` stops it.") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def clear_leftovers(var: Path) -> int:
    """End what an earlier run of this var/ left behind when it was killed; returns how many processes that were."""
    found = leftovers(var)
    for urgency in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):  # Postgres takes INT as "do not wait for clients"
        for pid in leftovers(var):
            _send(pid, urgency)
        deadline = time.monotonic() + 10
        while leftovers(var) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not leftovers(var):
            break
    return len(found)


def leftovers(var: Path) -> list[int]:
    """Processes that carry this var/'s mark in their environment, as far as this user may look."""
    mark = f"{MARK}={var}".encode()
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            environment = (place / "environ").read_bytes()
            zombie = (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:  # ended meanwhile, or not ours
            continue
        if not zombie and mark in environment.split(b"\0"):
            found.append(int(place.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
