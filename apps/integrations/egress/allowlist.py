"""The explicit exceptions from "no private addresses": patterns an operator or a connection's owner wrote down.

A pattern is one of
- a host name, `orders.internal` or `*.internal` (any depth below), optionally with `:port`;
- an address or a network, `10.1.2.3`, `10.0.0.0/8`, `[fd00::1]:8080`, optionally with `:port` for single addresses.

A host name pattern admits private and loopback addresses behind that name, but never link-local ones: cloud metadata
services live there, and a name is easily pointed at them. Only an address or network pattern admits those.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class AllowList:
    """Compiled patterns; hashable, so that a connection pool can be kept per list."""

    names: frozenset[tuple[str, int | None]]
    suffixes: frozenset[tuple[str, int | None]]
    networks: frozenset[tuple[Network, int | None]]

    def admits_name(self, host: str, port: int) -> bool:
        """Whether `host` (lower case, no trailing dot) is listed by name for `port`."""
        if (host, None) in self.names or (host, port) in self.names:
            return True
        return any(host.endswith(suffix) and listed in (None, port) for suffix, listed in self.suffixes)

    def admits_address(self, address: Address, port: int) -> bool:
        """Whether `address` is listed as itself or inside a listed network for `port`."""
        return any(
            listed in (None, port) and address.version == network.version and address in network
            for network, listed in self.networks
        )


@lru_cache(maxsize=1024)
def compile_allow(patterns: tuple[str, ...]) -> AllowList:
    """Compile `patterns`. Raises ValueError naming the first pattern that is none of the known forms."""
    names: set[tuple[str, int | None]] = set()
    suffixes: set[tuple[str, int | None]] = set()
    networks: set[tuple[Network, int | None]] = set()
    for pattern in patterns:
        host, port = _split(pattern.strip().lower())
        network = _network(host)
        if network is not None:
            networks.add((network, port))
        elif host.startswith("*.") and _is_name(host[2:]):
            suffixes.add((host[1:], port))
        elif _is_name(host):
            names.add((host.rstrip("."), port))
        else:
            raise ValueError(f"{pattern!r} is neither host[:port], *.host[:port], an address nor a network")
    return AllowList(frozenset(names), frozenset(suffixes), frozenset(networks))


def _split(pattern: str) -> tuple[str, int | None]:
    """`host:port` → (host, port); brackets of IPv6 removed; a bare IPv6 address has no port."""
    if pattern.startswith("["):
        host, _, rest = pattern[1:].partition("]")
        return host, _port(rest[1:]) if rest.startswith(":") else None
    if pattern.count(":") == 1:
        host, _, port = pattern.partition(":")
        return host, _port(port)
    return pattern, None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{text!r} is not a port")
    return int(text)


def _network(host: str) -> Network | None:
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return all(label and label.replace("-", "").replace("_", "").isalnum() for label in labels)
