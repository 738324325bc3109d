"""Recording events: once each, in the caller's transaction."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from apps.events.models import Event
from apps.events.services import NewEvent, record_events
from apps.events.tests.statements import counted_statements

SOURCE = {"type": "system", "id": "test", "name": "test"}


def event(name: str = "e-1", payload: Any = None, **more: Any) -> NewEvent:
    return NewEvent(name, "order.paid", payload, SOURCE, **more)


@pytest.mark.django_db
def test_an_event_recorded_twice_is_one_and_stays_as_it_was() -> None:
    record_events([event(payload={"n": 1})])
    record_events([event(payload={"n": 2}), event("e-2")])
    assert dict(Event.objects.values_list("event_id", "payload")) == {"e-1": {"n": 1}, "e-2": None}


@pytest.mark.django_db
def test_the_same_event_twice_in_one_call_is_one() -> None:
    record_events([event(payload=1), event(payload=2)])
    assert Event.objects.get().payload == 1


@pytest.mark.django_db
@pytest.mark.parametrize("payload", [None, False, 0, "", [], {}, "null", {"a": None}, [None], 1.5, "ü€𝄞"])
def test_a_payload_comes_back_as_it_was(payload: Any) -> None:
    record_events([event(payload=payload)])
    assert Event.objects.get().payload == payload


@pytest.mark.django_db
def test_a_thousand_events_cost_one_statement() -> None:
    record_events([event("warm-up")])
    with counted_statements() as seen:
        record_events([event(f"e-{n}", {"n": n}, metadata={"tags": ["x"]}) for n in range(1_000)])
        record_events([])
    assert len(seen) == 1
    assert Event.objects.count() == 1_001


@pytest.mark.django_db(transaction=True)
def test_an_event_is_gone_with_the_transaction_it_was_recorded_in() -> None:
    with transaction.atomic():
        record_events([event()])
        transaction.set_rollback(True)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_that_record_the_same_event_at_once_record_one() -> None:
    barrier = threading.Barrier(4)

    def record() -> None:
        barrier.wait(10)
        record_events([event(payload=1)])
        connection.close()

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert Event.objects.count() == 1
