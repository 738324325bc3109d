"""What working time is: hours, free days, clock changes; and the documents that say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.validation.durations import split_duration
from apps.workflows.models import WorkflowDefinition
from apps.workflows.rules.calendars import NoWorkingTime, Span, WorkingCalendar
from apps.workflows.services import definitions
from apps.workflows.tests.factories import CalendarDefinitionFactory, flow, office, started
from apps.workflows.tests.live import next_due

URL = "/api/v1/workflows/calendars"
OFFICE = WorkingCalendar.of(office())  # Monday to Thursday 09:00–17:00, Friday 09:00–12:00, Berlin


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OFFICE.zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("begin", "duration", "end"),
    [
        # Within the hours, over the night, over the week-end.
        ("2026-06-01T10:00", "PT2H", "2026-06-01T12:00"),
        ("2026-06-01T16:00", "PT2H", "2026-06-02T10:00"),
        ("2026-06-05T11:00", "PT2H", "2026-06-08T10:00"),
        ("2026-06-01T16:00", "PT1H", "2026-06-01T17:00"),
        # From outside the hours it counts from when they begin.
        ("2026-06-06T12:00", "PT1H", "2026-06-08T10:00"),
        ("2026-06-01T20:00", "PT30M", "2026-06-02T09:30"),
        ("2026-06-01T09:00", "PT35H", "2026-06-05T12:00"),
        # Days are working days, and a day that ends sooner ends it.
        ("2026-06-01T10:00", "P1D", "2026-06-02T10:00"),
        ("2026-06-04T16:00", "P1D", "2026-06-05T12:00"),
        ("2026-06-04T16:00", "P2D", "2026-06-08T16:00"),
        ("2026-06-06T12:00", "P1D", "2026-06-09T09:00"),
        ("2026-06-03T10:00", "P1DT4H", "2026-06-04T14:00"),
        # A week is a week.
        ("2026-06-01T10:00", "P1W", "2026-06-08T10:00"),
        ("2026-06-06T10:00", "P1W", "2026-06-15T09:00"),
        # Public holidays of Berlin (8 March) and of Germany, and a day of one's own.
        ("2027-03-05T11:00", "PT2H", "2027-03-09T10:00"),
        ("2026-12-23T16:00", "PT2H", "2026-12-28T10:00"),
        # The clock changes on a Sunday; days are as long as the clock says.
        ("2026-03-27T11:00", "PT2H", "2026-03-30T10:00"),
        ("2026-06-01T10:00", "PT0S", "2026-06-01T10:00"),
        ("2026-06-06T10:00", "PT0S", "2026-06-08T09:00"),
    ],
)
def test_a_duration_counts_working_time_only(begin: str, duration: str, end: str) -> None:
    assert OFFICE.after(at(begin), Span(*split_duration(duration))) == at(end)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-06-01T09:00", "2026-06-01T09:00"),
        ("2026-06-01T16:59:59", "2026-06-01T16:59:59"),
        ("2026-06-01T17:00", "2026-06-02T09:00"),
        ("2026-06-05T13:00", "2026-06-08T09:00"),
        ("2026-12-24T10:00", "2026-12-28T09:00"),
    ],
)
def test_an_instant_stands_for_the_next_working_moment(moment: str, expected: str) -> None:
    assert OFFICE.next_moment(at(moment)) == at(expected)


def test_work_past_midnight_and_over_a_clock_change_is_counted_in_real_hours() -> None:
    night = {"sat": [["22:00", "24:00"]], "sun": [["00:00", "06:00"]]}
    calendar = WorkingCalendar.of({"timezone": "Europe/Berlin", "workingHours": night})
    assert calendar.after(at("2026-03-28T22:00"), Span(time=timedelta(hours=3))) == at("2026-03-29T01:00")
    assert calendar.after(at("2026-03-28T22:00"), Span(time=timedelta(hours=5))) == at("2026-03-29T04:00")
    assert calendar.after(at("2026-10-24T22:00"), Span(time=timedelta(hours=7))) == at("2026-10-25T04:00")


def test_what_a_calendar_never_has_is_an_error() -> None:
    with pytest.raises(NoWorkingTime):
        OFFICE.after(at("2026-06-01T10:00"), Span(time=timedelta(days=36_000)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"workingHours": {"mon": [["17:00", "09:00"]]}}, ("hours-order", "/workingHours/mon/0")),
        ({"workingHours": {"mon": [["09:00", "13:00"], ["12:00", "17:00"]]}}, ("hours-order", "/workingHours/mon/1")),
        ({"workingHours": {"mon": []}}, ("no-working-time", "/workingHours")),
        ({"holidays": {"country": "XX"}}, ("unknown-country", "/holidays/country")),
        ({"holidays": {"country": "DE", "subdivision": "ZZ"}}, ("unknown-subdivision", "/holidays/subdivision")),
        ({"workingHours": {"mon": [["9:00", "17:00"]]}}, ("pattern", "/workingHours/mon/0/0")),
        ({"holidays": {"subdivision": "BY"}}, ("dependentRequired", "/holidays")),
        ({"timezone": "Mars/Olympus"}, ("format", "/timezone")),
    ],
)
@pytest.mark.django_db
def test_what_is_wrong_with_a_calendar_is_said_with_its_place(
    change: dict[str, Any], expected: tuple[str, str], api: Any, alice: User
) -> None:
    answer = api(alice).post(f"{URL}/validate", office() | change).json()
    assert not answer["valid"]
    assert expected in [(each["code"], each["pointer"]) for each in answer["violations"]]


@pytest.mark.django_db
def test_a_calendar_is_saved_published_and_counted_in(api: Any, alice: User) -> None:
    client: APIClient = api(alice)
    all_hours = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    assert client.post(URL, {"calendarId": "always", "workingHours": all_hours}).status_code == 201
    assert client.post(f"{URL}/always/publish", {}).status_code == 200
    document = flow({"stepId": "rest", "type": "DELAY", "duration": "PT2H", "calendar": "always"})
    definitions.save(actor=alice, document=document)
    definitions.publish(actor=alice, workflow_id="flow")
    started(alice, "flow")
    assert next_due() == pytest.approx(7_200, abs=5)
    impact = client.get(f"{URL}/always/impact").json()
    assert [(each["id"], each["pointer"]) for each in impact["definitions"]] == [("flow", "/steps/0/calendar")]
    # It goes on counting in the last version of one that was archived.
    client.delete(f"{URL}/always")
    assert started(alice, "flow").status == "RUNNING"


@pytest.mark.django_db
def test_a_calendar_that_is_not_there_is_found_before_anything_runs(alice: User) -> None:
    CalendarDefinitionFactory()
    document = flow(
        {"stepId": "a", "type": "DELAY", "duration": "PT2H", "calendar": "ofice", "next": "b"},
        {"stepId": "b", "type": "DELAY", "duration": "P0.5D", "calendar": "office"},
    )
    row, _ = definitions.save(actor=alice, document=document)
    found = {each["code"]: each for each in row.violations}
    assert found["unknown-calendar"]["pointer"] == "/steps/0/calendar"
    assert "office" in found["unknown-calendar"]["hint"]
    assert found["unknown-calendar"]["fix"] == [{"op": "replace", "path": "/steps/0/calendar", "value": "office"}]
    assert found["calendar-duration"]["pointer"] == "/steps/1/duration"
    assert WorkflowDefinition.objects.count() == 1
