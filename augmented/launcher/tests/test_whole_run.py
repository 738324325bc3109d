"""`make run` as a user meets it: from an empty var/ to a finished example, through a kill -9, to an orderly stop."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from augmented.launcher.demo import DEMO_PASSWORD, Client
from augmented.launcher.places import PYTHON, ROOT
from augmented.launcher.supervise import clear_leftovers, leftovers

STARTS_WITHIN = 240  # seconds, on a machine that does other things too
OF_THIS_TEST = (
    "DATABASE_URL",
    "REDIS_URL",
    "PYTEST_VERSION",
    "AUGMENTED_RUN",
    "DJANGO_SETTINGS_MODULE",
    "AUGMENTED_MODE",
)


class Run:
    """One `launcher run` and what it printed."""

    def __init__(self, var: Path, port: int) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in OF_THIS_TEST}
        self.output = var.parent / f"run-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as sink:
            self.process = subprocess.Popen(
                [str(PYTHON), "-m", "augmented.launcher", "run"],
                cwd=ROOT, stdout=sink, stderr=sink, start_new_session=True,
                env={**environment, "AUGMENTED_VAR": str(var), "PORT": str(port), "WORKERS": "1"},
            )  # fmt: skip

    def printed(self) -> str:
        return self.output.read_text()

    def welcome(self) -> str:
        """What it says when everything runs; fails with all that it said when it ends before."""
        deadline = time.monotonic() + STARTS_WITHIN
        while "Ctrl-C stops it" not in self.printed():
            assert self.process.poll() is None and time.monotonic() < deadline, self.printed()
            time.sleep(0.1)
        return self.printed()


@pytest.fixture
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aos-run-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        yield Path(place) / "var"
        clear_leftovers(Path(place) / "var")


@pytest.fixture
def port() -> int:
    with socket.socket() as any_free:
        any_free.bind(("127.0.0.1", 0))
        return any_free.getsockname()[1]


def test_it_starts_from_nothing_survives_a_kill_and_leaves_nothing_running(var: Path, port: int) -> None:
    address = f"http://localhost:{port}"
    first = Run(var, port)
    said = first.welcome()
    assert address in said and DEMO_PASSWORD in said
    link = re.search(rf"{address}/instances/(\S+)\s+order processing, COMPLETED", said)
    assert link, said
    with urllib.request.urlopen(f"{address}/readyz") as response:
        assert json.load(response)["status"] == "ready"

    first.process.kill()  # the launcher itself: nothing of it may be left, by itself or by the next start
    first.process.wait()
    second = Run(var, port)
    again = second.welcome()
    assert link.group(0) in again, "the same finished run is still there"
    client = Client(address)
    client.sign_in()
    assert client.call("GET", f"/api/v1/workflows/instances/{link.group(1)}")["status"] == "COMPLETED"

    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(timeout=90) == 0
    assert "Stopped." in second.printed()
    assert leftovers(var) == []
