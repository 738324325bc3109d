"""What can go wrong with an outgoing call. Each error has a stable `code` and says whether trying again may help."""

from __future__ import annotations

from typing import Any, ClassVar


class EgressError(Exception):
    """Base of all. `transient` = the same call may succeed later; `details` is JSON and safe to show to an author."""

    code: ClassVar[str] = "EGRESS_FAILED"
    transient: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Refused(EgressError):
    """The platform will not make this call: forbidden address, scheme, header or redirect. Audited."""

    code = "EGRESS_REFUSED"


class DnsFailed(EgressError):
    """The host name has no address, or the name server did not answer."""

    code = "DNS_FAILED"
    transient = True


class ConnectFailed(EgressError):
    """No TCP connection: refused, unreachable. The request was not sent."""

    code = "CONNECT_FAILED"
    transient = True


class TlsFailed(EgressError):
    """The certificate is not trusted, or the other side speaks no TLS."""

    code = "TLS_FAILED"


class TimedOut(EgressError):
    """The total, connect or read limit passed. The other side may or may not have acted."""

    code = "TIMEOUT"
    transient = True


class ConnectionLost(EgressError):
    """The connection broke after the request was sent. The other side may or may not have acted."""

    code = "CONNECTION_LOST"
    transient = True


class BadResponse(EgressError):
    """What came back is not HTTP, or its body cannot be decoded."""

    code = "BAD_RESPONSE"
    transient = True


class TooLarge(EgressError):
    """The (decompressed) body is over the cap; reading stopped there."""

    code = "TOO_LARGE"


class TooManyRedirects(EgressError):
    """More redirects than are followed."""

    code = "TOO_MANY_REDIRECTS"
