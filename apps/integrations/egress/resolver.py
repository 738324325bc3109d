"""Name resolution that pins: the addresses checked are the addresses connected to.

aiohttp asks this resolver for a name and connects to exactly what it returns, so there is no second look-up that
could answer differently (DNS rebinding). Literal addresses never get here; `client` checks them itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from .allowlist import AllowList
from .errors import DnsFailed, Refused
from .rules import check_address


class PinningResolver(AbstractResolver):
    """Returns only addresses that `allow` and the rules admit."""

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look `host` up. Raises DnsFailed without an answer, Refused when every answer is forbidden."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
            )
        except (OSError, UnicodeError) as error:
            raise DnsFailed(f"the name {host} could not be resolved", host=host) from error
        checked: list[ResolveResult] = []
        refused: Refused | None = None
        for found_family, _, proto, _, sockaddr in found:
            text = str(sockaddr[0]).partition("%")[0]
            try:
                check_address(ipaddress.ip_address(text), host=host.rstrip(".").lower(), port=port, allow=self._allow)
            except Refused as error:
                refused = error
                continue
            checked.append(
                ResolveResult(
                    hostname=host,
                    host=text,
                    port=port,
                    family=found_family,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not checked:
            raise refused or DnsFailed(f"the name {host} has no address", host=host)
        return checked

    async def close(self) -> None:
        """Nothing is held open."""
