from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.models import Event, EventKey
from apps.events.routing import route
from apps.events.services import NewEvent, record_events
from apps.events.subscribers import Permanent
from apps.events.tests.factories import EventDefinitionFactory, Listener, new_event, registered
from apps.tasks.tests.factories import expression_document
from apps.ui.stories import branches, timeline
from apps.ui.tests.reading import island, links, text_of
from apps.workflows.tests.factories import greeting, published, started

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


def listed(answer: HttpResponse) -> list[str]:
    return re.findall(r'<tr class="linked" data-event="([^"]*)"', answer.content.decode())


def newest(answer: HttpResponse) -> str:
    match = re.search(r'data-newest="([^"]*)"', answer.content.decode())
    assert match is not None
    return match[1]


def record(*events: NewEvent, ago: timedelta = timedelta(0)) -> None:
    """Record them one by one, the first ``ago``, each a second after the one before."""
    for number, event in enumerate(events):
        record_events([event])
        at = timezone.now() - ago + timedelta(seconds=number)
        for table in (Event, EventKey):
            table.objects.filter(event_id=event.event_id).update(recorded_at=at)


def route_all() -> None:
    while route():
        pass


class TestStream:
    def test_without_events_it_says_what_will_appear(self, alice: User, browse: Browse) -> None:
        assert "Nothing has happened yet" in text_of(browse(alice).get("/events"))

    def test_the_latest_comes_first_with_how_it_is_defined(self, alice: User, browse: Browse) -> None:
        EventDefinitionFactory()
        record(new_event("a", "orders.shipped", {"orderId": "ORD-7"}), new_event("b/2", "unknown.thing"))
        answer = browse(alice).get("/events")
        assert listed(answer) == ["b/2", "a"]
        assert {"/events/a", "/events/b/2"} <= set(links(answer))
        assert "Order shipped orders.shipped" in text_of(answer)
        assert '"orderId": "ORD-7"' in text_of(answer)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"pattern": "orders.*"}, ["b", "a"]),
            ({"pattern": "**.paid"}, ["b"]),
            ({"source": "external"}, ["c"]),
            ({"correlation": "case 1"}, ["a"]),
            ({"search": "ORD-7"}, ["b"]),
            ({"search": "PARCEL"}, ["c"]),
            ({"period": "15m"}, ["c", "b", "a"]),
            ({"from": "2999-01-01"}, []),
            ({"to": "2001-01-01"}, []),
            ({"source": "nobody", "period": "3y", "from": "yesterday", "search": "\x00"}, ["c", "b", "a"]),
        ],
    )
    def test_it_is_filtered(self, query: dict[str, str], expected: list[str], alice: User, browse: Browse) -> None:
        record(
            new_event("a", "orders.placed", metadata={"correlationId": "case 1"}),
            new_event("b", "orders.paid", {"orderId": "ORD-7"}),
            NewEvent("c", "parcels.lost", {}, {"type": "external", "name": "DHL"}),
            ago=timedelta(seconds=10),
        )
        answer = browse(alice).get("/events", query)
        assert listed(answer) == expected
        assert ("No event fits" in text_of(answer)) is (not expected)

    def test_what_no_index_finds_is_looked_for_among_the_young(self, alice: User, browse: Browse) -> None:
        record(new_event("young", payload={"orderId": "ORD-7"}))
        record(new_event("old", payload={"orderId": "ORD-7"}), ago=timedelta(days=8))
        answer = browse(alice).get("/events", {"search": "ORD-7"})
        assert listed(answer) == ["young"]
        assert "Looked through the last 7 days" in text_of(answer)
        further = {"search": "ORD-7", "from": (timezone.now() - timedelta(days=20)).date().isoformat()}
        assert listed(browse(alice).get("/events", further)) == ["young", "old"]
        assert listed(browse(alice).get("/events")) == ["young", "old"]

    def test_a_page_knows_how_many_have_come_since(self, alice: User, browse: Browse) -> None:
        client = browse(alice)
        record(new_event("a", "orders.placed"), ago=timedelta(minutes=1))
        cursor = newest(client.get("/events"))

        def since(**query: str) -> Any:
            return client.get("/events", query, headers={"X-Newer-Than": cursor}).json()

        assert since() == {"count": 0, "more": False}
        record(new_event("b", "orders.placed"), new_event("c", "parcels.lost"))
        assert since() == {"count": 2, "more": False}
        assert since(pattern="orders.*") == {"count": 1, "more": False}
        record_events([new_event(f"n{number}") for number in range(120)])
        assert since() == {"count": 99, "more": True}

    def test_from_an_empty_page_every_event_is_new(self, alice: User, browse: Browse) -> None:
        record(new_event("a"))
        answer = browse(alice).get("/events", headers={"X-Newer-Than": ""})
        assert answer.json() == {"count": 1, "more": False}

    def test_it_shows_whom_an_event_reached_and_who_failed(self, alice: User, browse: Browse) -> None:
        listener = Listener(ids=["listener:a", "listener:b"])
        listener.trouble = lambda event_id, id_: Permanent("No.") if id_ == "listener:b" else None
        with registered(listener):
            record_events([new_event("a")])
            route_all()
            answer = browse(alice).get("/events")
        assert re.search(r"1 failed\s+1", text_of(answer))

    def test_a_long_page_costs_as_much_as_a_short_one(self, alice: User, browse: Browse) -> None:
        client = browse(alice)

        def cost() -> int:
            with CaptureQueriesContext(connection) as queries:
                client.get("/events")
            return len(queries)

        record(new_event("first"))
        cost()
        short = cost()
        record_events([new_event(f"n{number}", f"p.{number}") for number in range(40)])
        assert cost() == short


