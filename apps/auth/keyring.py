"""Sealing secrets at rest: AES-256-GCM under a ring of keys.

``settings.KEY_RING`` maps key ids to secrets; the first seals, all open. So a key is rotated by putting a new one in
front, sealing everything anew, and taking the old one out. Each purpose gets a key of its own (HKDF-SHA256), and the
caller's ``context`` (what the secret is and whose) is authenticated: a sealed value copied to another row won't open.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12


class SealBroken(Exception):
    """The value cannot be opened: its key left the ring, it was altered, or it belongs to something else."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext (nonce first) and the id of the ring key that sealed it."""

    key_id: str
    data: bytes


def seal(plaintext: bytes, *, purpose: str, context: str) -> Sealed:
    """Encrypt under the ring's first key."""
    key_id, secret = next(iter(settings.KEY_RING.items()))
    nonce = os.urandom(_NONCE_BYTES)
    return Sealed(key_id, nonce + _cipher(secret, purpose).encrypt(nonce, plaintext, context.encode()))


def unseal(sealed: Sealed, *, purpose: str, context: str) -> bytes:
    """The plaintext. Raises SealBroken."""
    secret = settings.KEY_RING.get(sealed.key_id)
    if secret is None:
        raise SealBroken(f"no key {sealed.key_id!r} in the ring")
    nonce, ciphertext = sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:]
    try:
        return _cipher(secret, purpose).decrypt(nonce, ciphertext, context.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken("the value does not open with its key") from error


@lru_cache(maxsize=64)
def _cipher(secret: str, purpose: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"augmented/{purpose}".encode())
    return AESGCM(derived.derive(secret.encode()))
