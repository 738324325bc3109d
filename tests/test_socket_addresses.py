"""The addresses of the WebSockets, through the server's own entry: who answers where, and who is turned away."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async

from apps.auth.consumers import NOT_ALLOWED, NOT_SIGNED_IN
from apps.auth.models import User
from apps.auth.tests.browsers import page_session
from apps.workflows.tests.factories import nap, published, started

pytestmark = pytest.mark.django_db(transaction=True)
NOT_FOUND = 4404


@pytest.fixture(autouse=True)
def _variables_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry chooses a connection pool for the web process by a variable; other tests' processes need none."""
    monkeypatch.setenv("AUGMENTED_DB_POOL", "0")


async def first_message(path: str, user: User | None) -> dict[str, Any]:
    """What the server sends after the handshake."""
    from augmented.asgi import application

    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver")]
    if user is not None:
        headers.append((b"cookie", f"sessionid={await database_sync_to_async(page_session)(user)}".encode()))
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
    wire = ApplicationCommunicator(application, scope)
    await wire.send_input({"type": "websocket.connect"})
    assert (await wire.receive_output(timeout=5))["type"] == "websocket.accept"
    message: dict[str, Any] = await wire.receive_output(timeout=5)
    await wire.send_input({"type": "websocket.disconnect", "code": 1000})
    await wire.wait(timeout=5)
    return message


async def test_tasks_and_runs_have_an_address_each(alice: User, bob: User) -> None:
    await database_sync_to_async(published)(nap())
    run = await database_sync_to_async(started)(alice, "nap")
    assert '"tasks.changed"' in (await first_message("/ws/tasks", bob))["text"]
    assert '"instance.changed"' in (await first_message(f"/ws/instances/{run.id}", alice))["text"]


@pytest.mark.parametrize(
    ("path", "name", "code"),
    [
        ("/ws/tasks", None, NOT_SIGNED_IN),
        ("/ws/tasks", "charlie", NOT_ALLOWED),
        ("/ws/instances/01890000-0000-7000-8000-000000000001", None, NOT_SIGNED_IN),
        ("/ws/instances/01890000-0000-7000-8000-000000000001", "alice", NOT_ALLOWED),
        ("/ws/instances/no-id", "alice", NOT_FOUND),
        ("/ws/nowhere", "alice", NOT_FOUND),
        ("/", None, NOT_FOUND),
    ],
)
async def test_who_is_turned_away_learns_why(cast: Any, path: str, name: str | None, code: int) -> None:
    message = await first_message(path, getattr(cast, name) if name else None)
    assert (message["type"], message["code"]) == ("websocket.close", code)
