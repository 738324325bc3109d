"""Who is behind a WebSocket.

``AuthenticatedConsumer`` is the base of every socket of the platform. Before anything else it checks

1. the ``Origin``: browsers send cookies along whichever page opened the socket, so a page of another site is refused;
   programs that send no Origin must show a token;
2. the principal: an access token (``Sec-WebSocket-Protocol: bearer, <token>``, or ``?token=``), else the session cookie.

Close codes: 4401 not signed in, 4403 not allowed. They reach a browser only after the handshake, hence the accept
before them. The principal is looked up again every ``recheck_seconds``: who is switched off, signs out or whose
sign-in is revoked loses open sockets too.
"""

from __future__ import annotations

import asyncio
import contextlib
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.exceptions import PermissionDenied
from django.http.request import validate_host
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.exceptions import TokenError

from apps.auth import selectors
from apps.auth.models import User
from apps.auth.tokens import AccessToken

NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4403
CANNOT_TELL = 1011  # "internal error": the client comes back, and is asked again
BEARER = "bearer"
log = structlog.get_logger("augmented.sockets")


class AuthenticatedConsumer(AsyncJsonWebsocketConsumer):
    """Base consumer. Subclasses implement ``authorise`` and ``connected``, never ``connect``.

    ``self.user`` is an active User from ``authorise`` on; its roles are already read, so ``access.require`` may be
    called as it is. Whatever else reads the database must go through ``database_sync_to_async``.
    """

    recheck_seconds: ClassVar[float] = 30.0
    user: User
    _recheck: asyncio.Task[None] | None = None
    _claims: AccessToken | None = None

    async def authorise(self) -> None:
        """Raise PermissionDenied (``access.require`` does) when ``self.user`` may not have this socket."""

    async def connected(self) -> None:
        """The socket is open and its user may have it: join groups, send what they should know."""

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        """Without the library's joining of ``groups`` beforehand: nobody listens in before they are known."""
        await self.connect()

    async def connect(self) -> None:
        protocols = self.scope.get("subprotocols") or []
        # A client that offers protocols drops the connection unless one is chosen; the token itself is never echoed.
        await self.accept(subprotocol=BEARER if protocols[:1] == [BEARER] else None)
        code = await self._admit()
        if code is not None:
            await self.close(code=code)
            return
        self._recheck = asyncio.create_task(self._keep_checking())
        await self.connected()

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._recheck is not None:  # refused sockets may still have sent something
            await super().websocket_receive(message)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        if self._recheck is None:
            raise StopConsumer  # refused: ``connected`` never ran, so there is nothing for ``disconnect`` to undo
        self._recheck.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._recheck
        await super().websocket_disconnect(message)

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(self.recheck_seconds)
            try:
                code = await self._admit()
            except Exception:
                log.exception("socket recheck failed")
                code = CANNOT_TELL
            if code is not None:
                await self.close(code=code)
                return

    async def _admit(self) -> int | None:
        """Set ``self.user`` and ask for their right; the code to close with, or None when all is well."""
        user = await self._principal()
        if user is None:
            return NOT_SIGNED_IN
        self.user = user
        try:
            await self.authorise()
        except PermissionDenied:
            return NOT_ALLOWED
        return None

    async def _principal(self) -> User | None:
        origin = _header(self.scope, b"origin")
        if origin and not _origin_is_ours(origin, host=_header(self.scope, b"host")):
            return None
        token = _offered_token(self.scope)
        if token:
            return await database_sync_to_async(self._user_of_token)(token)
        if not origin:
            return None
        return await database_sync_to_async(_user_of_session)(_session_key(self.scope))

    def _user_of_token(self, raw: str) -> User | None:
        """An open socket outlives its access token, but not the sign-in that the token belongs to."""
        if self._claims is None:
            try:
                self._claims = AccessToken.parse(raw)
            except TokenError:
                return None
        return _with_roles(selectors.user_of_family(user_id=self._claims.user_id, family_id=self._claims.family_id))


def _with_roles(user: User | None) -> User | None:
    """Reads roles now, on a thread: later, in async code, Django would refuse to."""
    if user is not None:
        _ = user.grants
    return user


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name), "")


def _offered_token(scope: dict[str, Any]) -> str:
    protocols = scope.get("subprotocols") or []
    if len(protocols) == 2 and protocols[0] == BEARER:
        return str(protocols[1])
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]


def _origin_is_ours(origin: str, *, host: str) -> bool:
    """The page came from the host it now talks to, one that we answer for, or from a trusted origin."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.netloc.lower() != host.lower():
        return False
    # Like HttpRequest.get_host: with no ALLOWED_HOSTS under DEBUG, local names.
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return validate_host(name, allowed)


def _session_key(scope: dict[str, Any]) -> str:
    try:
        morsel = SimpleCookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def _user_of_session(session_key: str) -> User | None:
    """What ``django.contrib.auth.get_user`` does for a request: backend, status, and the hash that a new password changes."""
    if not session_key or "\x00" in session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user_id, backend = session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)
    if user_id is None or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = selectors.active_user(user_id)
    if user is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    return _with_roles(user)