class TestPane:
    def test_it_is_the_event_without_the_page(self, alice: User, browse: Browse) -> None:
        record(new_event("a/b", payload={"text": "<b>bold</b>"}, metadata={"correlationId": "case 1"}))
        answer = browse(alice).get("/events/a/b", headers={"X-Pane": "1"})
        assert b"<html" not in answer.content
        assert b"<b>bold" not in answer.content
        assert island(answer, "json")["value"] == {"text": "<b>bold</b>"}
        assert {"/events/a/b", f"/events?correlation={quote('case 1')}"} <= set(links(answer))


class TestStory:
    def test_it_leads_from_what_caused_it_to_what_followed(self, alice: User, browse: Browse) -> None:
        published(greeting())
        run = started(alice, "greeting", start_input={"name": "Ada"})
        source = {"type": "workflow", "id": str(run.pk), "name": "greeting"}
        record(
            new_event("first", "orders.placed"),
            new_event("second", "orders.shipped", metadata={"causationId": "first"}),
            NewEvent("third", "greetings.said", {}, source, metadata={"causationId": "second"}),
        )
        answer = browse(alice).get("/events/second")
        text = text_of(answer)
        told = text.partition(" Story ")[2]
        assert told.index("orders.placed") < told.index("orders.shipped") < told.index("greetings.said")
        assert {"/events/first", "/events/third", f"/instances/{run.pk}"} <= set(links(answer))

    def test_what_a_task_said_leads_to_the_run_that_it_belongs_to(self, alice: User, browse: Browse) -> None:
        said = {"onComplete": {"emit": [{"pattern": "sums.doubled"}]}}
        step = {"stepId": "double", "taskId": "double", "input": {"amount": 2}}
        published(greeting(workflowId="sums", name="Sums", steps=[step]), expression_document() | said)
        run = started(alice, "sums", start_input={"name": "Ada"})
        [event] = Event.objects.all()
        for pane in ({}, {"X-Pane": "1"}):
            answer = browse(alice).get(f"/events/{event.event_id}", headers=pane)
            assert "double of Sums" in text_of(answer)
            assert f"/instances/{run.pk}" in links(answer)
        stranger = browse(UserFactory(permissions=["view:event"])).get(f"/events/{event.event_id}")
        assert f"/instances/{run.pk}" not in links(stranger)

    def test_who_failed_on_it_is_said_first_with_a_way_to_replay(self, alice: User, browse: Browse) -> None:
        listener = Listener()
        listener.trouble = lambda event_id, id_: Permanent("The amount is missing.", code="MAPPING")
        with registered(listener):
            record_events([new_event("a")])
            route_all()
            answer = browse(alice).get("/events/a")
            reader = browse(UserFactory(permissions=["view:event"])).get("/events/a")
        assert "Listener a could not handle it. The amount is missing. MAPPING" in text_of(answer)
        assert island(answer, "replay")["subscriber"] == "Listener a"
        assert b'data-island="replay"' not in reader.content

    def test_a_run_that_one_may_not_see_is_not_named(self, alice: User, browse: Browse) -> None:
        published(greeting())
        run = started(alice, "greeting", start_input={"name": "Ada"})
        record(NewEvent("a", "greetings.said", {}, {"type": "workflow", "id": str(run.pk), "name": "greeting"}))
        answer = browse(UserFactory(permissions=["view:event"])).get("/events/a")
        assert f"/instances/{run.pk}" not in links(answer)

    @pytest.mark.parametrize(
        "source", [{"type": "external"}, {"type": "workflow", "id": "no-uuid"}, {"type": "task", "id": None}]
    )
    def test_a_source_that_says_little_is_no_trouble(self, source: dict[str, Any], alice: User, browse: Browse) -> None:
        record(NewEvent("a", "p", [1, None], source, metadata={"causationId": "long gone"}))
        for pane in ({}, {"X-Pane": "1"}):
            assert browse(alice).get("/events/a", headers=pane).status_code == 200
        assert "not kept here any more" in text_of(browse(alice).get("/events/a"))
        assert browse(alice).get("/events/none").status_code == 404


