"""Counters behind the sign-in back-off."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class SignInCounter(models.Model):
    """Failed sign-ins for one key: a name from one address, a name from anywhere, or an address.

    The key is a digest, so the table tells nobody which names or addresses were tried.
    """

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    blocked_until = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["updated_at"], name="sign_in_counter_age")]

    def __str__(self) -> str:
        return self.key
