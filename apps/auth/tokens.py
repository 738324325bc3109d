"""The two kinds of token, and what makes one genuine.

Both are JWTs signed with EdDSA. What is checked, all of it on every use: the algorithm (EdDSA and nothing else, so
neither ``none`` nor a public key passed off as an HMAC secret gets through), ``kid`` (one of our keys), the header's
``typ``, signature, ``iss``, ``aud``, ``exp``, ``iat``, ``jti``, and the kind of token. Nothing in a token is a right:
the account behind it is read, and must be active, each time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Self, cast
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from apps.auth import selectors
from apps.auth.identifiers import uuid7

ALGORITHM = "EdDSA"
FAMILY_CLAIM = "fam"
_REQUIRED = ["exp", "iat", "jti", "iss", "aud", "sub", FAMILY_CLAIM]
# Ours are about 600 characters. The cap keeps hostile headers from costing anything.
_MAX_LENGTH = 4_096


class Ed25519Backend(TokenBackend):
    """Verifies against the signing keys in the database, by ``kid``."""

    def __init__(self, header_type: str) -> None:
        super().__init__(ALGORITHM, audience=api_settings.AUDIENCE, issuer=api_settings.ISSUER)
        self.header_type = header_type

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The payload. Raises TokenBackendError, or TokenBackendExpiredToken when only its time is over."""
        if not verify:
            raise TokenBackendError("Tokens are always verified")
        if len(token) > _MAX_LENGTH:
            raise TokenBackendError("Token is invalid")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != self.header_type:
                raise TokenBackendError("Token is of the wrong type")
            key = selectors.verifying_key(str(header.get("kid", "")))
            if key is None:
                raise TokenBackendError("Token is signed with an unknown key")
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self.audience,
                issuer=self.issuer,
                options={"require": _REQUIRED, "strict_aud": True},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("Token is expired") from error
        # ValueError and RecursionError: headers that are no JSON, or JSON nested a thousand deep.
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise TokenBackendError("Token is invalid") from error

    def encode(self, payload: dict[str, Any]) -> str:
        raise NotImplementedError("use Token.sign, which names the key")


class SignedToken(Token):
    """A token of one sign-in (``fam``) of one account (``sub``)."""

    header_type: ClassVar[str]

    @property
    def token_backend(self) -> Ed25519Backend:
        return Ed25519Backend(self.header_type)

    @classmethod
    def parse(cls, raw: str | bytes) -> Self:
        """A genuine token. Raises TokenError for everything else."""
        return cls(raw)  # type: ignore[arg-type]  # the library declares what it decodes as a Token

    @classmethod
    def grant(cls, *, user_id: UUID, family_id: UUID) -> Self:
        """A new, unsigned token."""
        token = cls()
        token.payload |= {"sub": str(user_id), FAMILY_CLAIM: str(family_id)}
        return token

    def set_jti(self) -> None:
        self.payload["jti"] = str(uuid7())

    def sign(self, kid: str, key: Ed25519PrivateKey) -> str:
        """The encoded token."""
        payload = self.payload | {"iss": api_settings.ISSUER, "aud": api_settings.AUDIENCE}
        return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": self.header_type})

    def verify(self) -> None:
        super().verify()
        for claim in ("sub", FAMILY_CLAIM, "jti"):
            try:
                UUID(self.payload[claim])
            except (ValueError, TypeError, AttributeError) as error:
                raise TokenError(f"Token has a malformed {claim}") from error

    @property
    def user_id(self) -> UUID:
        return UUID(self.payload["sub"])

    @property
    def family_id(self) -> UUID:
        return UUID(self.payload[FAMILY_CLAIM])

    @property
    def id(self) -> UUID:
        return UUID(self.payload["jti"])


class AccessToken(SignedToken):
    """Shown with every request; minutes long (``SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]``)."""

    token_type = "access"  # noqa: S105
    header_type = "at+jwt"

    @property
    def lifetime(self) -> timedelta:  # type: ignore[override]
        return cast(timedelta, api_settings.ACCESS_TOKEN_LIFETIME)


class RefreshToken(SignedToken):
    """Exchanged once for a new pair (``SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]``, never beyond the family's end)."""

    token_type = "refresh"  # noqa: S105
    header_type = "rt+jwt"

    @property
    def lifetime(self) -> timedelta:  # type: ignore[override]
        return cast(timedelta, api_settings.REFRESH_TOKEN_LIFETIME)
