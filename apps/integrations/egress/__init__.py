"""The one way out of the platform: every HTTP call to another machine passes this client.

    response = await egress.request("POST", "https://api.example.com/orders", json={"id": 1})

See `client.request` for arguments, `errors` for what can be raised, `rules` for what is refused and why.
"""

from .allowlist import AllowList, compile_allow
from .client import check_url, close, request
from .errors import (
    BadResponse,
    ConnectFailed,
    ConnectionLost,
    DnsFailed,
    EgressError,
    Refused,
    TimedOut,
    TlsFailed,
    TooLarge,
    TooManyRedirects,
)
from .response import Response

__all__ = [
    "AllowList",
    "BadResponse",
    "ConnectFailed",
    "ConnectionLost",
    "DnsFailed",
    "EgressError",
    "Refused",
    "Response",
    "TimedOut",
    "TlsFailed",
    "TooLarge",
    "TooManyRedirects",
    "check_url",
    "close",
    "compile_allow",
    "request",
]
