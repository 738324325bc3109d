"""The rule of a schedule: which slots it has, over clock changes too. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from apps.workflows.rules.timetable import BadCron, Timetable, check_cron, jitter_of, words, zone_of


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def local(timetable: Timetable, after: str, count: int) -> list[str]:
    return [each.astimezone(timetable.zone).isoformat() for each in islice(timetable.slots(at(after)), count)]


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        # Spring: a time that the night leaves out comes at the first moment after the gap.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00Z", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("America/New_York", "30 2 * * *", "2026-03-07T12:00Z", ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]),
        ("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00Z", ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00Z", ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]),
        # … and two of them that fall on that moment are one.
        ("Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00Z", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]),
        # Autumn: a time that the night has twice comes the first time only.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00Z", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        ("Europe/London", "30 1 * * *", "2026-10-24T12:00Z", ["2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00Z", ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
        # … also when it is asked for between the two.
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T01:10Z", ["2026-10-26T02:30:00+01:00"]),
        # What names no hour follows elapsed time.
        (
            "Europe/Berlin", "30 * * * *", "2026-10-24T23:50Z",
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"],
        ),
        ("Europe/Berlin", "*/30 * * * *", "2026-03-29T00:40Z", ["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]),
        # Zones without clock changes, offsets of a quarter of an hour, leap days.
        ("Asia/Kathmandu", "0 9 * * 1-5", "2026-01-02T12:00Z", ["2026-01-05T09:00:00+05:45", "2026-01-06T09:00:00+05:45"]),
        ("UTC", "0 0 29 2 *", "2026-01-01T00:00Z", ["2028-02-29T00:00:00+00:00", "2032-02-29T00:00:00+00:00"]),
        ("UTC", "0 0 L * *", "2026-01-31T00:00Z", ["2026-02-28T00:00:00+00:00", "2026-03-31T00:00:00+00:00"]),
    ],
)  # fmt: skip
def test_cron_fires_when_the_wall_clock_says(zone: str, cron: str, after: str, expected: list[str]) -> None:
    assert local(Timetable(zone_of(zone), cron), after, len(expected)) == expected


@pytest.mark.parametrize(
    ("zone", "day", "cron"),
    [
        ("Europe/Berlin", "2026-03-29", "30 2 * * *"),
        ("Europe/Berlin", "2026-10-25", "30 2 * * *"),
        ("America/New_York", "2026-03-08", "30 2 * * *"),
        ("America/New_York", "2026-11-01", "30 1 * * *"),
        ("Australia/Lord_Howe", "2026-04-05", "45 1 * * *"),
        ("America/Santiago", "2026-09-06", "30 0 * * *"),
    ],
)
def test_a_night_with_a_clock_change_has_exactly_one_fire(zone: str, day: str, cron: str) -> None:
    """However often it is asked, and from whichever moment: the slots found step by step are those found at one go."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone_of(zone))
    begin, end = midnight.astimezone(UTC) - timedelta(hours=1), (midnight + timedelta(days=1)).astimezone(UTC)
    timetable = Timetable(zone_of(zone), cron)
    found = set()
    moment = begin
    while moment < end:
        slot = timetable.next(moment)
        assert slot is not None and slot > moment
        if slot <= end:
            found.add(slot)
        moment += timedelta(minutes=7)
    assert len(found) == len(list(timetable.slots(begin, end))) == 1


def test_an_interval_is_elapsed_time_and_counts_from_its_start() -> None:
    timetable = Timetable(UTC, interval=timedelta(hours=12), first=at("2026-03-28T08:00Z"))
    assert local(timetable, "2026-03-28T07:00Z", 2) == ["2026-03-28T08:00:00+00:00", "2026-03-28T20:00:00+00:00"]
    assert local(timetable, "2026-03-28T08:00Z", 1) == ["2026-03-28T20:00:00+00:00"]
    assert local(timetable, "2027-03-28T08:00:01Z", 1) == ["2027-03-28T20:00:00+00:00"]


def test_start_and_end_are_included() -> None:
    timetable = Timetable(UTC, "0 * * * *", start_at=at("2026-01-01T10:00Z"), end_at=at("2026-01-01T12:00Z"))
    expected = ["2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00+00:00", "2026-01-01T12:00:00+00:00"]
    assert local(timetable, "2025-01-01T00:00Z", 9) == expected
    assert timetable.next(at("2026-01-01T12:00Z")) is None


def test_the_end_of_the_calendar_is_an_end() -> None:
    assert Timetable(UTC, "0 0 1 1 *").next(at("9999-06-01T00:00Z")) is None
    assert (
        Timetable(UTC, interval=timedelta(days=3650), first=at("9995-06-01T00:00Z")).next(at("9996-01-01T00:00Z"))
        is None
    )


@pytest.mark.parametrize("cron", ["* * * * *", "0 9 * * 1-5", "0 0 1 * *", "30 2 29 2 *"])
def test_the_newest_slots_are_the_last_of_all(cron: str) -> None:
    timetable = Timetable(zone_of("Europe/Berlin"), cron)
    begin, end = at("2026-01-01T00:00Z"), at("2026-03-01T00:00Z")
    everything = list(timetable.slots(begin, end))
    assert timetable.newest(begin, end, 50) == (everything[-50:], len(everything) > 50)


def test_the_newest_slots_of_a_long_time_cost_what_those_of_a_short_one_cost() -> None:
    timetable = Timetable(UTC, interval=timedelta(seconds=1), first=at("1990-01-01T00:00Z"))
    found, more = timetable.newest(at("1990-01-01T00:00Z"), at("2026-01-01T00:00Z"), 1_000)
    assert (len(found), found[-1], more) == (1_000, at("2026-01-01T00:00Z"), True)


@pytest.mark.parametrize(
    "cron",
    ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "60 * * * *", "* 24 * * *", "* * * * 8", "* * * *", "? * * * *", "a b c d e",
     "*/0 * * * *", "5-1 * * * *", "", "1," * 200 + "1 * * * *"],
)  # fmt: skip
def test_a_line_that_cannot_be_is_refused(cron: str) -> None:
    with pytest.raises(BadCron):
        check_cron(cron)


def test_jitter_is_the_same_for_a_slot_and_spread_over_its_time() -> None:
    most = timedelta(minutes=5)
    slots = [at("2026-01-01T00:00Z") + timedelta(hours=n) for n in range(500)]
    found = [jitter_of("s", slot, most) for slot in slots]
    assert found == [jitter_of("s", slot, most) for slot in slots]
    assert all(timedelta(0) <= each < most for each in found)
    assert timedelta(minutes=2) < sum(found, timedelta()) / len(found) < timedelta(minutes=3)
    assert found != [jitter_of("t", slot, most) for slot in slots]
    assert jitter_of("s", slots[0], timedelta(0)) == timedelta(0)


@pytest.mark.parametrize(
    ("timetable", "expected"),
    [
        (Timetable(UTC, "0 9 * * 1-5"), "At 09:00 on weekdays"),
        (Timetable(UTC, "30 2 * * *"), "At 02:30 every day"),
        (Timetable(UTC, "0 0 L * *"), "At 00:00 on the last day of every month"),
        (Timetable(UTC, interval=timedelta(minutes=5)), "Every 5 minutes"),
        (Timetable(UTC, interval=timedelta(days=7)), "Every week"),
        (Timetable(UTC, interval=timedelta(seconds=1)), "Every second"),
        (Timetable(UTC, interval=timedelta(seconds=90)), "Every 90 seconds"),
    ],
)
def test_a_rule_is_said_in_words(timetable: Timetable, expected: str) -> None:
    assert words(timetable) == expected
