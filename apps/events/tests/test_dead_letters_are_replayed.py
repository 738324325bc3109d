"""Dead letters: replayed once however often that is pressed, discarded, resolved, by filter and on a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.auth.access import AccessDenied
from apps.auth.models import User
from apps.events.models import DeadLetter, Delivery, Event
from apps.events.routing import route
from apps.events.services import dead_letters
from apps.events.subscribers import Permanent, Transient
from apps.events.tests.factories import Listener, new_event, recorded, registered
from apps.validation.problems import Conflict, Unprocessable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ears() -> Iterator[Listener]:
    """Its one subscriber can handle nothing, for now."""
    listener = Listener()
    listener.trouble = lambda event_id, subscriber_id: Permanent("Never.", code="NEVER")
    with registered(listener):
        yield listener


def drain() -> None:
    while route():
        pass


def dead(*names: str) -> list[DeadLetter]:
    recorded(*(new_event(name) for name in names))
    drain()
    return list(DeadLetter.objects.order_by("event_id"))


def mend(ears: Listener) -> None:
    ears.trouble = lambda event_id, subscriber_id: None


def test_a_replay_pressed_twice_has_one_effect(ears: Listener, admin: User) -> None:
    [letter] = dead("e-1")
    mend(ears)
    dead_letters.replay(actor=admin, letter_id=letter.id)
    dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    assert ears.heard == [("e-1", "listener:a")]
    letter.refresh_from_db()
    assert (letter.status, letter.resolution["strategy"], letter.resolution["resolvedBy"]) == (
        "resolved",
        "manual_retry",
        "admin",
    )
    assert Delivery.objects.get().status == "handled"
    with pytest.raises(Conflict):
        dead_letters.replay(actor=admin, letter_id=letter.id)


def test_a_replay_in_vain_leaves_the_letter_pending_with_its_history(ears: Listener, admin: User) -> None:
    [letter] = dead("e-1")
    ears.trouble = lambda event_id, subscriber_id: Transient("Not now.", code="BUSY")
    dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    letter.refresh_from_db()
    assert (letter.status, letter.retry_count, letter.error_code) == ("pending", 1, "BUSY")
    assert [entry["error"]["code"] for entry in letter.retry_history] == ["NEVER", "BUSY"]
    assert Delivery.objects.get().status == "dead"


def test_many_are_replayed_by_a_filter(ears: Listener, admin: User) -> None:
    letters = dead("e-1", "e-2", "e-3")
    dead_letters.discard(actor=admin, letter_id=letters[2].id, notes="Not needed.")
    mend(ears)
    assert dead_letters.replay_many(actor=admin, filters={"error_code": "OTHER"}) == 0
    assert dead_letters.replay_many(actor=admin, filters={"error_code": "NEVER"}) == 2
    drain()
    assert sorted(ears.heard) == [("e-1", "listener:a"), ("e-2", "listener:a")]


def test_a_replay_can_be_put_off(ears: Listener, admin: User) -> None:
    [letter] = dead("e-1")
    mend(ears)
    dead_letters.replay(actor=admin, letter_id=letter.id, at=timezone.now() + timedelta(hours=1))
    drain()
    assert ears.heard == []
    DeadLetter.objects.update(replay_at=timezone.now())
    drain()
    assert ears.heard == [("e-1", "listener:a")]


def test_an_event_whose_week_was_dropped_can_still_be_replayed(ears: Listener, admin: User) -> None:
    [letter] = dead("e-1")
    Event.objects.all().delete()
    Delivery.objects.all().delete()
    mend(ears)
    dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    assert ears.heard == [("e-1", "listener:a")]


def test_a_subscriber_that_is_gone_is_said_to_be(ears: Listener, admin: User) -> None:
    [letter] = dead("e-1")
    ears.ids = []
    dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    letter.refresh_from_db()
    assert (letter.status, letter.error_code) == ("pending", "SUBSCRIBER_GONE")


def test_who_gives_up_or_resolves_says_why(ears: Listener, admin: User) -> None:
    first, second = dead("e-1", "e-2")
    with pytest.raises(Unprocessable):
        dead_letters.discard(actor=admin, letter_id=first.id, notes=" ")
    dead_letters.discard(actor=admin, letter_id=first.id, notes="A test order.")
    dead_letters.resolve(actor=admin, letter_id=second.id, notes="Paid by hand.")
    assert list(DeadLetter.objects.order_by("event_id").values_list("status", "resolution__notes")) == [
        ("discarded", "A test order."),
        ("resolved", "Paid by hand."),
    ]
    with pytest.raises(Conflict):
        dead_letters.discard(actor=admin, letter_id=second.id, notes="No.")


def test_all_of_a_filter_can_be_given_up(ears: Listener, admin: User) -> None:
    dead("e-1", "e-2")
    assert dead_letters.discard_many(actor=admin, filters={"pattern": "order.paid"}, notes="Old.") == 2
    assert set(DeadLetter.objects.values_list("status", flat=True)) == {"discarded"}


def test_it_takes_a_right(ears: Listener, bob: User) -> None:
    [letter] = dead("e-1")
    with pytest.raises(AccessDenied):
        dead_letters.replay(actor=bob, letter_id=letter.id)


def test_a_subscriber_may_find_out_later_that_it_cannot(ears: Listener) -> None:
    mend(ears)
    [event] = recorded(new_event("e-1"))
    drain()
    dead_letters.refuse(
        event.document, "listener:a", {"type": "PERMANENT", "code": "LATE", "message": "After all, no."}
    )
    letter = DeadLetter.objects.get()
    assert (letter.event, letter.error_code, letter.status) == (event.id, "LATE", "pending")
    assert Delivery.objects.get().status == "dead"
    dead_letters.refuse(event.document | {"eventId": "never recorded"}, "listener:a", {"message": "x"})
    assert DeadLetter.objects.count() == 1


def test_what_has_ended_long_ago_is_forgotten_and_what_is_pending_is_not(ears: Listener, admin: User) -> None:
    over, fresh, pending = dead("e-1", "e-2", "e-3")
    for letter in (over, fresh):
        dead_letters.discard(actor=admin, letter_id=letter.id, notes="Old.")
    long_ago = timezone.now() - timedelta(days=100)
    DeadLetter.objects.filter(id__in=[over.id, pending.id]).update(updated_at=long_ago, created_at=long_ago)
    assert dead_letters.forget_letters(ended_before=timezone.now() - timedelta(days=90)) == 1
    assert set(DeadLetter.objects.values_list("event_id", flat=True)) == {"e-2", "e-3"}
