"""The pages about event triggers: the list by event, one of them, the page to try events on, a workflow's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.routing import route
from apps.events.tests.factories import EventDefinitionFactory, new_event, recorded
from apps.ui.tests.reading import island, links, text_of
from apps.workflows.models import WorkflowInstance
from apps.workflows.services import triggers
from apps.workflows.tests.factories import greeting, nap, published

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
PLAIN = {"workflowId": "nap", "triggerId": "ship", "eventPattern": "orders.shipped"}


@pytest.fixture(autouse=True)
def _flows() -> None:
    published(nap())
    published(greeting())


def drain() -> None:
    while route():
        pass


def test_without_triggers_the_list_says_what_one_is(alice: User, browse: Browse) -> None:
    text = text_of(browse(alice).get("/events/triggers"))
    assert "No event starts anything yet" in text
    assert "New trigger" in text


def test_the_list_puts_triggers_below_the_event_they_wait_for(alice: User, browse: Browse) -> None:
    triggers.save(actor=alice, document=PLAIN | {"name": "Second", "priority": 7})
    triggers.save(actor=alice, document=PLAIN | {"triggerId": "first", "name": "First", "priority": 1})
    triggers.save(actor=alice, document=PLAIN | {"triggerId": "other", "name": "Other", "eventPattern": "a.b"})
    recorded(new_event("e-1", "orders.shipped", {"orderId": "x"}))
    drain()
    answer = browse(alice).get("/events/triggers")
    text = text_of(answer)
    order = [text.index(each) for each in ("a.b", "Other", "orders.shipped", "First", "Second")]
    assert order == sorted(order)
    assert {f"/instances/{run.pk}" for run in WorkflowInstance.objects.all()} <= set(links(answer))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "shipped"}, {"ship", "off"}),
        ({"search": "ship\x00"}, {"ship", "off"}),
        ({"state": "PAUSED"}, {"off"}),
        ({"search": "zzz"}, set()),
        ({"state": "x"}, {"ship", "off"}),
    ],
)
def test_the_list_is_searched(query: dict[str, str], expected: set[str], alice: User, browse: Browse) -> None:
    triggers.save(actor=alice, document=PLAIN)
    triggers.save(actor=alice, document=PLAIN | {"triggerId": "off", "enabled": False})
    answer = browse(alice).get("/events/triggers", query)
    assert {each for each in ("ship", "off") if f"/events/triggers/{each}" in links(answer)} == expected
    assert ("No trigger fits" in text_of(answer)) is (not expected)


def test_one_shows_what_it_waits_for_and_what_it_did(alice: User, browse: Browse) -> None:
    more = {"eventCondition": "event.payload.n < 3", "correlationKey": "event.payload.n"}
    triggers.save(actor=alice, document=PLAIN | more)
    recorded(*(new_event(f"e-{n}", "orders.shipped", {"n": n % 4}) for n in (1, 5, 3)))
    recorded(new_event("broken", "orders.shipped", {}))
    drain()
    answer = browse(alice).get("/events/triggers/ship")
    text = text_of(answer)
    assert "event.payload.n < 3" in text
    assert [text.count(each) for each in ("Started", "Skipped", "Dead letter")] == [1, 1, 1]
    assert "A run with the key 1 is under way." in text
    assert f"/instances/{WorkflowInstance.objects.get().pk}" in links(answer)
    assert island(answer, "triggerVerbs")["state"] == "ACTIVE"
    assert island(answer, "trigger")["revision"] == 1


def test_one_that_does_not_fit_its_workflow_any_more_says_why(alice: User, browse: Browse) -> None:
    triggers.save(actor=alice, document=PLAIN | {"workflowId": "greeting", "inputMapping": {"name": "x"}})
    published(greeting(version="2.0.0", inputSchema={"type": "object", "required": ["age"]}))
    assert "age" in text_of(browse(alice).get("/events/triggers/ship"))


def test_what_it_did_is_text_whatever_events_say(alice: User, browse: Browse) -> None:
    triggers.save(actor=alice, document=PLAIN | {"correlationKey": "event.payload.n"})
    for n in range(2):
        recorded(new_event(f"<b>{n}", "orders.shipped", {"n": "<script>alert(1)</script>"}))
        drain()
    body = browse(alice).get("/events/triggers/ship").content.decode()
    assert "<script>alert" not in body
    assert "<b>0" not in body


def test_who_only_reads_is_offered_no_verb(alice: User, browse: Browse) -> None:
    triggers.save(actor=alice, document=PLAIN)
    reader = UserFactory(username="reader", roles=["readonly"])
    for address in ("/events/triggers", "/events/triggers/ship"):
        body = browse(reader).get(address).content.decode()
        assert 'data-island="trigger' not in body
    assert browse(UserFactory(username="none")).get("/events/triggers").status_code == 403
    assert browse(alice).get("/events/triggers/nothing").status_code == 404


def test_events_to_try_are_those_that_came_and_the_examples(alice: User, browse: Browse) -> None:
    EventDefinitionFactory()
    recorded(new_event("e-1", "orders.paid", {"n": 1}), new_event("e-2", "orders.paid", {"n": "x" * 10_000}))
    props = island(browse(alice).get("/events/triggers/test?pattern=orders.*"), "triggerTester")
    assert props["pattern"] == "orders.*"
    assert [(each["pattern"], len(each["examples"])) for each in props["events"]] == [("orders.shipped", 1)]
    assert [each["eventId"] for each in props["recent"]] == ["e-1"]
    blind = UserFactory(username="blind", permissions=["view:trigger"])
    assert island(browse(blind).get("/events/triggers/test"), "triggerTester")["recent"] == []


def test_a_workflow_shows_its_triggers(alice: User, browse: Browse) -> None:
    assert "No event starts it." in text_of(browse(alice).get("/workflows/nap"))
    triggers.save(actor=alice, document=PLAIN)
    answer = browse(alice).get("/workflows/nap")
    assert "/events/triggers/ship" in links(answer)
    assert "/events/triggers?new&workflow=nap" in links(answer)
    opened = browse(alice).get("/events/triggers?new&workflow=nap")
    assert (island(opened, "trigger")["workflowId"], "data-open-on-load" in opened.content.decode()) == ("nap", True)
