"""A WebSocket client for tests of consumers (the one in ``channels.testing`` cannot be imported without Daphne)."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import AsyncWebsocketConsumer

OURS = "http://testserver"


class Socket:
    """One connection to a consumer.

    ``origin`` None is a program rather than a page; ``cookie`` is a session key; ``url_kwargs`` what the route took
    from the path.
    """

    def __init__(
        self,
        consumer: type[AsyncWebsocketConsumer],
        *,
        origin: str | None = OURS,
        cookie: str = "",
        query: str = "",
        subprotocols: list[str] | None = None,
        url_kwargs: dict[str, Any] | None = None,
    ) -> None:
        headers = [(b"host", b"testserver")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if cookie:
            headers.append((b"cookie", f"sessionid={cookie}".encode()))
        scope = {
            "type": "websocket",
            "path": "/ws/test",
            "query_string": query.lstrip("?").encode(),
            "headers": headers,
            "subprotocols": subprotocols or [],
            "url_route": {"kwargs": url_kwargs or {}},
        }
        self.subprotocol: str | None = None
        self._wire = ApplicationCommunicator(consumer.as_asgi(), scope)

    async def open(self) -> None:
        """Shake hands; fails when the consumer does not accept."""
        await self._wire.send_input({"type": "websocket.connect"})
        answer = await self._wire.receive_output(timeout=5)
        assert answer["type"] == "websocket.accept", answer
        self.subprotocol = answer.get("subprotocol")

    async def send(self, content: Any) -> None:
        await self._wire.send_input({"type": "websocket.receive", "text": json.dumps(content)})

    async def receive(self, timeout: float = 2) -> Any:
        """The next message's JSON; fails when there is none in time or the socket was closed."""
        message = await self._wire.receive_output(timeout=timeout)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed_with(self, timeout: float = 2) -> int:
        """The code the consumer closes with; fails when it sends something else or nothing in time."""
        message = await self._wire.receive_output(timeout=timeout)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def is_silent(self, timeout: float = 0.3) -> bool:
        return bool(await self._wire.receive_nothing(timeout=timeout))

    async def leave(self) -> None:
        await self._wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._wire.wait(timeout=2)
