"""What a secret's value may be, how one is made, and where one may be sent. Pure."""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
from collections.abc import Collection

NAME = re.compile(r"[a-z][a-z0-9_-]{0,254}")
LONGEST = 8_192
SHORTEST = 8
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?")
PREFIX = "whsec_"


def generate() -> str:
    """A signing key of 256 bits, as Standard Webhooks writes them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_host(pattern: str) -> bool:
    """Whether this is ``host``, ``host:port``, ``*.host`` or an address, in small letters."""
    return _HOST.fullmatch(pattern) is not None


def admits(hosts: Collection[str], host: str, port: int) -> bool:
    """Whether a secret with these hosts may be sent there. Without hosts it may be sent nowhere."""
    host = host.lower().rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    for pattern in hosts:
        name, _, wanted = pattern.rpartition(":") if re.search(r":[0-9]+$", pattern) else (pattern, "", "")
        if wanted and int(wanted) != port:
            continue
        if shown == name or (name.startswith("*.") and host.endswith(name[1:])):
            return True
    return False


def signing_keys(value: str) -> list[bytes]:
    """The keys that a secret may mean when it signs: its text, and what ``whsec_`` says in base64 behind it.

    The first is what Standard Webhooks takes; senders that know nothing of that prefix use the text as it is.
    """
    keys = [value.encode()]
    if value.startswith(PREFIX):
        with contextlib.suppress(ValueError):
            keys.insert(0, base64.b64decode(value.removeprefix(PREFIX), validate=True))
    return [key for key in keys if key]
