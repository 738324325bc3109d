"""Weeks of the event store: made ahead, filled from the default part, dropped when they are older than is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.events.models import Delivery, Event, EventKey, QueuedEvent
from apps.events.routing import route
from apps.events.services.partitions import drop_older as drop
from apps.events.services.partitions import make_ahead, monday_of
from apps.events.subscribers import Transient
from apps.events.tests.factories import Listener, new_event, recorded, registered

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 6, 18, 12, tzinfo=UTC)  # a Wednesday; far from the weeks that the migrations made
KEEP = timedelta(days=14)


def came(event_id: str, at: datetime) -> None:
    """An event that was recorded at another time than now."""
    recorded(new_event(event_id))
    id_ = Event.objects.values_list("pk", flat=True).get(event_id=event_id)
    QueuedEvent.objects.filter(event=id_).update(recorded_at=at)
    EventKey.objects.filter(event_id=event_id).update(recorded_at=at)
    Event.objects.filter(event_id=event_id).update(recorded_at=at)


def routed() -> None:
    while route():
        pass


def part_of(event_id: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM events_event WHERE event_id = %s", [event_id])
        return str(cursor.fetchone()[0])


def drop_older() -> list[str]:
    """Without the weeks before 2031, which are those of the day on which the tests run."""
    return [name for name in drop(NOW, KEEP) if name > "events_event_p2031"]


def test_a_week_begins_on_monday_in_utc() -> None:
    assert monday_of(datetime.fromisoformat("2031-06-16T00:30:00+02:00")) == datetime(2031, 6, 9).date()


def test_four_weeks_are_made_ahead_and_only_once() -> None:
    made = make_ahead(NOW)
    assert [name for name in made if name.startswith("events_event")] == [
        f"events_event_p203106{day}" for day in (16, 23, 30)
    ] + ["events_event_p20310707"]
    assert len(made) == 8
    assert make_ahead(NOW) == []
    assert make_ahead(NOW + timedelta(weeks=1)) == ["events_event_p20310714", "events_delivery_p20310714"]


def test_what_came_before_its_week_was_made_moves_there_out_of_the_default_part() -> None:
    came("now", NOW)
    came("much later", NOW + timedelta(weeks=9))
    assert part_of("now") == "events_event_default"
    make_ahead(NOW)
    assert part_of("now") == "events_event_p20310616"
    assert part_of("much later") == "events_event_default"
    came("after", NOW)
    assert part_of("after") == "events_event_p20310616"


def test_deliveries_move_with_their_events() -> None:
    with registered(Listener()):
        came("now", NOW)
        routed()
    assert Delivery.objects.get().recorded_at == NOW
    make_ahead(NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM events_delivery")
        assert cursor.fetchall() == [("events_delivery_p20310616",)]


def test_a_week_that_is_older_than_is_kept_goes_with_its_events_deliveries_and_ids() -> None:
    old = NOW - timedelta(weeks=4)
    make_ahead(old)
    with registered(Listener()):
        came("old", old)
        came("young", NOW - timedelta(weeks=1))
        routed()
    assert drop_older() == ["events_event_p20310519", "events_event_p20310526"]
    assert set(Event.objects.values_list("event_id", flat=True)) == {"young"}
    assert set(Delivery.objects.values_list("event_id", flat=True)) == {"young"}
    assert set(EventKey.objects.values_list("event_id", flat=True)) == {"young"}
    assert drop_older() == []


def test_a_week_with_an_event_that_is_still_queued_stays_and_the_next_one_does_not_wait_for_it() -> None:
    make_ahead(NOW - timedelta(weeks=4))
    came("queued", NOW - timedelta(weeks=4))
    came("routed", NOW - timedelta(weeks=3))
    QueuedEvent.objects.exclude(recorded_at__lt=NOW - timedelta(weeks=3, days=3)).delete()
    assert drop_older() == ["events_event_p20310526"]
    assert Event.objects.get().event_id == "queued"


def test_the_id_of_an_event_that_stays_is_not_forgotten() -> None:
    make_ahead(NOW - timedelta(weeks=4))
    came("queued", NOW - timedelta(weeks=4))
    drop_older()
    recorded(new_event("queued"))
    assert Event.objects.count() == 1


def test_a_week_with_a_delivery_that_is_still_open_stays_until_it_is_over() -> None:
    make_ahead(NOW - timedelta(weeks=4))
    ears = Listener()
    ears.trouble = lambda event_id, subscriber_id: Transient("Not now.")
    with registered(ears):
        came("open", NOW - timedelta(weeks=4))
        routed()
    assert Delivery.objects.get().status == "retrying"
    assert drop_older() == ["events_event_p20310526"]
    Delivery.objects.update(status="handled", next_attempt_at=None)
    assert drop_older() == ["events_event_p20310519"]
    assert not Event.objects.exists()
    assert not EventKey.objects.exists()


def test_what_came_while_nobody_made_weeks_goes_as_well_but_not_while_it_is_open() -> None:
    came("over", NOW - timedelta(weeks=4))
    QueuedEvent.objects.all().delete()
    came("queued", NOW - timedelta(weeks=4))
    assert {part_of(name) for name in ("over", "queued")} == {"events_event_default"}
    drop_older()
    assert Event.objects.get().event_id == "queued"
    assert list(EventKey.objects.values_list("event_id", flat=True)) in (["queued"], ["over", "queued"])
    recorded(new_event("queued"))
    assert Event.objects.count() == 1
