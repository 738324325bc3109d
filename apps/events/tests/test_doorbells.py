"""Doorbells: one message for many rings, none before the commit, and nothing lost when Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from apps.events import doorbell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The queues that messages went to."""
    queues: list[str] = []

    def send_task(name: str, args: tuple[str], queue: str, **_: Any) -> None:
        assert (name, args) == (doorbell.JOB, (queue,))
        queues.append(queue)

    monkeypatch.setattr(doorbell.current_app, "send_task", send_task)
    doorbell.answer((doorbell.ORCHESTRATOR, doorbell.IO))
    yield queues
    doorbell.answer((doorbell.ORCHESTRATOR, doorbell.IO))


def test_many_rings_before_an_answer_are_one_message(sent: list[str]) -> None:
    for _ in range(100):
        doorbell.ring(doorbell.IO)
    assert sent == [doorbell.IO]
    assert doorbell.is_rung([doorbell.IO])
    doorbell.answer([doorbell.IO])
    assert not doorbell.is_rung([doorbell.IO])
    doorbell.ring(doorbell.IO)
    assert sent == [doorbell.IO, doorbell.IO]


def test_each_queue_has_a_bell_of_its_own(sent: list[str]) -> None:
    doorbell.ring(doorbell.IO)
    assert not doorbell.is_rung([doorbell.ORCHESTRATOR])
    doorbell.ring(doorbell.ORCHESTRATOR)
    assert sent == [doorbell.IO, doorbell.ORCHESTRATOR]


def test_nobody_is_rung_for_before_the_commit_and_not_at_all_after_a_rollback(sent: list[str]) -> None:
    with transaction.atomic():
        doorbell.ring(doorbell.IO)
        assert sent == []
    assert sent == [doorbell.IO]
    doorbell.answer([doorbell.IO])
    with transaction.atomic():
        doorbell.ring(doorbell.IO)
        transaction.set_rollback(True)
    assert sent == [doorbell.IO]


def test_redis_being_away_fails_nothing(sent: list[str], settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    doorbell.client.cache_clear()
    try:
        doorbell.ring(doorbell.IO)
        doorbell.answer([doorbell.IO])
        assert doorbell.is_rung([doorbell.IO])  # cannot be known: better look once too often
    finally:
        doorbell.client.cache_clear()
    assert sent == []
