"""A client of the HTTP API as an outsider writes one: tokens, retries with an Idempotency-Key."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

PASSWORD = "augmented"  # of the demo cast
TRY_AGAIN = frozenset({409, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]
    """By lower-case name."""

    def expect(self, *statuses: int) -> Any:
        """The body; AssertionError with all of it unless the status is one of these."""
        assert self.status in statuses, f"{self.status}: {json.dumps(self.body)[:2000]}"
        return self.body


class Api:
    """Calls ``address`` (http://host:port) as one user of the demo cast. A connection per call: safe in threads."""

    def __init__(self, address: str, username: str, *, timeout: float = 40.0) -> None:
        self.host = urlsplit(address).netloc
        self.username = username
        self.timeout = timeout
        self._token: tuple[str, float] | None = None

    @property
    def token(self) -> str:
        if self._token is None or time.monotonic() > self._token[1]:
            answer = self.call("POST", "auth/login", {"username": self.username, "password": PASSWORD}, signed=False)
            self._token = (answer.expect(200)["access"], time.monotonic() + 240)
        return self._token[0]

    def get(self, path: str) -> Any:
        return self.call("GET", path).expect(200)

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, signed: bool = True) -> Answer:
        """One request below /api/v1/. OSError or HTTPException when the connection fails."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if signed:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection(self.host, timeout=self.timeout)
        try:
            connection.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
            return Answer(response.status, _json(raw), {name.lower(): value for name, value in response.getheaders()})
        finally:
            connection.close()

    def insist(self, method: str, path: str, body: Any = None, *, within: float = 30.0) -> tuple[Answer, list[int]]:
        """The same request under one Idempotency-Key until it is answered for good.

        Returns the answer and the statuses before it (0: the connection broke).
        """
        key = str(uuid4())
        before: list[int] = []
        deadline = time.monotonic() + within
        while True:
            try:
                answer = self.call(method, path, body, key=key)
            except (OSError, http.client.HTTPException):
                answer = Answer(0, None, {})
            if answer.status != 0 and answer.status not in TRY_AGAIN:
                return answer, before
            before.append(answer.status)
            assert time.monotonic() < deadline, (
                f"{method} {path} is not answered; so far {before}, at last {answer.body}"
            )
            time.sleep(0.1)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")[:2000]
