"""Secrets that the platform uses on behalf of definitions, and what has used each."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.auth.identifiers import uuid7


class Secret(models.Model):
    """A value that goes in and never comes out: a signing key, a token, a password. Definitions name it (``secretName``).

    Sealed by apps.auth.keyring, bound to the row's id. After a rotation the value before stays until ``previous_until``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=255, unique=True)
    description = models.TextField(default="", blank=True)
    hosts = ArrayField(
        models.CharField(max_length=255), default=list, blank=True, help_text="where it may be sent; empty: nowhere"
    )
    sealed_value = models.BinaryField()
    sealed_with = models.CharField(max_length=64, help_text="id of the key-ring key that sealed it")
    previous_value = models.BinaryField(null=True)
    previous_with = models.CharField(max_length=64, default="")
    previous_until = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=1, help_text="grows with every change; the ETag")
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=255, default="", help_text="username")
    rotated_at = models.DateTimeField(db_default=Now(), help_text="when the current value was set")
    rotated_by = models.CharField(max_length=255, default="", help_text="username")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["previous_until"], name="secret_previous", condition=Q(previous_until__isnull=False)),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="secret_previous_whole",
                condition=Q(previous_until=None, previous_value=None, previous_with="")
                | Q(previous_until__isnull=False, previous_value__isnull=False) & ~Q(previous_with=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SecretUse(models.Model):
    """When a secret was last taken for a purpose, such as ``webhook:orders``; to the minute."""

    pk = models.CompositePrimaryKey("secret", "purpose")
    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="uses")
    purpose = models.CharField(max_length=300)
    last_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.purpose