def test_a_run_leads_to_the_event_that_started_it_where_there_is_one(alice: User, browse: Browse) -> None:
    published(greeting())
    record(new_event("here"))
    for event_id, expected in (("here", "here"), ("schedule:nightly", None), (None, None)):
        run = started(alice, "greeting", start_input={"name": "Ada"}, trigger_event_id=event_id)
        viewer = island(browse(alice).get(f"/instances/{run.pk}"), "instance")["viewer"]
        assert viewer["startedByEvent"] == expected


AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def delivery(subscriber: str, **more: Any) -> dict[str, Any]:
    return {
        "subscriberId": subscriber,
        "kind": subscriber.partition(":")[0],
        "subscriber": {"label": subscriber, "href": ""},
        "status": "handled",
        "result": {},
        "history": [],
        "updatedAt": AT + timedelta(milliseconds=20),
    } | more


def caused(event_id: str, run_id: str) -> dict[str, Any]:
    return {"eventId": event_id, "pattern": "p", "source": {"id": run_id}, "recordedAt": AT + timedelta(minutes=5)}


def test_events_follow_from_the_subscriber_whose_run_they_come_from() -> None:
    found = branches(
        [delivery("trigger:a", result={"instanceId": "1"}), delivery("trigger:b", result={"instanceId": "2"})],
        [caused("x", "2"), caused("y", "elsewhere")],
        {"1": {"status": "COMPLETED"}},
    )
    assert [[event["eventId"] for event in each.caused] for each in found] == [[], ["x"], ["y"]]
    assert [each.delivery is None for each in found] == [False, False, True]
    assert [each.run for each in found] == [{"status": "COMPLETED"}, None, None]


@pytest.mark.parametrize(
    ("given", "did"),
    [
        (delivery("trigger:a", result={"instanceId": "1"}), "started a run"),
        (delivery("trigger:a", result={"cancelled": ["1"], "count": 1}), "cancelled 1 run"),
        (delivery("trigger:a", result={"cancelled": [], "count": 700}), "cancelled 700 runs"),
        (delivery("run:a", result={"instanceId": "1", "stepId": "wait"}), "went on at wait"),
        (delivery("trigger:a", status="skipped", result={"skipped": "It is late."}), "It is late."),
        (delivery("webhook:a", status="dead"), ""),
    ],
)
def test_what_a_subscriber_did_is_said_in_words(given: dict[str, Any], did: str) -> None:
    assert branches([given], [], {})[0].did == did


@pytest.mark.parametrize("href", ["https://evil.example", "//evil.example", "javascript:alert(1)", ""])
def test_a_result_leads_to_pages_of_ours_only(href: str) -> None:
    assert branches([delivery("x:a", result={"href": href})], [], {})[0].href == ""
    assert branches([delivery("x:a", result={"href": "/events/sequences/a"})], [], {})[0].href == "/events/sequences/a"


def test_a_timeline_is_in_order_and_counts_from_the_recording() -> None:
    failed = [{"at": (AT + timedelta(seconds=3)).isoformat(), "attempt": 1, "error": {"message": "Busy."}}]
    event = {"recordedAt": AT, "timestamp": "2026-11-25T09:00:00Z"}
    deliveries = [
        delivery("trigger:a"),
        delivery("webhook:b", status="retrying", history=failed, updatedAt=AT + timedelta(hours=50)),
    ]
    found = timeline(event, deliveries, [caused("x", "1")], lambda event_id: f"/events/{event_id}")
    assert [(each.after, each.words, each.note) for each in found] == [
        ("−60 min", "Happened, as the sender says", ""),
        ("", "Recorded", ""),
        ("+20 ms", "Handled: trigger:a", ""),
        ("+3.0 s", "Attempt 1 failed: webhook:b", "Busy."),
        ("+5 min", "Caused p", ""),
        ("+2 days", "To be tried again: webhook:b", ""),
    ]
    assert found[4].href == "/events/x"
