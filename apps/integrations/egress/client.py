"""The guarded HTTP client.

1. Check method, headers and URL text; parse the URL once with the parser that will also connect.
2. A literal address is checked here; a name is checked by the resolver at connect time, and only checked addresses
   are connected to. Verdicts about hosts are cached: the hot path costs one dictionary look-up.
3. Send; follow at most five redirects by hand, each through 1–2 again; credentials are dropped when the origin changes.
4. Read the body up to the cap.

Pools: one aiohttp session per (event loop, allow-list), because a connection that one allow-list permitted must not be
reused by a call that another one governs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import orjson
from yarl import URL

from . import config, rules
from .allowlist import Address, AllowList
from .audit import record_refusal
from .errors import (
    BadResponse,
    ConnectFailed,
    ConnectionLost,
    EgressError,
    Refused,
    TimedOut,
    TlsFailed,
    TooLarge,
    TooManyRedirects,
)
from .resolver import PinningResolver
from .response import Response

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may follow a redirect to another origin; everything else could be a credential (X-Api-Key and the like).
_SAFE_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent", "traceparent", "tracestate"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
USER_AGENT = "AugmentedOS"

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[AllowList, aiohttp.ClientSession]] = WeakKeyDictionary()


async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    body: bytes | None = None,
    timeout: float = 30.0,
    connect_timeout: float | None = None,
    read_timeout: float | None = None,
    max_bytes: int | None = None,
    allow: Iterable[str] = (),
    only: AllowList | None = None,
    purpose: str = "",
    follow: bool = True,
    cut: bool = False,
) -> Response:
    """Call another machine and return its answer, whatever the status.

    `json` is encoded and typed as JSON; `body` is sent as it is. Timeouts in seconds; `timeout` spans redirects and the
    reading of the body. `allow`: patterns (see `allowlist`) in addition to the operator's; `only`: the call and
    its redirects may go nowhere else (forbidden addresses stay forbidden). `purpose` goes to the audit
    row of a refusal. Without `follow` a redirect is the answer, without its body. `cut`: keep the beginning of an answer
    that is over the cap, rather than refuse it. Raises a subclass of EgressError.
    """
    allowed = config.allow_list(allow)
    sent = dict(headers) if headers else {}
    if json is not None:
        body = orjson.dumps(json)
        if not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
    limit = config.max_bytes() if max_bytes is None else max_bytes
    limits = config.timeouts(timeout, connect_timeout, read_timeout)
    try:
        rules.check_method(method)
        rules.check_headers(sent)
        return await _follow(method, url, sent, body, timeout, limits, limit, allowed, only, follow, cut)
    except Refused as error:
        await record_refusal(error, method=method, url=url, purpose=purpose)
        raise


def check_url(url: str, allow: Iterable[str] = ()) -> None:
    """Refused for what could never be called as it stands. A name is judged again whenever it is called."""
    _target(url, config.allow_list(allow), None)


async def close() -> None:
    """Close the running loop's connections. The next request opens new ones."""
    for session in _sessions.pop(asyncio.get_running_loop(), {}).values():
        await session.close()


async def _follow(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    timeout: float,
    limits: aiohttp.ClientTimeout,
    limit: int,
    allow: AllowList,
    only: AllowList | None,
    follow: bool,
    cut: bool,
) -> Response:
    target = _target(url, allow, only)
    try:
        async with asyncio.timeout(timeout):
            for _ in range(config.MAX_REDIRECTS + 1):
                response, location = await _send(method, target, headers, body, limits, limit, allow, cut)
                if location is None or not follow:
                    return response
                following = _redirect_target(target, location, allow, only)
                if following.origin() != target.origin():
                    headers = {name: value for name, value in headers.items() if name.lower() in _SAFE_HEADERS}
                if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                    method, body = ("HEAD" if method == "HEAD" else "GET"), None
                    headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
                target = following
    except TimeoutError as error:
        raise TimedOut(f"no complete answer within {timeout:g} s", host=target.host) from error
    raise TooManyRedirects(f"more than {config.MAX_REDIRECTS} redirects", host=target.host)


