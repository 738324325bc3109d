"""What queues say of themselves: sampled by the minute, summed up in checkpoints, read in charts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.auth.models import User
from apps.events import queueing
from apps.events.models import Checkpoint, DeadLetter, EventQueue, QueuedEvent, QueueMinute
from apps.events.routing import route
from apps.events.selectors import queues as selectors
from apps.events.services import queues
from apps.events.subscribers import Permanent, Transient
from apps.events.tests.factories import Listener, new_event, recorded, registered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ears() -> Iterator[Listener]:
    listener = Listener()
    with registered(listener):
        yield listener


@pytest.fixture
def orders(admin: User) -> EventQueue:
    return queues.save(actor=admin, key="orders", document={"patterns": ["order.*"]})[0]


def metrics(admin: User, key: str) -> dict[str, float]:
    found: dict[str, float] = selectors.shown([selectors.find_queue(admin, key)])[0]["queueMetrics"]
    return found


def routed() -> None:
    while route():
        pass


def minute(queue: str, ago: int, **figures: float) -> QueueMinute:
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=ago)
    return QueueMinute.objects.create(queue=queue, minute=at, slot=1, **figures)


def a_minute_passes(count: int = 1) -> None:
    """For the figures: all of them are that much older."""
    back = timedelta(minutes=count)
    for row in QueueMinute.objects.order_by("minute"):
        QueueMinute.objects.filter(queue=row.queue, minute=row.minute, slot=row.slot).update(minute=row.minute - back)
    for mark in Checkpoint.objects.all():
        Checkpoint.objects.filter(id=mark.id).update(created_at=mark.created_at - back)


class TestSampling:
    def test_the_depth_of_every_queue_is_noted_once_a_minute(self, orders: EventQueue, admin: User) -> None:
        queues.pause(actor=admin, key="orders")
        recorded(new_event("e-1"), new_event("e-2"), new_event("e-3", pattern="other.thing"))
        assert queues.sample() is True
        assert queues.sample() is False
        rows = QueueMinute.objects.filter(slot=-1)
        assert dict(rows.values_list("queue", "depth")) == {"orders": 2, "default": 1}

    def test_the_age_is_that_of_the_event_that_waits_longest(self, admin: User) -> None:
        recorded(new_event("e-1"), new_event("e-2"))
        QueuedEvent.objects.filter(id=QueuedEvent.objects.order_by("id")[0].id).update(
            recorded_at=timezone.now() - timedelta(minutes=5)
        )
        queues.sample()
        assert QueueMinute.objects.get(queue="default", slot=-1).oldest_age_ms == pytest.approx(300_000, abs=10_000)
        assert metrics(admin, "default")["oldestAgeMs"] == pytest.approx(300_000, abs=10_000)

    def test_what_lies_in_a_queue_that_is_gone_is_brought_home(self, orders: EventQueue) -> None:
        recorded(new_event("e-1"))
        EventQueue.objects.filter(id="orders").delete()
        queues.sample()
        assert QueuedEvent.objects.get().queue == "default"

    def test_a_queue_that_another_process_has_just_set_up_keeps_its_events(self, admin: User) -> None:
        queueing.queues()
        EventQueue.objects.create(id="orders", patterns=["order.*"])
        QueuedEvent.objects.create(queue="orders", event=recorded(new_event("e-1"))[0].id, recorded_at=timezone.now())
        queues.sample()
        assert QueuedEvent.objects.filter(queue="orders").count() == 1


class TestCheckpoints:
    def test_minutes_that_are_over_are_summed_up(self, orders: EventQueue, admin: User) -> None:
        minute("orders", 3, processed=4, errors=1, millis=40)
        minute("orders", 2, processed=6, millis=20)
        minute("orders", 0, processed=5, millis=10)
        queues.sample()
        mark = Checkpoint.objects.get()
        assert (mark.queue, mark.event_count, mark.errors, mark.millis) == ("orders", 10, 1, 60)
        assert metrics(admin, "orders") == {
            "totalProcessed": 15,
            "totalErrors": 1,
            "avgProcessingTimeMs": pytest.approx(70 / 15, abs=0.001),
            "depth": 0,
            "oldestAgeMs": 0,
            "lastTwoMinutes": 5,
            "retrying": 0,
        }

    def test_no_minute_counts_twice_however_often_it_is_summed_up(self, orders: EventQueue, admin: User) -> None:
        for passed in range(1, 6):
            minute("orders", 0, processed=7)
            queues.sample()
            assert metrics(admin, "orders")["totalProcessed"] == 7 * passed
            a_minute_passes()
        a_minute_passes()
        queues.sample()
        assert Checkpoint.objects.order_by("-created_at")[0].event_count == 35

    def test_a_queue_that_stands_still_makes_none(self, orders: EventQueue) -> None:
        minute("orders", 3, processed=1)
        queues.sample()
        a_minute_passes(3)
        queues.sample()
        assert Checkpoint.objects.count() == 1

    def test_the_latest_outlives_its_time_for_it_counts(self, orders: EventQueue, admin: User) -> None:
        old = timezone.now() - timedelta(days=60)
        for number in (1, 2):
            Checkpoint.objects.create(queue="orders", event_count=number, created_at=old + timedelta(days=number))
        QueueMinute.objects.create(queue="orders", minute=timezone.now() - timedelta(days=8), slot=1, processed=9)
        queues.forget_figures()
        assert list(Checkpoint.objects.values_list("event_count", flat=True)) == [2]
        assert not QueueMinute.objects.exists()
        assert metrics(admin, "orders")["totalProcessed"] == 2


class TestMinutes:
    def test_what_is_routed_counts_in_the_minute_of_now(self, ears: Listener, admin: User) -> None:
        ears.trouble = lambda event_id, _: (
            Permanent("Never.") if event_id == "e-1" else Transient("Not now.") if event_id == "e-2" else None
        )
        recorded(*(new_event(f"e-{n}") for n in range(1, 6)))
        routed()
        now = timezone.now()
        found = selectors.minutes(admin, "default", since=now - timedelta(minutes=5), until=now)
        assert sum(each["processed"] for each in found) == 5
        assert sum(each["errors"] for each in found) == DeadLetter.objects.count() == 1
        assert metrics(admin, "default")["retrying"] == 1

    def test_minutes_without_anything_are_there_as_well(self, admin: User) -> None:
        minute("default", 2, processed=3)
        now = timezone.now()
        found = selectors.minutes(admin, "default", since=now - timedelta(minutes=4), until=now)
        assert [each["processed"] for each in found] == [0, 0, 3, 0, 0]

    def test_all_queues_cost_one_statement(self, orders: EventQueue, admin: User) -> None:
        rows = [orders, selectors.find_queue(admin, "default")]
        with CaptureQueriesContext(connection) as queries:
            selectors.shown(rows)
        assert len(queries) <= 1
