"""Real processes of the platform for tests: started as `make run` starts them, killed as a machine kills them.

    with Platform(directory, servers.database_url, servers.redis_url) as platform:
        platform.prepare(examples=True)
        platform.start_web()
        platform.start_beat()
        worker = platform.start_worker(AUGMENTED_LEASE_SECONDS="2")
        ...
        worker.kill()

At the end of the block, and with the end of the test process itself, every process is gone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from augmented.launcher.places import ROOT
from augmented.launcher.programs import platform_programs, python
from augmented.launcher.wait import end_with_parent

from .waiting import eventually

MARK = "AUGMENTED_TEST_PROCESS"
READY_WITHIN = 90.0  # seconds; a machine under load takes long to import Django
STOP_WITHIN = 20.0


@dataclass
class Process:
    """One program and all its children: a process group of its own, with a log file."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    mark: str = field(default_factory=lambda: uuid4().hex, init=False)
    """Stands in the environment of this process and its children, and of no other process."""

    def start(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env={**self.environment, MARK: self.mark},
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def says(self, text: str) -> bool:
        return text in self.output()

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def children(self) -> list[int]:
        """Process ids of its own children that are alive, oldest first."""
        return sorted(pid for pid in _processes() if self.alive and _parent(pid) == self.pid)

    def signal(self, number: signal.Signals) -> None:
        """To the whole group, as long as its leader has not been reaped: until then the number cannot be another's."""
        if self.alive:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to all of it at once, as when a machine goes."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        for pid in self._left():  # children whose parent had ended before
            _kill(pid)

    def kill_child(self, pid: int) -> bool:
        """SIGKILL to one child. False when it is no child of this process (any more): then nothing is killed."""
        if pid not in self.children():
            return False
        _kill(pid)
        return True

    def tcp_ports(self, pid: int) -> set[int]:
        """Local ports of the process' open TCP connections."""
        sockets = set()
        with suppress(OSError):
            for place in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    sockets.add(str(place.readlink()))
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        return {int(row[1].rpartition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in sockets}

    def pause(self) -> None:
        """Stop it where it is; it notices nothing. ``resume`` lets it go on."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def _left(self) -> list[int]:
        mark = f"{MARK}={self.mark}".encode()
        found = []
        for pid in _processes():
            with suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
        return found

    def stop(self) -> None:
        """End it as a supervisor does: SIGTERM to the parent, SIGKILL to what is left after a while."""
        if self.alive:
            assert self.process is not None
            self.resume()
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=STOP_WITHIN)
        self.kill()


_MANAGE = """
import json, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")
import django
from django.core.management import call_command
django.setup()
for command in json.loads(sys.argv[1]):
    call_command(*command)
"""


class Platform:
    """Web, workers and beat over one database and one Redis. A context manager: leaving it kills what was started."""

    def __init__(self, directory: Path, database_url: str, redis_url: str, **environment: str) -> None:
        """``environment`` is for every process; a value given when one is started wins."""
        self.directory = directory
        self.database_url = database_url
        self.redis_url = redis_url
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AUGMENTED_DB_"))}
        self.environment = kept | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "AUGMENTED_MODE": "development",  # the demo cast exists only there, and failpoints not in production
            "AUGMENTED_LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.started: list[Process] = []
        self._numbers = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in reversed(self.started):
            process.kill()

    def prepare(self, *commands: Sequence[str], examples: str = "") -> None:
        """Migrate and create the demo cast (password `augmented`); with ``examples``, the URL of the outside services,
        also apply the example definitions. Then run ``commands`` of manage.py."""
        if examples:
            self.manage(["prepare", "--examples", examples], *commands)
        else:
            self.manage(["prepare"], ["create_demo_cast"], *commands)

    def manage(self, *commands: Sequence[str]) -> str:
        """Run management commands, in one process, and return what they printed. AssertionError with it when one failed."""
        done = subprocess.run(
            python("-c", _MANAGE, json.dumps(commands)),
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def start_web(self, **environment: str) -> Process:
        """Start the web process and wait until it is ready to answer at ``address``."""
        web = self._start("web", environment)
        self._wait(web, self._web_answers)
        return web

    def start_beat(self, *, wait: bool = True, **environment: str) -> Process:
        beat = self._start("beat", environment)
        if wait:
            self._wait(beat, lambda: beat.says("is starting"))
        return beat

    def start_worker(self, *, processes: int = 2, wait: bool = True, **environment: str) -> Process:
        """Start a worker with so many child processes; with ``wait``, until it takes messages."""
        worker = self._start("worker", environment, processes=processes)
        if wait:
            self.wait_for_worker(worker)
        return worker

    def wait_for_worker(self, worker: Process) -> None:
        self._wait(worker, lambda: "ready." in worker.output())

    def start_examples(self, port: int) -> Process:
        """The outside services of the examples."""
        return self.start_program("examples", python("-m", "examples.server", "--port", str(port)), {})

    def start_program(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        """Start any program beside the others; its log is ``directory/log/NAME-N.log``."""
        # A number of its own, also where earlier processes were forgotten: nobody reads what another one wrote.
        log = self.directory / "log" / f"{name}-{next(self._numbers)}.log"
        process = Process(name, command, self.environment | environment, log).start()
        self.started.append(process)
        return process

    def _start(self, name: str, environment: dict[str, str], processes: int = 2) -> Process:
        programs = platform_programs(host="127.0.0.1", port=self.port, workers=processes, prepared=ROOT)
        command = next(each.command for each in programs if each.name == name)
        command = command[command.index("--") + 1 :]  # without what waits for the servers: they are there
        if name != "web":
            command = [*command, "--loglevel", "INFO"] if "--loglevel" not in command else [*command[:-1], "INFO"]
        return self.start_program(name, command, environment)

    def _web_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _wait(self, process: Process, condition: Callable[[], bool]) -> None:
        def ready() -> bool:
            assert process.alive, f"{process.name} ended:\n{process.output()[-4000:]}"
            return condition()

        eventually(ready, within=READY_WITHIN, what=lambda: f"{process.name} is ready:\n{process.output()[-4000:]}")


def _processes() -> Iterator[int]:
    return (int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit())


def _parent(pid: int) -> int:
    """The parent's process id; 0 when the process is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[1])


def _kill(pid: int) -> None:
    """SIGKILL to exactly one process. 0, 1 and negative numbers mean many, or the machine: never."""
    assert pid > 1 and pid != os.getpid(), pid
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """A TCP port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int, *, within: float = 30.0) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(listens, within=within, what=f"somebody listens on port {port}")


__all__ = ["Platform", "Process", "free_port", "wait_until_listening"]
