"""A proxy between a process and Postgres that can hold everything back, or cut a connection right after a COMMIT."""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit, urlunsplit

CHUNK = 65536


class Proxy:
    """Listens on a Unix socket of its own and passes on to the server of ``database_url``; use ``url`` instead of that.

    ``on_commit`` is asked whenever a client sends COMMIT: "pass", "cut" (pass it on, then cut both sides before the
    client learns of it) or "drop" (cut without passing it on).
    """

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[-1]
        self._server: str | tuple[str, int] = (
            f"{host}/.s.PGSQL.{parts.port or 5432}" if host.startswith("/") else (host, parts.port or 5432)
        )
        self._place = Path(tempfile.mkdtemp(prefix="proxy-"))  # short: a socket lies in it
        self.url = urlunsplit(parts._replace(netloc=f"{parts.username or 'postgres'}@", query=f"host={self._place}"))
        self.on_commit: Callable[[], str] = lambda: "pass"
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener.bind(str(self._place / ".s.PGSQL.5432"))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
        _close(self._listener, *self._sockets)
        shutil.rmtree(self._place, ignore_errors=True)

    def hold(self) -> None:
        """Pass on nothing more in either direction, and close nothing: a black hole."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET)
            try:
                server.connect(self._server)
            except OSError:
                _close(client, server)
                continue
            self._sockets += [client, server]
            threading.Thread(target=self._from_client, args=(client, server), daemon=True).start()
            threading.Thread(target=self._from_server, args=(server, client), daemon=True).start()

    def _from_client(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                self._open.wait()
                verdict = self.on_commit() if _commits(data) else "pass"
                if verdict == "pass":
                    server.sendall(data)
                    continue
                if verdict == "cut":
                    # The answer must not get through: the client's side goes first.
                    _close(client)
                    server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                    while server.recv(CHUNK):  # until the server has done what it was sent, and hung up
                        pass
                break
        _close(client, server)

    def _from_server(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                self._open.wait()
                client.sendall(data)
        _close(client)


def _commits(data: bytes) -> bool:
    """Whether these messages hold COMMIT, as a simple query or prepared."""
    return b"COMMIT\0" in data or b"commit\0" in data


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def sometimes(chances: random.Random, *verdicts: str) -> Callable[[], str]:
    """A verdict at random for each COMMIT."""
    return lambda: chances.choice(verdicts)
