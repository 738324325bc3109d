"""Who may hold a WebSocket open, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from apps.auth import access, services
from apps.auth.consumers import AuthenticatedConsumer
from apps.auth.models import User
from apps.auth.tests.browsers import page_session
from apps.auth.tests.factories import UserFactory
from apps.auth.tests.sockets import OURS, Socket

pytestmark = pytest.mark.django_db(transaction=True)


class EchoConsumer(AuthenticatedConsumer):
    """A socket for whoever may view tasks."""

    recheck_seconds = 0.2

    async def authorise(self) -> None:
        access.require(self.user, "view:task")

    async def connected(self) -> None:
        await self.send_json({"hello": self.user.username})

    async def receive_json(self, content: Any, **_: Any) -> None:
        await self.send_json(content)


@pytest.fixture
async def open_socket() -> AsyncIterator[Callable[..., Any]]:
    opened: list[Socket] = []

    async def connect(**how: Any) -> Socket:
        socket = Socket(EchoConsumer, **how)
        opened.append(socket)
        await socket.open()
        return socket

    yield connect
    for socket in opened:
        await socket.leave()


@database_sync_to_async
def viewer(**more: Any) -> tuple[User, str, services.TokenPair]:
    user = UserFactory(username="alice", **({"roles": ["readonly"]} | more))
    return user, page_session(user), services.open_session(user=user)


async def test_the_session_of_our_own_page_opens_it(open_socket) -> None:
    _, cookie, _ = await viewer()
    opened = await open_socket(cookie=cookie)
    assert await opened.receive() == {"hello": "alice"}
    await opened.send({"n": 1})
    assert await opened.receive() == {"n": 1}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://testserver.evil.example",
        "http://testserver:81",
        "null",
        "file://",
        "javascript:x",
        "http://",
        "http://[::1",
    ],
)
async def test_a_page_of_another_site_is_refused_even_with_the_cookie(open_socket, origin: str) -> None:
    _, cookie, pair = await viewer()
    assert await (await open_socket(cookie=cookie, origin=origin)).closed_with() == 4401
    assert await (await open_socket(query=f"?token={pair.access}", origin=origin)).closed_with() == 4401


async def test_a_host_we_do_not_answer_for_is_refused_though_page_and_host_agree(open_socket, settings) -> None:
    _, cookie, _ = await viewer()
    settings.ALLOWED_HOSTS = ["other.example"]
    assert await (await open_socket(cookie=cookie)).closed_with() == 4401


async def test_a_trusted_origin_is_accepted(open_socket, settings) -> None:
    _, cookie, _ = await viewer()
    settings.CSRF_TRUSTED_ORIGINS = ["https://front.example"]
    assert await (await open_socket(cookie=cookie, origin="https://front.example")).receive() == {"hello": "alice"}


async def test_a_cookie_without_an_origin_is_refused(open_socket) -> None:
    _, cookie, _ = await viewer()
    assert await (await open_socket(cookie=cookie, origin=None)).closed_with() == 4401


@pytest.mark.parametrize("origin", [None, OURS])
async def test_a_token_opens_it_as_query_or_as_subprotocol(open_socket, origin: str | None) -> None:
    _, _, pair = await viewer()
    assert await (await open_socket(query=f"?token={pair.access}", origin=origin)).receive() == {"hello": "alice"}
    opened = await open_socket(subprotocols=["bearer", pair.access], origin=origin)
    assert opened.subprotocol == "bearer", "the token is not echoed"
    assert await opened.receive() == {"hello": "alice"}


async def test_nothing_or_nonsense_is_not_signed_in(open_socket) -> None:
    _, _, pair = await viewer()
    for attempt in (
        {},
        {"cookie": "nonsense"},
        {"cookie": "a" * 32},
        {"query": "?token=x.y.z"},
        {"query": f"?token={pair.refresh}"},
        {"subprotocols": ["bearer", "x"]},
        {"query": "?token=x", "origin": None},
    ):
        assert await (await open_socket(**attempt)).closed_with() == 4401, attempt


async def test_a_bad_token_is_not_rescued_by_a_good_cookie(open_socket) -> None:
    _, cookie, _ = await viewer()
    assert await (await open_socket(cookie=cookie, query="?token=x.y.z")).closed_with() == 4401


async def test_without_the_right_it_is_forbidden(open_socket) -> None:
    _, cookie, _ = await viewer(roles=[])
    assert await (await open_socket(cookie=cookie)).closed_with() == 4403


async def test_what_a_refused_client_sends_is_ignored(open_socket) -> None:
    opened = await open_socket()
    assert await opened.closed_with() == 4401
    await opened.send({"n": 1})
    assert await opened.is_silent()


@pytest.mark.parametrize("by", ["cookie", "token"])
async def test_an_account_switched_off_loses_its_open_sockets(open_socket, by: str) -> None:
    user, cookie, pair = await viewer()
    opened = await open_socket(**({"cookie": cookie} if by == "cookie" else {"query": f"?token={pair.access}"}))
    await opened.receive()
    await database_sync_to_async(services.set_status)(actor=None, user=user, status="locked")
    assert await opened.closed_with() == 4401


async def test_signing_out_closes_the_sockets_of_that_sign_in(open_socket) -> None:
    _, _, pair = await viewer()
    opened = await open_socket(query=f"?token={pair.access}")
    await opened.receive()
    await database_sync_to_async(services.close_session)(token=pair.refresh)
    assert await opened.closed_with() == 4401


async def test_losing_the_right_closes_an_open_socket(open_socket) -> None:
    user, cookie, _ = await viewer()
    opened = await open_socket(cookie=cookie)
    await opened.receive()
    await database_sync_to_async(services.assign_roles)(actor=None, user=user, roles=[])
    assert await opened.closed_with() == 4403


async def test_a_refused_socket_joins_nothing_and_has_nothing_to_undo() -> None:
    class Careful(EchoConsumer):
        groups = ["everybody"]

        async def disconnect(self, code: int) -> None:
            raise AssertionError("connected() never ran")

    socket = Socket(Careful)
    await socket.open()
    assert await socket.closed_with() == 4401
    await get_channel_layer().group_send("everybody", {"type": "send_json", "content": "secret"})
    assert await socket.is_silent()
    await socket.leave()


async def test_when_it_cannot_be_told_whether_the_right_still_stands_the_socket_is_closed(open_socket) -> None:
    _, cookie, _ = await viewer()
    failing = False

    class Shaky(EchoConsumer):
        async def authorise(self) -> None:
            if failing:
                raise ConnectionError("the database is gone")

    socket = Socket(Shaky, cookie=cookie)
    await socket.open()
    await socket.receive()
    failing = True
    assert await socket.closed_with() == 1011
    await socket.leave()
