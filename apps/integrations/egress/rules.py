"""What may be called, decided without any I/O.

Forbidden is everything that is not a globally reachable unicast address: private, loopback, link-local (with it the
cloud metadata services), carrier-grade NAT, multicast, reserved, unspecified, documentation. An IPv6 address that
carries an IPv4 one (mapped, 6to4, NAT64, Teredo) is judged by both.
"""

from __future__ import annotations

import ipaddress
import re
import socket

from .allowlist import Address, AllowList
from .errors import Refused

# NAT64 (RFC 6052): the network behind it translates the last 32 bits to IPv4, so the target is that IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Metadata services outside the link-local ranges.
_METADATA = {ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")}
# Special ranges that Python's own tables lack in some versions; global unicast IPv6 is 2000::/3 and nothing else.
_SPECIAL = [
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")
]
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
# WHATWG: a host whose last label is a number is an IPv4 address, whatever it looks like.
_NUMERIC_TAIL = re.compile(r"(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)\.?$", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Every visible character, space and tab inside, latin-1 beyond ASCII; no CR, LF, NUL or other control.
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# The client decides framing and target; a caller who could set these could smuggle a second request.
_CLIENT_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive",
     "proxy-connection", "proxy-authorization"}
)  # fmt: skip


def literal_address(host: str) -> Address | None:
    """The address that `host` is, or None for a name.

    Raises Refused for anything that some resolver would read as an address although it is not written the one
    canonical way (`2130706433`, `0177.0.0.1`, `0x7f.1`, `127.1`, zone ids): there is no honest reason to write these.
    """
    try:
        if "%" in host:
            raise Refused("an address with a zone cannot be called", host=host, reason="ADDRESS_FORM")
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if ":" in host or _NUMERIC_TAIL.search(host) or _read_by_inet_aton(host):
        raise Refused(f"{host} is not a canonical IP address", host=host, reason="ADDRESS_FORM")
    return None


def _read_by_inet_aton(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


def forbidden(address: Address) -> str | None:
    """Why `address` may not be called unless it is allow-listed, or None when it is an ordinary public one."""
    candidates = [*_embedded(address), address]
    if address in _NAT64:
        candidates.pop()  # the prefix itself is reserved, yet the ordinary way out of an IPv6-only network
    reasons = {reason for candidate in candidates if (reason := _forbidden_alone(candidate))}
    return min(reasons, key=_SEVEREST_FIRST.index, default=None)


_SEVEREST_FIRST = (
    "LINK_LOCAL_ADDRESS",
    "LOOPBACK_ADDRESS",
    "MULTICAST_ADDRESS",
    "PRIVATE_ADDRESS",
    "RESERVED_ADDRESS",
)


def _forbidden_alone(address: Address) -> str | None:
    if address.is_link_local or address in _METADATA:
        return "LINK_LOCAL_ADDRESS"
    if address.is_loopback:
        return "LOOPBACK_ADDRESS"
    if address.is_multicast:
        return "MULTICAST_ADDRESS"
    # `is_global` also excludes 100.64/10 (shared by carriers), 192.0.0/24, 198.18/15 and the documentation ranges.
    if address.is_private or not address.is_global or any(address in network for network in _SPECIAL):
        return "PRIVATE_ADDRESS"
    if address.is_unspecified or address.is_reserved or (address.version == 6 and address not in _GLOBAL_IPV6):
        return "RESERVED_ADDRESS"
    return None


def _embedded(address: Address) -> list[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = []
    if address.ipv4_mapped is not None:
        found.append(address.ipv4_mapped)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if address in _NAT64 or int(address) >> 32 == 0:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found


def check_address(address: Address, *, host: str, port: int, allow: AllowList) -> None:
    """Raise Refused unless `address`, reached under the name `host`, may be called."""
    reason = forbidden(address)
    if reason is None:
        return
    if any(allow.admits_address(candidate, port) for candidate in (address, *_embedded(address))):
        return
    if reason != "LINK_LOCAL_ADDRESS" and allow.admits_name(host, port):
        return
    raise Refused(f"{host} is at an address that may not be called", host=host, port=port, reason=reason)


def check_url_text(url: str) -> None:
    """Refuse what URL parsers disagree about: control characters, spaces and backslashes."""
    if _CONTROL.search(url) or "\\" in url:
        raise Refused("the URL contains a control character, a space or a backslash", reason="URL_FORM")


def check_headers(headers: dict[str, str]) -> None:
    """Refuse names that are no tokens, values with line breaks, and headers that only the client may set."""
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise Refused("a header name is not a token", header=name[:100], reason="HEADER_FORM")
        if not _HEADER_VALUE.fullmatch(value):
            raise Refused(f"the value of header {name} has a character that may not be sent", header=name,
                          reason="HEADER_INJECTION")  # fmt: skip
        if name.lower() in _CLIENT_HEADERS:
            raise Refused(f"header {name} is set by the client itself", header=name, reason="HEADER_RESERVED")


def check_method(method: str) -> None:
    """Refuse methods outside the known set (CONNECT and TRACE among them)."""
    if method not in METHODS:
        raise Refused("the method is not one of " + ", ".join(sorted(METHODS)), reason="METHOD")
