"""Writes of this app: answers remembered under idempotency keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.validation.models import IdempotencyKey
from apps.validation.problems import Unprocessable

KEPT_FOR = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer. `keep` is false for one that must not be repeated, because nothing was done."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    keep: bool = True


def answer_once(
    *, principal_id: UUID, key: str, request_hash: str, produce: Callable[[], Answer]
) -> tuple[Answer, bool]:
    """Produce an answer, or repeat the one given before. Returns it and whether it is a repeat.

    1. Insert the key's row. If another request holds the same key, this waits until that one commits or rolls back.
    2. If the row was there: the stored answer, or Unprocessable if the request was another one.
    3. Else produce the answer and store it; effect, row and answer commit together.
    """
    with transaction.atomic():
        row = IdempotencyKey(principal_id=principal_id, key=key, request_hash=request_hash)
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
        stored = IdempotencyKey.objects.select_for_update().get(principal_id=principal_id, key=key)
        if stored.status is not None:
            return _repeat(stored, request_hash), True
        answer = produce()
        if answer.keep:
            stored.status, stored.body, stored.headers = answer.status, answer.body, answer.headers
            stored.save(update_fields=["status", "body", "headers"])
        else:
            stored.delete()
        return answer, False


def _repeat(stored: IdempotencyKey, request_hash: str) -> Answer:
    if stored.request_hash != request_hash:
        raise Unprocessable(
            "This Idempotency-Key was used for another request; take a new key for a new request.",
            code="idempotency-key-reused",
        )
    assert stored.status is not None
    return Answer(stored.status, stored.body, dict(stored.headers))


def forget_old_answers(*, older_than: timedelta = KEPT_FOR) -> int:
    """Delete answers that nobody will ask for any more. Returns how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - older_than).delete()
    return deleted
