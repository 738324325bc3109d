"""Where a request comes from, for the audit trail and the sign-in back-off."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's address. Behind proxies (``REST_FRAMEWORK["NUM_PROXIES"]``) the hop that the outermost of them saw.

    Entries further left in X-Forwarded-For were written by the client and prove nothing. May be empty (Unix sockets).
    """
    proxies: int = settings.REST_FRAMEWORK.get("NUM_PROXIES") or 0
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if proxies and hops:
        return hops[-min(proxies, len(hops))]
    return str(request.META.get("REMOTE_ADDR") or "")


def request_meta(request: HttpRequest) -> dict[str, Any]:
    """What the audit trail keeps of a request: ``address``, ``userAgent`` (200 characters at most), ``traceId``."""
    return {
        "address": client_address(request),
        "userAgent": request.headers.get("User-Agent", "")[:200].replace("\x00", ""),
        "traceId": str(getattr(request, "trace_id", "")),
    }
