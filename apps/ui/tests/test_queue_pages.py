"""Queues: how full and how fast, why one rests, what can be done; and what of it stands on the start page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.models import Checkpoint, EventQueue, QueuedEvent, QueueMinute
from apps.events.services import queues
from apps.events.tests.factories import Listener, new_event, recorded, registered
from apps.ui.tests.reading import island, links, text_of
from apps.ui.views.queues import span

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ears() -> Iterator[None]:
    with registered(Listener()):
        yield


@pytest.fixture
def orders(alice: User) -> EventQueue:
    document = {"patterns": ["order.*"], "config": {"highWatermark": 2, "partitionKey": "event.payload.id"}}
    return queues.save(actor=alice, key="orders", document=document)[0]


def told(answer: HttpResponse, key: str) -> dict[str, Any]:
    """What the buttons of a queue know of it."""
    found = [json.loads(html.unescape(each)) for each in re.findall(r'data-queue="([^"]*)"', answer.content.decode())]
    [mine] = [each for each in found if each["id"] == key]
    return dict(mine)


def verbs(answer: HttpResponse) -> list[str]:
    return re.findall(r'data-queue-verb="(\w+)"', answer.content.decode())


def test_one_queue_is_there_from_the_start_and_the_page_says_what_more_are_for(alice: User, browse: Browse) -> None:
    text = text_of(browse(alice).get("/events/queues"))
    assert "everything that no other queue takes" in text
    assert "One queue takes all events." in text


def test_the_list_says_how_full_a_queue_is_and_why_it_rests(orders: object, alice: User, browse: Browse) -> None:
    queues.pause(actor=alice, key="orders", reason="Stock count")
    recorded(new_event("e-1"))
    answer = browse(alice).get("/events/queues")
    text = text_of(answer)
    assert "1 of 2" in text
    assert "“Stock count”, alice" in text
    assert 'data-status="paused"' in answer.content.decode()
    assert 'data-status="full"' not in answer.content.decode()
    assert told(answer, "orders")["depth"] == 1
    recorded(new_event("e-2"))
    assert 'data-status="full"' in browse(alice).get("/events/queues").content.decode()


def test_the_last_hour_is_drawn(orders: object, alice: User, browse: Browse) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    for ago, processed, errors in ((1, 120, 0), (30, 60, 2), (61, 999, 9)):
        at = now - timedelta(minutes=ago)
        QueueMinute.objects.create(queue="orders", minute=at, slot=1, processed=processed, errors=errors)
    answer = browse(alice).get("/events/queues")
    assert "180 routed · 120 per minute" in text_of(answer)
    assert answer.content.decode().count('<rect class="failed"') == 1
    assert answer.content.decode().count('<rect class="done"') == 1


def test_the_list_costs_the_same_whatever_the_number_of_queues(alice: User, browse: Browse) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            browse(alice).get("/events/queues")
        return len(queries)

    statements()
    one = statements()
    for number in range(5):
        queues.save(actor=alice, key=f"q{number}", document={"patterns": [f"q{number}.*"]})
    assert statements() == one


def test_one_queue_has_charts_settings_and_checkpoints(orders: object, alice: User, browse: Browse) -> None:
    Checkpoint.objects.create(queue="orders", event_count=4711, errors=3)
    answer = browse(alice).get("/events/queues/orders")
    text = text_of(answer)
    assert "4711" in text
    assert "kept among events with the same event.payload.id" in text
    assert island(answer, "queueCharts") == {"queueId": "orders", "highWatermark": 2}
    form = island(answer, "queue")["queue"]
    assert (form["id"], form["patterns"], form["revision"]) == ("orders", ["order.*"], 1)
    assert browse(alice).get("/events/queues/none").status_code == 404


@pytest.mark.parametrize(
    ("turn", "offered", "words"),
    [
        (None, ["pause", "drain", "delete"], "Active"),
        (
            queues.pause,
            ["resume", "drain", "delete"],
            "Nothing is handed out. Events still come in, up to 2; 1 wait now.",
        ),
        (queues.drain, ["resume", "pause", "delete"], "Nothing comes in from outside. 1 wait"),
    ],
)
def test_the_verbs_are_those_that_its_state_allows(
    orders: object, turn: Any, offered: list[str], words: str, alice: User, browse: Browse
) -> None:
    recorded(new_event("e-1"))
    if turn:
        turn(actor=alice, key="orders", reason="Stock count")
    answer = browse(alice).get("/events/queues/orders")
    assert verbs(answer) == offered
    assert words in text_of(answer)
    assert ("Stock count" in text_of(answer)) is bool(turn)


def test_it_says_when_it_is_drained(orders: object, alice: User, browse: Browse) -> None:
    recorded(new_event("e-1"))
    queues.drain(actor=alice, key="orders")
    QueuedEvent.objects.all().delete()
    answer = browse(alice).get("/events/queues/orders")
    assert "It is empty: everything that was in it is dealt with." in text_of(answer)
    assert told(answer, "orders")["isDrained"] is True


def test_the_default_queue_cannot_be_deleted(alice: User, browse: Browse) -> None:
    assert "delete" not in verbs(browse(alice).get("/events/queues/default"))


def test_who_only_looks_is_offered_no_verb(orders: object, browse: Browse) -> None:
    analyst = UserFactory(roles=["analytics_viewer"])
    for path in ("/events/queues", "/events/queues/orders"):
        answer = browse(analyst).get(path)
        assert answer.status_code == 200
        assert verbs(answer) == []
        assert 'data-island="queue"' not in answer.content.decode()


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0.25, "0.2 ms"), (12, "12 ms"), (1_500, "1.5 s"), (59_000, "59 s"), (90_000, "2 min"), (7_200_000, "2 h"), (3e8, "3 d")],
)  # fmt: skip
def test_spans_of_time_are_said_in_words(milliseconds: float, words: str) -> None:
    assert span(milliseconds) == words


class TestStartPage:
    def test_a_queue_that_rests_or_is_full_stands_there(self, orders: object, alice: User, browse: Browse) -> None:
        assert "The queue" not in text_of(browse(alice).get("/"))
        queues.pause(actor=alice, key="orders")
        assert "The queue orders is paused" in text_of(browse(alice).get("/"))
        recorded(new_event("e-1"), new_event("e-2"))
        answer = browse(alice).get("/")
        assert "The queue orders is full and paused" in text_of(answer)
        assert "/events/queues/orders" in links(answer)

    def test_only_for_who_may_see_operations(self, orders: object, alice: User, bob: User, browse: Browse) -> None:
        queues.pause(actor=alice, key="orders")
        assert "The queue" not in text_of(browse(bob).get("/"))
        reader = UserFactory(roles=["readonly"])
        assert "The queue" not in text_of(browse(reader).get("/"))
