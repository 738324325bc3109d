"""Dead letters: groups, filters, what can be chosen; one letter with its history; and the start page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.models import DeadLetter
from apps.events.routing import route
from apps.events.services import dead_letters
from apps.events.subscribers import Permanent
from apps.events.tests.factories import Listener, new_event, recorded, registered
from apps.ui.tests.reading import island, links, text_of

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
PATH = "/events/dead-letters"


@pytest.fixture
def ears() -> Iterator[Listener]:
    listener = Listener(ids=["listener:a", "listener:b"])
    wrong = [{"code": "type", "pointer": "/input/amount", "message": "This must be a number.", "hint": "As in 12.5."}]

    def trouble(event_id: str, subscriber_id: str) -> Exception | None:
        if subscriber_id == "listener:a":
            return Permanent("<b>It does not fit.</b>", code="MISFIT", details={"violations": wrong})
        return ZeroDivisionError("by zero") if event_id.startswith("o-") else None

    listener.trouble = trouble
    with registered(listener):
        yield listener


@pytest.fixture
def letters(ears: Listener) -> dict[tuple[str, str], UUID]:
    """o-1 at a and b, p-1 at a."""
    recorded(new_event("o-1", payload={"amount": "much"}), new_event("p-1", "parcel.sent"))
    routed()
    return {(row.event_id, row.subscriber_id[-1]): row.id for row in DeadLetter.objects.all()}


def routed() -> None:
    while route():
        pass


def shown(answer: HttpResponse, letters: dict[tuple[str, str], UUID]) -> set[tuple[str, str]]:
    return {name for name, id_ in letters.items() if f"{PATH}/{id_}" in links(answer)}


def results(answer: HttpResponse) -> dict[str, Any]:
    [tag] = re.findall(r'<div id="results"[^>]*>', answer.content.decode())
    found = {name: html.unescape(value) for name, value in re.findall(r'data-([\w-]+)="([^"]*)"', tag)}
    return found | {"filter": json.loads(found["filter"])}


def test_without_any_the_page_says_that_nothing_is_stuck(alice: User, browse: Browse) -> None:
    assert "Nothing is stuck" in text_of(browse(alice).get(PATH))
    assert "No dead letter fits" in text_of(browse(alice).get(PATH, {"search": "x"}))


ALL = {("o-1", "a"), ("o-1", "b"), ("p-1", "a")}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ALL),
        ({"status": "resolved"}, set()),
        ({"status": "all"}, ALL),
        ({"kind": "listener", "errorType": "PERMANENT"}, ALL),
        ({"kind": "webhook"}, set()),
        ({"subscriberId": "listener:b"}, {("o-1", "b")}),
        ({"errorCode": "MISFIT"}, {("o-1", "a"), ("p-1", "a")}),
        ({"pattern": "parcel.sent"}, {("p-1", "a")}),
        ({"search": "by zero"}, {("o-1", "b")}),
        ({"eventId": "o-1"}, {("o-1", "a"), ("o-1", "b")}),
        ({"from": "2001-01-01", "to": "2002-01-01"}, set()),
        ({"status": "x", "errorType": "x", "from": "soon", "to": "9999-12-31", "after": "!"}, ALL),
        ({"search": "p-1\x00"}, {("p-1", "a")}),
    ],
)
def test_filters_stand_in_the_address(
    letters: dict[tuple[str, str], UUID], query: dict[str, str], expected: set[Any], alice: User, browse: Browse
) -> None:
    assert shown(browse(alice).get(PATH, query), letters) == expected


def test_groups_say_who_fails_on_what_and_lead_to_those_letters(
    letters: dict[tuple[str, str], UUID], alice: User, browse: Browse
) -> None:
    answer = browse(alice).get(PATH)
    text = text_of(answer)
    assert "2 Listener a MISFIT" in text
    assert "1 Listener b DEFECT" in text
    [group] = [each for each in links(answer) if "errorCode=DEFECT" in each]
    chosen = browse(alice).get(PATH + group)
    assert shown(chosen, letters) == {("o-1", "b")}
    assert 'aria-current="true"' in chosen.content.decode()
    assert "2 Listener a MISFIT" in text_of(chosen)


def test_the_choice_is_told_in_the_words_of_the_api(letters: object, alice: User, browse: Browse) -> None:
    answer = browse(alice).get(PATH, {"kind": "listener", "errorCode": "MISFIT", "to": "2099-01-01"})
    told = results(answer)
    assert (told["count"], told["under-way"]) == ("2", "0")
    assert set(told["filter"]) == {"kind", "errorCode", "until"}
    assert dead_letters.replay_many(
        actor=alice, filters={"kind": "listener", "error_code": told["filter"]["errorCode"]}
    ) == int(told["count"])
    assert results(browse(alice).get(PATH))["under-way"] == "2"


def test_only_what_is_pending_can_be_chosen(letters: dict[tuple[str, str], UUID], alice: User, browse: Browse) -> None:
    dead_letters.replay(actor=alice, letter_id=letters["o-1", "a"])
    body = browse(alice).get(PATH).content.decode()
    assert len(re.findall(r'data-select value="', body)) == 2
    assert "data-select " not in browse(alice).get(PATH, {"status": "resolved"}).content.decode()
    reader = UserFactory(roles=["readonly"])
    answer = browse(reader).get(PATH)
    assert answer.status_code == 200
    assert "data-select " not in answer.content.decode()
    assert 'data-island="letters"' not in answer.content.decode()


def test_a_replay_that_is_put_off_says_when(letters: dict[tuple[str, str], UUID], alice: User, browse: Browse) -> None:
    at = timezone.now() + timedelta(hours=3)
    dead_letters.replay(actor=alice, letter_id=letters["o-1", "a"], at=at)
    path = f"{PATH}/{letters['o-1', 'a']}"
    for answer in (browse(alice).get(PATH), browse(alice).get(path)):
        assert f"{at:%Y-%m-%dT%H:%M:%S}" in answer.content.decode()
    text = text_of(browse(alice).get(path))
    assert "as alice asked" in text
    assert "Will be replayed" in text
    assert island(browse(alice).get(path), "letterVerbs")["scheduled"] is True


def test_one_letter_says_why_and_shows_the_event_whole(
    letters: dict[tuple[str, str], UUID], alice: User, browse: Browse
) -> None:
    answer = browse(alice).get(f"{PATH}/{letters['o-1', 'a']}")
    text = text_of(answer)
    assert "Listener a could not handle it." in text
    assert "This must be a number. As in 12.5." in text
    assert "/input/amount" in text
    assert "<b>It does not fit." not in answer.content.decode()
    assert island(answer, "json")["value"]["payload"] == {"amount": "much"}
    assert {"/listener:a", "/events/o-1"} <= set(links(answer))
    assert "Stack trace" not in text


def test_a_defect_has_its_trace_folded(letters: dict[tuple[str, str], UUID], alice: User, browse: Browse) -> None:
    body = browse(alice).get(f"{PATH}/{letters['o-1', 'b']}").content.decode()
    assert re.search(r'<details class="trace"><summary>Stack trace</summary><pre[^>]*>Traceback', body)
    assert "The subscriber itself broke." in body


def test_the_history_is_told_in_order_up_to_the_end(
    letters: dict[tuple[str, str], UUID], ears: Listener, alice: User, browse: Browse
) -> None:
    id_ = letters["o-1", "a"]
    dead_letters.replay(actor=alice, letter_id=id_)
    routed()
    dead_letters.resolve(actor=alice, letter_id=id_, notes="Booked by hand.")
    answer = browse(alice).get(f"{PATH}/{id_}")
    text = text_of(answer)
    history = text[text.index("What happened") :]
    told = ("Recorded", "Attempt 1 failed", "Attempt 2 failed", "Resolved by other means by alice")
    places = [history.index(each) for each in told]
    assert places == sorted(places)
    assert "“Booked by hand.”" in text
    assert "data-letter-verb" not in answer.content.decode()


def test_what_is_being_replayed_can_be_given_up_but_not_replayed_again(
    letters: dict[tuple[str, str], UUID], alice: User, browse: Browse
) -> None:
    path = f"{PATH}/{letters['o-1', 'a']}"
    offered = lambda: re.findall(r'data-letter-verb="(\w+)"', browse(alice).get(path).content.decode())  # noqa: E731
    assert offered() == ["replay", "resolve", "discard"]
    dead_letters.replay(actor=alice, letter_id=letters["o-1", "a"])
    assert offered() == ["resolve", "discard"]


def test_an_event_whose_subscribers_could_not_be_found_out_says_so(ears: Listener, alice: User, browse: Browse) -> None:
    ears.unclear = {"u-1"}
    recorded(new_event("u-1"))
    routed()
    assert "Every listener it may concern" in text_of(browse(alice).get(PATH))
    assert "Every listener it may concern could not" in text_of(
        browse(alice).get(f"{PATH}/{DeadLetter.objects.get().id}")
    )


def test_the_list_costs_the_same_whatever_its_length(letters: object, alice: User, browse: Browse) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            browse(alice).get(PATH)
        return len(queries)

    statements()
    few = statements()
    recorded(*(new_event(f"o-{n}") for n in range(2, 9)))
    routed()
    assert statements() == few


class TestStartPage:
    def test_what_is_stuck_stands_there_for_who_may_see_it(
        self, letters: object, alice: User, bob: User, browse: Browse
    ) -> None:
        answer = browse(alice).get("/")
        assert "3 events are stuck" in text_of(answer)
        assert PATH in links(answer)
        assert "stuck" not in text_of(browse(bob).get("/"))

    def test_nothing_is_said_once_it_is_dealt_with(self, letters: object, alice: User, browse: Browse) -> None:
        dead_letters.discard_many(actor=alice, filters={}, notes="Old.")
        assert "stuck" not in text_of(browse(alice).get("/"))

    def test_it_costs_one_statement_each(self, letters: object, alice: User, browse: Browse) -> None:
        with CaptureQueriesContext(connection) as queries:
            browse(alice).get("/")
        tables = [each["sql"] for each in queries]
        assert sum("events_deadletter" in sql for sql in tables) == 1
        assert sum("events_eventqueue" in sql for sql in tables) <= 1
