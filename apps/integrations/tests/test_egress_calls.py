"""The outgoing client against real servers: answers, redirects, caps, time limits and broken connections."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from apps.integrations import egress

from .servers import serving

pytestmark = pytest.mark.asyncio
LOCAL = ["127.0.0.1"]


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await egress.close()


async def test_a_call_sends_and_returns_everything() -> None:
    seen: dict[str, Any] = {}

    async def echo(request: web.Request) -> web.Response:
        seen.update(method=request.method, path=request.raw_path, headers=request.headers, body=await request.json())
        return web.json_response({"ok": True}, status=201, headers={"X-Trace": "t1"})

    async with serving(echo) as port:
        answer = await egress.request(
            "POST", f"http://127.0.0.1:{port}/a%2Fb?x=1", json={"n": 1.5}, headers={"Idempotency-Key": "k"}, allow=LOCAL
        )
    assert (answer.status, answer.json(), answer.headers["x-trace"]) == (201, {"ok": True}, "t1")
    assert answer.is_json
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/a%2Fb?x=1", {"n": 1.5})
    assert seen["headers"]["Idempotency-Key"] == "k"
    assert seen["headers"]["Content-Type"] == "application/json"


async def test_error_statuses_are_answers_not_exceptions() -> None:
    async def failing(request: web.Request) -> web.Response:
        return web.Response(status=503, text="later")

    async with serving(failing) as port:
        answer = await egress.request("GET", f"http://127.0.0.1:{port}/", allow=LOCAL)
    assert (answer.status, answer.text(), answer.is_json) == (503, "later", False)
    with pytest.raises(egress.BadResponse):
        answer.json()


async def test_credentials_are_dropped_when_a_redirect_changes_the_origin() -> None:
    seen: list[Any] = []

    async def landing(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(text="here")

    async with serving(landing) as other:

        async def redirecting(request: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{other}/x"})

        async with serving(redirecting) as port:
            answer = await egress.request(
                "GET",
                f"http://127.0.0.1:{port}/",
                headers={"Authorization": "Bearer s", "X-Api-Key": "s", "Cookie": "s", "Accept": "text/plain"},
                allow=LOCAL,
            )
    assert answer.text() == "here"
    assert answer.url == f"http://127.0.0.1:{other}/x"
    assert seen[0]["Accept"] == "text/plain"
    assert not {"Authorization", "X-Api-Key", "Cookie"} & set(seen[0])


async def test_credentials_stay_within_one_origin_and_post_becomes_get() -> None:
    seen: list[tuple[str, bytes, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, await request.read(), request.headers.get("Authorization")))
        if request.path == "/":
            return web.Response(status=303, headers={"Location": "/next"})
        return web.Response(text="done")

    async with serving(handler) as port:
        await egress.request("POST", f"http://127.0.0.1:{port}/", json={}, headers={"Authorization": "B"}, allow=LOCAL)
    assert seen == [("POST", b"{}", "B"), ("GET", b"", "B")]


async def test_at_most_five_redirects_are_followed() -> None:
    hits = 0

    async def forever(request: web.Request) -> web.Response:
        nonlocal hits
        hits += 1
        return web.Response(status=302, headers={"Location": f"/{hits}"})

    async with serving(forever) as port:
        with pytest.raises(egress.TooManyRedirects):
            await egress.request("GET", f"http://127.0.0.1:{port}/", allow=LOCAL)
    assert hits == 6


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_cap_is_not_read(announced: bool) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        if announced:
            return web.Response(body=b"x" * 3_000_000)
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response

    async with serving(large) as port:
        with pytest.raises(egress.TooLarge):
            await egress.request("GET", f"http://127.0.0.1:{port}/", allow=LOCAL)


async def test_a_body_just_at_the_cap_is_read() -> None:
    async def exact(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 300_000)

    async with serving(exact) as port:
        answer = await egress.request("GET", f"http://127.0.0.1:{port}/", max_bytes=300_000, allow=LOCAL)
        assert len(answer.body) == 300_000
        with pytest.raises(egress.TooLarge):
            await egress.request("GET", f"http://127.0.0.1:{port}/", max_bytes=299_999, allow=LOCAL)


async def test_a_compressed_answer_is_read_and_a_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)

    async def compressed(request: web.Request) -> web.Response:
        body = gzip.compress(b'{"a": 1}') if request.path == "/small" else bomb
        return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    async with serving(compressed) as port:
        small = await egress.request("GET", f"http://127.0.0.1:{port}/small", allow=LOCAL)
        assert small.json() == {"a": 1}
        with pytest.raises(egress.TooLarge):
            await egress.request("GET", f"http://127.0.0.1:{port}/bomb", allow=LOCAL)


async def test_a_slow_answer_times_out() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.path == "/drip":
            await response.prepare(request)
            for _ in range(50):
                await response.write(b"x")
                await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        return response

    async with serving(slow) as port:
        for path in ("/silent", "/drip"):
            with pytest.raises(egress.TimedOut) as timed_out:
                await egress.request("GET", f"http://127.0.0.1:{port}{path}", timeout=0.3, allow=LOCAL)
            assert timed_out.value.transient
        with pytest.raises(egress.TimedOut):
            await egress.request("GET", f"http://127.0.0.1:{port}/", timeout=9, read_timeout=0.2, allow=LOCAL)


async def test_a_closed_port_is_a_transient_connect_failure() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(egress.ConnectFailed) as failed:
            await egress.request("GET", f"http://127.0.0.1:{port}/", allow=LOCAL)
    assert failed.value.transient


async def test_a_name_without_an_address_is_a_dns_failure() -> None:
    with pytest.raises(egress.DnsFailed) as failed:
        await egress.request("GET", "http://no-such-host.invalid/", timeout=5)
    assert failed.value.transient


async def _raw(answer: bytes, *, sink: list[bytes] | None = None) -> asyncio.Server:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.read(4096)
        if sink is not None:
            sink.append(head)
        writer.write(answer)
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", egress.ConnectionLost),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", egress.BadResponse),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", egress.ConnectionLost),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", egress.ConnectionLost),
    ],
)
async def test_broken_answers_are_errors_with_a_code(answer: bytes, error: type[egress.EgressError]) -> None:
    server = await _raw(answer)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(error) as broken:
            await egress.request("POST", f"http://127.0.0.1:{port}/", json={}, allow=LOCAL)
    assert broken.value.transient


async def test_a_lost_connection_is_tried_again_only_when_the_call_is_idempotent() -> None:
    heads: list[bytes] = []
    server = await _raw(b"", sink=heads)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(egress.ConnectionLost):
            await egress.request("POST", url, json={}, allow=LOCAL)
        assert len(heads) == 1
        with pytest.raises(egress.ConnectionLost):
            await egress.request("POST", url, json={}, headers={"Idempotency-Key": "1"}, allow=LOCAL)
        assert len(heads) == 3


async def test_five_hundred_calls_are_in_flight_at_once() -> None:
    waiting = 0
    everyone = asyncio.Event()

    async def together(request: web.Request) -> web.Response:
        nonlocal waiting
        waiting += 1
        if waiting == 500:
            everyone.set()
        await everyone.wait()
        return web.Response(text="ok")

    async with serving(together) as port:
        answers = await asyncio.gather(
            *(egress.request("GET", f"http://127.0.0.1:{port}/{n}", allow=LOCAL, timeout=20) for n in range(500))
        )
    assert {answer.status for answer in answers} == {200}


async def test_the_operators_list_admits_hosts_for_every_call(settings: Any) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async with serving(handler) as port:
        settings.AUGMENTED_EGRESS_ALLOW = [f"localhost:{port}"]
        assert (await egress.request("GET", f"http://localhost:{port}/")).status == 200
