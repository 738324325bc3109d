"""The SSRF set: whatever way a forbidden address is written or reached, no connection is made."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from apps.integrations import egress
from apps.integrations.egress import rules
from apps.integrations.egress.allowlist import compile_allow
from apps.integrations.egress.resolver import PinningResolver

from .servers import serving

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await egress.close()


class Canary:
    """A server that must never be reached; counts who got through."""

    port = 0
    hits = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.hits += 1
        return web.json_response({"secret": "canary"})


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    target = Canary()
    async with serving(target.handle) as target.port:
        yield target


LITERALS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.1", "0177.0.0.1", "017700000001",
    "0177.1", "127.0.0.1.", "127.000.000.001", "00000000127.0.0.1", "0", "0.0.0.0", "127.255.255.254",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]", "[::1%25lo]",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", LITERALS)
async def test_no_spelling_of_loopback_gets_through(canary: Canary, host: str) -> None:
    with pytest.raises(egress.Refused):
        await egress.request("GET", f"http://{host}:{canary.port}/", timeout=2)
    assert canary.hits == 0


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
        "100.127.255.255", "100.100.100.200", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "0.0.0.0", "0.1.2.3",
        "fe80::1", "fd00::1", "fc00::1", "fec0::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "::1", "::",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "2002:a00:1::",
        "2002:a9fe:a9fe::1", "2001:0:a9fe:a9fe::1",
    ],
)  # fmt: skip
async def test_every_special_range_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(egress.Refused) as refused:
        await egress.request("GET", f"http://{host}/latest/meta-data/", timeout=2)
    assert refused.value.details["reason"].endswith("ADDRESS")
    assert not refused.value.transient


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
async def test_public_addresses_are_allowed(address: str) -> None:
    assert rules.forbidden(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://example.com/", "//127.0.0.1/", "/etc/passwd",
        "http:///x", "http://", "", "javascript:alert(1)", "http://user:pass@example.com/", "http://example.com\\@127.0.0.1/",
        "http://example.com\r\nX: y/", "http://example.com/ HTTP/1.1", "http://exa\tmple.com/", "http://[::1", "http://a:99999/",
        "http://example.com:0/",
    ],
)  # fmt: skip
async def test_urls_that_parsers_disagree_about_are_refused(url: str) -> None:
    with pytest.raises(egress.Refused):
        await egress.request("GET", url, timeout=2)


async def test_a_name_that_points_to_loopback_is_refused(canary: Canary) -> None:
    for host in ("localhost", "LOCALHOST"):
        with pytest.raises(egress.Refused) as refused:
            await egress.request("GET", f"http://{host}:{canary.port}/", timeout=2)
        assert refused.value.details["reason"] == "LOOPBACK_ADDRESS"
    assert canary.hits == 0


def answers(*addresses: str) -> Any:
    """A name server's reply in the form of getaddrinfo."""

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    return getaddrinfo


async def test_only_checked_addresses_of_a_name_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", answers("10.0.0.1", "93.184.216.34", "::1", "169.254.169.254"))
    found = await PinningResolver(compile_allow(())).resolve("rebind.example.com", 443)
    assert [answer["host"] for answer in found] == ["93.184.216.34"]


async def test_a_name_that_is_rebound_after_the_check_is_refused(
    monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", answers("127.0.0.1"))
    with pytest.raises(egress.Refused):
        await egress.request("GET", f"http://rebind.example.com:{canary.port}/", timeout=2)
    assert canary.hits == 0


async def test_a_listed_name_never_admits_the_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers("169.254.169.254"))
    with pytest.raises(egress.Refused):
        await egress.request("GET", "http://inside.example.com/", allow=["inside.example.com"], timeout=2)


async def test_a_redirect_to_a_forbidden_address_is_refused(canary: Canary) -> None:
    async def redirecting(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://0x7f.1:{canary.port}/"})

    async with serving(redirecting) as port:
        with pytest.raises(egress.Refused):
            await egress.request("GET", f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"])
    assert canary.hits == 0


async def test_an_allowance_holds_for_its_port_only(canary: Canary) -> None:
    allowed = await egress.request("GET", f"http://127.0.0.1:{canary.port}/", allow=[f"127.0.0.1:{canary.port}"])
    assert allowed.json() == {"secret": "canary"}
    with pytest.raises(egress.Refused):
        await egress.request("GET", f"http://127.0.0.1:{canary.port}/", allow=["127.0.0.1:1"])


async def test_a_connection_opened_under_an_allowance_is_not_lent_to_others(canary: Canary) -> None:
    await egress.request("GET", f"http://localhost:{canary.port}/", allow=[f"localhost:{canary.port}"])
    with pytest.raises(egress.Refused):
        await egress.request("GET", f"http://localhost:{canary.port}/")
    assert canary.hits == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "1\r\nX-B: 2"}, {"X-A": "1\nX-B: 2"}, {"X-A": "\x00"}, {"X-A\r\nX-B": "1"}, {"": "1"}, {"X A": "1"},
        {"Host": "other"}, {"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}, {"connection": "close"}, {"X-A": "€"},
    ],
)  # fmt: skip
async def test_headers_cannot_be_injected(canary: Canary, headers: dict[str, str]) -> None:
    with pytest.raises(egress.Refused):
        await egress.request(
            "GET", f"http://127.0.0.1:{canary.port}/", headers=headers, allow=[f"127.0.0.1:{canary.port}"]
        )
    assert canary.hits == 0


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "GET / HTTP/1.1\r\nX:", "get", ""])
async def test_unknown_methods_are_refused(method: str) -> None:
    with pytest.raises(egress.Refused):
        await egress.request(method, "http://example.com/")


async def test_proxies_of_the_environment_are_ignored(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    answer = await egress.request("GET", f"http://127.0.0.1:{canary.port}/", allow=[f"127.0.0.1:{canary.port}"])
    assert answer.status == 200
