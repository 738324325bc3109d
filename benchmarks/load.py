"""A web process of the platform, and a client that costs next to nothing itself: requests made beforehand, raw connections."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from apps.auth.models import User

PASSWORD = "only for this benchmark, whose data is thrown away"


@dataclass(frozen=True)
class Load:
    """What many requests came to: how long all of them took, and each of them, in milliseconds, the quickest first."""

    seconds: float
    samples: list[float]

    def percentile(self, share: float) -> float:
        return round(self.samples[min(int(len(self.samples) * share), len(self.samples) - 1)], 1)


@contextmanager
def web() -> Iterator[int]:
    """One web process; gives its port."""
    port = _free_port()
    command = [
        sys.executable, "-m", "uvicorn", "augmented.asgi:application", "--host", "127.0.0.1", "--port", str(port),
        "--lifespan", "off", "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env={**os.environ, "AUGMENTED_SSL_REDIRECT": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The web process does not listen.")


def token(port: int, user: User) -> str:
    """An access token as anybody gets one; it is good for five minutes."""
    user.set_password(PASSWORD)
    user.save()
    body = json.dumps({"username": user.username, "password": PASSWORD}).encode()
    request = urllib.request.Request(
        f"http://localhost:{port}/api/v1/auth/login", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        found: str = json.load(answer)["access"]
    return found


def post(port: int, access: str, path: str, bodies: Sequence[bytes], *, connections: int) -> Load:
    """Send every body once, over so many connections that each wait for their answer. Raises for anything but a 202."""
    requests = [_request(path, access, body) for body in bodies]
    return asyncio.run(_send(port, requests, connections))


def _request(path: str, access: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {access}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(port: int, requests: list[bytes], connections: int) -> Load:
    pending = iter(requests)
    samples: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_one_after_the_other(port, pending, samples) for _ in range(connections)))
    return Load(time.perf_counter() - began, sorted(samples))


async def _one_after_the_other(port: int, pending: Iterator[bytes], samples: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in pending:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        answer = await reader.readexactly(length)
        samples.append((time.perf_counter() - began) * 1000)
        if b" 202 " not in head[:20]:
            raise RuntimeError((head + answer).decode(errors="replace")[:2_000])
    writer.close()
