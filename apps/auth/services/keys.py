"""The keys that sign tokens: made, rotated, cleared away."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone

from apps.auth import jwk, keyring
from apps.auth.models import SigningKey, User
from apps.auth.services.audit import record_audit

_PURPOSE = "signing-key"
# Two processes that both find no key must not both make one.
_KEYS_LOCK = 4_071_002


class Signer(NamedTuple):
    """The active private key and the id under which its public half is published."""

    kid: str
    key: Ed25519PrivateKey


def active_signer() -> Signer:
    """The key to sign with. Makes one when there is none, or when the one there no longer opens with the key ring."""
    row = SigningKey.objects.filter(status=SigningKey.Status.ACTIVE).first()
    if row is not None:
        try:
            return _open(row)
        except keyring.SealBroken:
            pass
    return _replace(seen=row)


@transaction.atomic
def rotate_signing_key(*, actor: User | None) -> Signer:
    """Retire the active key and make a new one. Tokens that the old one signed stay valid until they expire."""
    _take_turns()
    now = timezone.now()
    retired = SigningKey.objects.filter(status=SigningKey.Status.ACTIVE)
    old = list(retired.values_list("kid", flat=True))
    # What signs nothing any more need not be kept: only the public half is.
    retired.update(status=SigningKey.Status.RETIRED, retired_at=now, sealed_private_key=b"", sealed_with="")
    signer = _create()
    record_audit(
        actor=actor, action="signing_key.rotated", resource="signing_key", resource_id=signer.kid, details={"old": old}
    )
    return signer


def forget_retired_keys(*, retired_before: datetime) -> int:
    """Delete keys retired before that time: their public halves leave the JWKS, what they signed is refused."""
    removed, _ = SigningKey.objects.filter(status=SigningKey.Status.RETIRED, retired_at__lt=retired_before).delete()
    return removed


@transaction.atomic
def _replace(*, seen: SigningKey | None) -> Signer:
    _take_turns()
    current = SigningKey.objects.filter(status=SigningKey.Status.ACTIVE).first()
    if current is not None and (seen is None or current.kid != seen.kid):
        return _open(current)  # another process was faster
    return rotate_signing_key(actor=None)


def _create() -> Signer:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    kid = jwk.thumbprint(public)
    sealed = keyring.seal(key.private_bytes_raw(), purpose=_PURPOSE, context=kid)
    SigningKey.objects.create(kid=kid, public_key=public, sealed_private_key=sealed.data, sealed_with=sealed.key_id)
    return Signer(kid, key)


def _open(row: SigningKey) -> Signer:
    sealed = keyring.Sealed(row.sealed_with, bytes(row.sealed_private_key))
    raw = keyring.unseal(sealed, purpose=_PURPOSE, context=row.kid)
    return Signer(row.kid, Ed25519PrivateKey.from_private_bytes(raw))


def _take_turns() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_KEYS_LOCK])
