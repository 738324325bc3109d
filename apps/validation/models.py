"""What the HTTP edge remembers: answers to requests that carried an Idempotency-Key."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """One accepted request of one principal, with the answer it was given.

    The row is written in the transaction of the request's effect: if one exists, so does the other.
    """

    principal_id = models.UUIDField()
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal_id", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.principal_id}:{self.key}"
