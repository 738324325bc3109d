"""Sign-ins of API clients: pairs of tokens, their exchange, their end.

A sign-in is a *family*. Each refresh token works once; the exchange marks it used and issues the next. A second use
means that two parties hold the same token, one of whom must have taken it, and since nobody can tell which, the
whole family ends. The family has an absolute end that no exchange moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from apps.auth import tokens
from apps.auth.models import RefreshFamily, RefreshToken, User
from apps.auth.services.audit import record_audit
from apps.auth.services.keys import Signer, active_signer


class RefreshRefused(Exception):
    """The refresh token is not genuine, over, used before, or of an account that may not act."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Encoded tokens, and the seconds until the access token expires."""

    access: str
    refresh: str
    expires_in: int


@transaction.atomic
def open_session(*, user: User) -> TokenPair:
    """Begin a family for an account whose credentials were just verified."""
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(last_login=now)
    family = RefreshFamily.objects.create(user=user, expires_at=now + settings.AUGMENTED_SIGN_IN_LIFETIME)
    return _issue(family, signer=active_signer(), now=now)


def refresh(*, token: str, request_meta: dict[str, Any] | None = None) -> TokenPair:
    """Exchange a refresh token. Raises RefreshRefused; a token seen before also ends its family.

    The row lock on the family makes parallel exchanges take turns: of fifty with the same token, one gets through.
    The transaction is this function's own (``durable``), so that revoking is not undone by the refusal that follows.
    """
    claims = _verified(token)
    signer = active_signer()
    with transaction.atomic(durable=True):
        pair = _exchange(claims, signer=signer, request_meta=request_meta)
    if pair is None:
        raise RefreshRefused
    return pair


def close_session(*, token: str) -> None:
    """Sign out: end the family of that refresh token. A token that is not genuine or over ends nothing, silently."""
    try:
        claims = _verified(token)
    except RefreshRefused:
        return
    with transaction.atomic():
        family = RefreshFamily.objects.select_for_update().select_related(None).filter(pk=claims.family_id).first()
        if family is not None and family.revoked_at is None:
            _revoke(family, reason="signed out")


def end_all_sessions(*, user: User, reason: str) -> int:
    """Revoke every live family of the account, in the caller's transaction. Returns how many."""
    return RefreshFamily.objects.filter(user=user, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_reason=reason
    )


def forget_ended_sessions(*, ended_before: datetime) -> int:
    """Delete families whose absolute end lies before that time, with their tokens."""
    removed, _ = RefreshFamily.objects.filter(expires_at__lt=ended_before).delete()
    return removed


def _verified(token: str) -> tokens.RefreshToken:
    try:
        return tokens.RefreshToken.parse(token)
    except TokenError as error:
        raise RefreshRefused from error


def _exchange(claims: tokens.RefreshToken, *, signer: Signer, request_meta: dict[str, Any] | None) -> TokenPair | None:
    now = timezone.now()
    family = (
        RefreshFamily.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(pk=claims.family_id, user_id=claims.user_id)
        .first()
    )
    if family is None or family.revoked_at is not None or family.expires_at <= now or not family.user.is_active:
        return None
    token = family.tokens.filter(pk=claims.id).first()
    if token is None:
        return None
    if token.used_at is not None:
        _revoke(family, reason="token reused")
        record_audit(
            actor=None,
            action="session.token_reused",
            resource="user",
            resource_id=str(family.user_id),
            details={"family": str(family.pk)},
            request_meta=request_meta,
        )
        return None
    token.used_at = now
    token.save(update_fields=["used_at"])
    return _issue(family, signer=signer, now=now)


def _issue(family: RefreshFamily, *, signer: Signer, now: datetime) -> TokenPair:
    access = tokens.AccessToken.grant(user_id=family.user_id, family_id=family.pk)
    refresh_token = tokens.RefreshToken.grant(user_id=family.user_id, family_id=family.pk)
    expires_at = min(now + refresh_token.lifetime, family.expires_at)
    refresh_token["exp"] = int(expires_at.timestamp())
    RefreshToken.objects.create(pk=refresh_token.id, family=family, expires_at=expires_at)
    return TokenPair(
        access=access.sign(*signer),
        refresh=refresh_token.sign(*signer),
        expires_in=int(access.lifetime.total_seconds()),
    )


def _revoke(family: RefreshFamily, *, reason: str) -> None:
    family.revoked_at, family.revoked_reason = timezone.now(), reason
    family.save(update_fields=["revoked_at", "revoked_reason"])
