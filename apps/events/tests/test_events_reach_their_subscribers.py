"""The router: every event is handled by every subscriber once, or is that subscriber's dead letter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.auth.models import User
from apps.events.models import DeadLetter, Delivery, EventQueue, QueuedEvent
from apps.events.routing import is_waiting, route
from apps.events.services import dead_letters, queues
from apps.events.subscribers import Permanent, Transient
from apps.events.tests.factories import Listener, new_event, recorded, registered
from apps.events.tests.statements import counted_statements

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ears() -> Iterator[Listener]:
    listener = Listener(ids=["listener:a", "listener:b"])
    with registered(listener):
        yield listener


def drain() -> None:
    while route():
        pass


def outcomes() -> dict[tuple[str, str], str]:
    return {(row.event_id, row.subscriber_id): row.status for row in Delivery.objects.all()}


def test_an_event_reaches_every_subscriber_once(ears: Listener) -> None:
    recorded(new_event("e-1"), new_event("e-2"))
    recorded(new_event("e-1"))
    drain()
    drain()
    assert sorted(ears.heard) == [
        ("e-1", "listener:a"),
        ("e-1", "listener:b"),
        ("e-2", "listener:a"),
        ("e-2", "listener:b"),
    ]
    assert set(outcomes().values()) == {"handled"}
    assert not QueuedEvent.objects.exists()
    assert not is_waiting()


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(ears: Listener) -> None:
    def statements(names: list[str]) -> int:
        recorded(*(new_event(name) for name in names))
        with counted_statements() as seen:
            drain()
        return len(seen)

    statements(["warm"])
    assert statements(["one"]) == statements([f"many-{n}" for n in range(150)])


def test_what_one_subscriber_cannot_handle_is_its_dead_letter_and_nobody_elses(ears: Listener) -> None:
    ears.trouble = lambda event_id, subscriber_id: (
        Permanent("It has no address.", code="NO_ADDRESS", details={"field": "address"})
        if (event_id, subscriber_id) == ("e-2", "listener:b")
        else None
    )
    recorded(*(new_event(f"e-{n}", payload={"n": n}) for n in range(1, 6)))
    drain()
    assert len(ears.heard) == len(set(ears.heard)) == 9
    letter = DeadLetter.objects.get()
    assert (letter.event_id, letter.subscriber_id, letter.status) == ("e-2", "listener:b", "pending")
    assert letter.original_event["payload"] == {"n": 2}
    assert letter.error | {"stackTrace": None} == {
        "message": "It has no address.",
        "type": "PERMANENT",
        "code": "NO_ADDRESS",
        "context": {"field": "address"},
        "stackTrace": None,
    }
    assert outcomes()["e-2", "listener:b"] == "dead"


def test_a_defect_of_a_subscriber_is_a_dead_letter_with_its_trace(ears: Listener) -> None:
    ears.trouble = lambda event_id, subscriber_id: (
        ZeroDivisionError("by zero") if subscriber_id == "listener:a" else None
    )
    recorded(new_event())
    drain()
    letter = DeadLetter.objects.get()
    assert letter.error_code == "DEFECT"
    assert "ZeroDivisionError" in letter.error["stackTrace"]


def test_a_transient_failure_is_tried_again_after_a_while_and_then_given_up(ears: Listener) -> None:
    EventQueue.objects.update_or_create(id="default", defaults={"config": {"maxRetries": 2, "retryDelay": "PT1S"}})
    ears.trouble = lambda event_id, subscriber_id: Transient("Not now.") if subscriber_id == "listener:a" else None
    recorded(new_event())
    drain()
    row = Delivery.objects.get(subscriber_id="listener:a")
    assert row.status == "retrying"
    assert row.next_attempt_at > row.updated_at
    assert not DeadLetter.objects.exists()
    for attempt in (2, 3):
        drain()  # too early
        Delivery.objects.filter(status="retrying").update(next_attempt_at=row.created_at)
        drain()
        assert Delivery.objects.get(subscriber_id="listener:a").attempts == attempt
    letter = DeadLetter.objects.get()
    assert (letter.error_type, letter.retry_count, len(letter.retry_history)) == ("TRANSIENT", 2, 3)


def test_a_transient_failure_that_passes_is_handled_once(ears: Listener) -> None:
    ears.trouble = lambda event_id, subscriber_id: Transient("Not now.") if subscriber_id == "listener:a" else None
    recorded(new_event())
    drain()
    ears.trouble = lambda event_id, subscriber_id: None
    Delivery.objects.filter(status="retrying").update(next_attempt_at="2020-01-01T00:00:00Z")
    drain()
    drain()
    assert sorted(ears.heard) == [("e-1", "listener:a"), ("e-1", "listener:b")]
    assert set(outcomes().values()) == {"handled"}


def test_an_event_of_which_nobody_can_say_whom_it_concerns_stops_no_other(ears: Listener, admin: User) -> None:
    ears.unclear = {"e-2"}
    recorded(*(new_event(f"e-{n}") for n in range(1, 4)))
    drain()
    assert {event_id for event_id, _ in ears.heard} == {"e-1", "e-3"}
    letter = DeadLetter.objects.get()
    assert letter.subscriber_id == "listener:*"
    ears.unclear = set()
    dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    assert [pair for pair in ears.heard if pair[0] == "e-2"] == [("e-2", "listener:a"), ("e-2", "listener:b")]
    letter.refresh_from_db()
    assert letter.status == "resolved"
    assert outcomes()["e-2", "listener:b"] == "handled"


# Queues


def test_a_paused_queue_routes_nothing_and_the_others_go_on(ears: Listener, admin: User) -> None:
    queues.save(actor=admin, key="orders", document={"patterns": ["order.**"]})
    queues.pause(actor=admin, key="orders")
    recorded(new_event("e-1"), new_event("e-2", "other.thing"))
    drain()
    assert {event_id for event_id, _ in ears.heard} == {"e-2"}
    assert not is_waiting()
    queues.resume(actor=admin, key="orders")
    drain()
    assert {event_id for event_id, _ in ears.heard} == {"e-1", "e-2"}


def test_a_queue_that_is_taken_away_leaves_its_events_to_the_default_one(ears: Listener, admin: User) -> None:
    queues.save(actor=admin, key="orders", document={"patterns": ["order.*"]})
    queues.pause(actor=admin, key="orders")
    recorded(new_event("e-1"))
    queues.delete(actor=admin, key="orders")
    drain()
    assert {event_id for event_id, _ in ears.heard} == {"e-1"}


def test_where_a_queue_keeps_an_order_what_follows_a_failed_event_waits_for_it(ears: Listener, admin: User) -> None:
    queues.save(actor=admin, key="default", document={"config": {"partitionKey": "event.payload.customer"}})
    ears.ids = ["listener:a"]
    ears.trouble = lambda event_id, subscriber_id: Transient("Not now.") if event_id == "c1-1" else None
    recorded(*(new_event(f"{c}-{n}", payload={"customer": c}) for n in range(1, 4) for c in ("c1", "c2")))
    drain()
    assert [event_id for event_id, _ in ears.heard] == ["c2-1", "c2-2", "c2-3"]
    recorded(new_event("c1-4", payload={"customer": "c1"}))
    drain()
    assert len(ears.heard) == 3
    ears.trouble = lambda event_id, subscriber_id: None
    Delivery.objects.filter(event_id="c1-1").update(next_attempt_at="2020-01-01T00:00:00Z")
    drain()
    assert [event_id for event_id, _ in ears.heard][3:] == ["c1-1", "c1-2", "c1-3", "c1-4"]


def test_a_dead_letter_lets_those_behind_it_go_on(ears: Listener, admin: User) -> None:
    queues.save(actor=admin, key="default", document={"config": {"partitionKey": "event.payload.customer"}})
    ears.ids = ["listener:a"]
    ears.trouble = lambda event_id, subscriber_id: Permanent("Never.") if event_id == "e-1" else None
    recorded(*(new_event(f"e-{n}", payload={"customer": "c"}) for n in range(1, 4)))
    drain()
    assert [event_id for event_id, _ in ears.heard] == ["e-2", "e-3"]
