"""Signing keys, and the families of refresh tokens."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.auth.identifiers import uuid7
from apps.auth.models.people import User


class SigningKey(models.Model):
    """An Ed25519 key pair that signs tokens. At most one is active; retired ones still verify what they signed."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        RETIRED = "retired"

    kid = models.CharField(max_length=64, primary_key=True, help_text="RFC 7638 thumbprint of the public key.")
    public_key = models.BinaryField(help_text="32 raw bytes.")
    sealed_private_key = models.BinaryField(
        help_text="Sealed by apps.auth.keyring, bound to the kid. Empty when retired."
    )
    sealed_with = models.CharField(max_length=64, blank=True, help_text="Id of the key-ring key that sealed it.")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["status"], name="signing_key_one_active", condition=Q(status="active")),
            models.CheckConstraint(
                name="signing_key_retired_keeps_no_secret",
                condition=Q(status="active", retired_at=None) & ~Q(sealed_with="")
                | Q(status="retired", retired_at__isnull=False, sealed_with=""),
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class RefreshFamily(models.Model):
    """One sign-in of an API client: the chain of refresh tokens that came from it, revoked as a whole."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_families")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(help_text="Absolute: no refresh extends it.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=32, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user"], name="refresh_family_live", condition=Q(revoked_at=None)),
            models.Index(fields=["expires_at"], name="refresh_family_expiry"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="refresh_family_revoked_has_reason",
                condition=Q(revoked_at=None, revoked_reason="") | Q(revoked_at__isnull=False) & ~Q(revoked_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(models.Model):
    """One refresh token; its id is the token's ``jti``. Used once, then kept so that a second use is recognised."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    family = models.ForeignKey(RefreshFamily, on_delete=models.CASCADE, related_name="tokens")
    issued_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A family has at most one token that can still be exchanged.
            models.UniqueConstraint(fields=["family"], name="refresh_token_one_unused", condition=Q(used_at=None)),
            models.CheckConstraint(name="refresh_token_expires_later", condition=Q(expires_at__gt=F("issued_at"))),
        ]

    def __str__(self) -> str:
        return str(self.id)