async def _send(
    method: str,
    target: URL,
    headers: dict[str, str],
    body: bytes | None,
    limits: aiohttp.ClientTimeout,
    limit: int,
    allow: AllowList,
    cut: bool,
) -> tuple[Response, str | None]:
    """One request and its answer; the second value is where a redirect points."""
    session = _session(allow)
    # A kept connection that the other side closed just now fails before anything was read. aiohttp repeats that for
    # idempotent methods itself; an Idempotency-Key says that the caller wants the same for POST and PATCH.
    attempts = 2 if method not in _SAFE_METHODS and any(name.lower() == "idempotency-key" for name in headers) else 1
    while True:
        attempts -= 1
        try:
            async with session.request(
                method, target, headers=headers, data=body, timeout=limits, allow_redirects=False
            ) as answer:
                location = answer.headers.get("Location") if answer.status in _REDIRECTS else None
                content = b"" if location is not None else await _read(answer, limit, cut)
                return Response(answer.status, _lowered(answer.headers), content, str(answer.url)), location
        except EgressError:
            raise
        except aiohttp.ServerDisconnectedError as error:
            if attempts == 0:
                raise ConnectionLost("the connection was closed before the answer", host=target.host) from error
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            raise TlsFailed(f"TLS with {target.host} failed: {error}", host=target.host) from error
        except aiohttp.ServerTimeoutError as error:
            raise TimedOut(f"{target.host} did not answer in time", host=target.host) from error
        except aiohttp.ClientConnectorError as error:
            raise ConnectFailed(f"no connection to {target.host}:{target.port}", host=target.host) from error
        except aiohttp.ClientPayloadError as error:
            raise ConnectionLost("the answer broke off or cannot be decoded", host=target.host) from error
        except aiohttp.ClientResponseError as error:
            raise BadResponse("the answer is not valid HTTP", host=target.host) from error
        except (aiohttp.ClientConnectionError, ConnectionError) as error:
            raise ConnectionLost("the connection broke before the answer was complete", host=target.host) from error
        except aiohttp.ClientError as error:
            raise BadResponse(f"the call failed: {error}", host=target.host) from error


async def _read(answer: aiohttp.ClientResponse, limit: int, cut: bool) -> bytes:
    """The body, decompressed, at most `limit` bytes; aiohttp decompresses in bounded pieces, so a bomb stops here."""
    if not cut and answer.content_length is not None and answer.content_length > limit:
        answer.close()
        raise TooLarge(f"the answer is {answer.content_length} bytes, over the cap of {limit}", limit=limit)
    first = await answer.content.readany()
    if answer.content.at_eof():
        pieces, size = [first], len(first)
    else:
        pieces, size = [first], len(first)
        while size <= limit and (piece := await answer.content.readany()):
            pieces.append(piece)
            size += len(piece)
    if size > limit:
        answer.close()
        if cut:
            return b"".join(pieces)[:limit]
        raise TooLarge(f"the answer is over the cap of {limit} bytes", limit=limit)
    return first if len(pieces) == 1 else b"".join(pieces)


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    lowered: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        lowered[key] = f"{lowered[key]}, {value}" if key in lowered else value
    return lowered


def _target(url: str, allow: AllowList, only: AllowList | None) -> URL:
    rules.check_url_text(url)
    try:
        target = URL(url)
    except ValueError as error:
        raise Refused("the URL cannot be parsed", reason="URL_FORM") from error
    _check_origin(target, allow, only)
    return target.with_fragment(None)


def _check_origin(target: URL, allow: AllowList, only: AllowList | None) -> None:
    if target.scheme not in ("http", "https"):
        raise Refused("only http and https may be called", reason="SCHEME")
    host, port = target.raw_host, target.port
    if not host or not port:
        raise Refused("the URL has no host", reason="URL_FORM")
    if target.raw_user is not None or target.raw_password is not None:
        raise Refused("a URL must not carry credentials", host=host, reason="URL_CREDENTIALS")
    address = _check_host(host, port, allow)
    if only is not None:
        listed = only.admits_name(host, port) if address is None else only.admits_address(address, port)
        if not listed:
            raise Refused(
                f"{host}:{port} is not among the hosts of this call", host=host, port=port, reason="NOT_LISTED"
            )


@lru_cache(maxsize=4096)
def _check_host(host: str, port: int, allow: AllowList) -> Address | None:
    """The literal address that `host` is, judged; names are judged when they are resolved. Only approvals are cached."""
    address = rules.literal_address(host)
    if address is not None:
        rules.check_address(address, host=host, port=port, allow=allow)
    return address


def _redirect_target(current: URL, location: str, allow: AllowList, only: AllowList | None) -> URL:
    rules.check_url_text(location)
    try:
        target = current.join(URL(location)).with_fragment(None)
    except ValueError as error:
        raise Refused("the redirect cannot be parsed", reason="URL_FORM") from error
    if current.scheme == "https" and target.scheme != "https":
        raise Refused("a redirect from https to http is not followed", host=target.raw_host, reason="DOWNGRADE")
    _check_origin(target, allow, only)
    return target


def _session(allow: AllowList) -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    sessions = _sessions.get(loop)
    if sessions is None:
        sessions = _sessions[loop] = {}
    session = sessions.get(allow)
    if session is None:
        connector = aiohttp.TCPConnector(
            resolver=PinningResolver(allow),
            limit=config.max_connections(),
            limit_per_host=0,
            keepalive_timeout=config.KEEPALIVE_SECONDS,
            ttl_dns_cache=config.DNS_CACHE_SECONDS,
        )
        session = sessions[allow] = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            trust_env=False,
            auto_decompress=True,
        )
    return session
