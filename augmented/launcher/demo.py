"""The first real run: the order-processing example, started through the public API like any other."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from augmented.launcher.places import ROOT
from augmented.launcher.progress import LaunchError

DEMO_USER, DEMO_PASSWORD = "alice", "augmented"
WORKFLOW = "order-processing"
INPUT = ROOT / "examples" / "order-processing" / "inputs" / "happy.json"
WEB_WITHIN = 180.0  # seconds
RUN_WITHIN = 60.0
FINISHED = {"COMPLETED", "FAILED", "CANCELLED"}


class Client:
    """The few calls that this needs, with a token. Raises LaunchError with the answer's text for anything but success."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.token = ""

    def sign_in(self) -> None:
        self.token = self.call("POST", "/api/v1/auth/login", {"username": DEMO_USER, "password": DEMO_PASSWORD})[
            "access"
        ]

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 40) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            answer = error.read(2000).decode(errors="replace")
            raise LaunchError(f"{method} {path} answered {error.code}: {answer}") from error
        except OSError as error:
            raise LaunchError(f"{method} {path}: {error}") from error


def wait_for_web(address: str, still_alive: Any) -> None:
    """Return when /readyz answers 200. `still_alive()` is asked in between and raises when waiting is useless."""
    deadline = time.monotonic() + WEB_WITHIN
    while True:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError as error:
            still_alive()
            if time.monotonic() > deadline:
                raise LaunchError(f"The web process does not get ready: {error}. See var/log/web.log") from error
            time.sleep(0.1)


def run_example(address: str, remembered: Path) -> dict[str, Any]:
    """The instance of the example's run as the API shows it: the remembered one if it is still there, else a new one.

    Raises LaunchError when it does not finish in time; a run that FAILED is an answer, not an error.
    """
    client = Client(address)
    client.sign_in()
    if remembered.exists():
        try:
            return client.call("GET", f"/api/v1/workflows/instances/{remembered.read_text().strip()}")
        except LaunchError:
            remembered.unlink()  # of a database that is gone
    started = client.call(
        "POST", "/api/v1/workflows/instances?wait=5", {"workflowId": WORKFLOW, "input": json.loads(INPUT.read_text())}
    )
    deadline = time.monotonic() + RUN_WITHIN
    while started["status"] not in FINISHED:
        if time.monotonic() > deadline:
            explained = client.call("GET", f"/api/v1/workflows/instances/{started['id']}/explain")
            raise LaunchError(
                f"The example has not finished after {RUN_WITHIN:.0f} s: {explained.get('sentence', explained)}"
            )
        time.sleep(0.2)
        started = client.call("GET", f"/api/v1/workflows/instances/{started['id']}")
    remembered.write_text(started["id"])
    return started
