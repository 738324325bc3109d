"""Ed25519 public keys as JSON Web Keys (RFC 8037) and their thumbprints (RFC 7638). Pure."""

from __future__ import annotations

import base64
import hashlib
import json


def document(kid: str, public_key: bytes) -> dict[str, str]:
    """The published form of a key; ``public_key`` is 32 raw bytes."""
    return {"kty": "OKP", "crv": "Ed25519", "x": _b64(public_key), "kid": kid, "use": "sig", "alg": "EdDSA"}


def thumbprint(public_key: bytes) -> str:
    """A key's natural id: the same key always has the same, two keys never share one."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _b64(public_key)}
    return _b64(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
