"""A wait with a lookback also takes an event that came before it began, and misses none that comes while it begins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from apps.auth.models import User
from apps.events import routing
from apps.events.models import Delivery, Event
from apps.events.tests.factories import new_event, recorded
from apps.tasks.models import Task
from apps.workflows.models import InboxSignal, Subscription
from apps.workflows.orchestrator import lookback
from apps.workflows.services import instances
from apps.workflows.tests.factories import flow, published, started
from apps.workflows.tests.live import Outside, advance, fresh

pytestmark = pytest.mark.django_db


def waiting(condition: str | None = "event.payload.order == input.order", **more: Any) -> dict[str, Any]:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.paid", "lookback": "PT1H", "next": "done"}
    wait |= {} if condition is None else {"eventCondition": condition}
    done = {"stepId": "done", "type": "END", "output": "${steps.wait.output}"}
    return flow(wait | more, done)


def paid(event_id: str, order: Any = 1, pattern: str = "orders.paid", **more: Any) -> Any:
    return new_event(event_id, pattern, {"order": order, **more})


def came(*events: Any, ago: timedelta = timedelta()) -> None:
    """Events that were recorded, and routed, some time before."""
    for each in recorded(*events):
        Event.objects.filter(id=each.id).update(recorded_at=F("recorded_at") - ago)
    while routing.route():
        pass


def test_an_event_that_came_before_is_taken(alice: User) -> None:
    published(waiting())
    came(paid("e-1"), ago=timedelta(minutes=59))
    run = started(alice, "flow", {"order": 1})
    assert run.status == "WAITING_FOR_EVENT"  # it looks back once everybody can see that it waits
    advance()
    assert fresh(run).output == {"order": 1}
    assert Subscription.objects.get().fulfilled_by_event_id == "e-1"
    assert not InboxSignal.objects.exists()


def test_the_story_of_the_event_tells_who_took_it(alice: User) -> None:
    published(waiting())
    came(paid("e-1"))
    run = started(alice, "flow", {"order": 1})
    advance()
    delivery = Delivery.objects.get()
    assert (delivery.event_id, delivery.status) == ("e-1", "handled")
    assert delivery.result == {"instanceId": str(run.id), "workflowId": "flow", "stepId": "wait", "lookedBack": True}


def test_one_that_came_too_long_before_is_not(alice: User) -> None:
    published(waiting())
    came(paid("e-1"), ago=timedelta(minutes=61))
    run = started(alice, "flow", {"order": 1})
    advance()
    assert fresh(run).status == "WAITING_FOR_EVENT"
    assert not InboxSignal.objects.exists()


def test_without_a_lookback_what_came_before_does_not_count(alice: User) -> None:
    published(flow({"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.paid"}))
    came(paid("e-1"))
    run = started(alice, "flow")
    advance()
    assert fresh(run).status == "WAITING_FOR_EVENT"


def test_only_events_that_can_be_meant_are_brought_and_the_condition_decides(alice: User) -> None:
    published(waiting("event.payload.order == input.order && event.payload.amount > 1"))
    came(paid("e-1", 2, amount=5), paid("e-2", amount=1), paid("e-3", amount=7), paid("e-4", amount=9))
    run = started(alice, "flow", {"order": 1})
    advance()
    assert fresh(run).output["amount"] == 7  # the oldest that fits
    assert set(Delivery.objects.values_list("event_id", flat=True)) == {"e-2", "e-3", "e-4"}


@pytest.mark.parametrize("pattern", ["orders.*", "**", "*.paid"])
def test_a_pattern_with_wildcards_looks_through_the_time(alice: User, pattern: str) -> None:
    published(waiting(eventPattern=pattern))
    came(paid("e-1", pattern="orders.paid.late" if pattern != "**" else "z"), paid("e-2"))
    run = started(alice, "flow", {"order": 1})
    advance()
    assert fresh(run).status == "COMPLETED"


def test_it_goes_on_page_by_page_until_one_is_taken(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    look = lookback.look
    monkeypatch.setattr(lookback, "look", lambda found: (looked.append(len(found)) if found else None, look(found)))
    published(waiting("event.payload.order >= input.order"))
    came(*(paid(f"e-{n}", n) for n in range(700)))
    run = started(alice, "flow", {"order": 450})
    advance()
    assert fresh(run).output == {"order": 450}
    assert looked == [1, 1, 1]  # the third page has it, and the fourth is not asked for
    assert not InboxSignal.objects.exists()


def test_a_loop_takes_every_event_once(alice: User) -> None:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.paid", "lookback": "PT1H"}
    more = {"setVariables": {"seen": "vars.seen + [steps.wait.output.order]"}}
    again = [{"nextStepId": "wait", "condition": "size(vars.seen) < 3"}, {"nextStepId": "done"}]
    done = {"stepId": "done", "type": "END", "output": "${vars.seen}"}
    published(flow(wait | more | {"next": again}, done, variables={"seen": {"initial": []}}))
    came(paid("e-1", 1), paid("e-2", 2), paid("e-3", 3))
    run = started(alice, "flow")
    advance()
    assert fresh(run).output == [1, 2, 3]


def test_items_may_each_take_the_same_event(alice: User) -> None:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.paid", "lookback": "PT1H"}
    loop = {"stepId": "each", "type": "FOR_EACH", "items": "[1, 2, 3]", "concurrency": 1, "steps": [wait]}
    published(flow(loop, output="${size(steps.each.output)}"))
    came(paid("e-1"))
    run = started(alice, "flow")
    advance()
    assert fresh(run).output == 3


def test_a_run_that_rests_looks_back_once_it_goes_on(alice: User) -> None:
    ask = {"stepId": "ask", "type": "HUMAN_TASK", "taskDefinition": {"assignee": "alice"}, "next": "wait"}
    document = waiting()
    published(document | {"steps": [ask, *document["steps"]]})
    run = started(alice, "flow", {"order": 1})
    came(paid("e-1"))
    Outside().answer(Task.objects.get(), {}, None)
    instances.suspend(actor=alice, instance_id=run.id, reason="x")
    advance()
    assert fresh(run).status == "SUSPENDED"
    assert list(InboxSignal.objects.values_list("kind", "held")) == [("LOOK_BACK", True)]
    instances.resume(actor=alice, instance_id=run.id)
    advance()
    assert fresh(run).status == "COMPLETED"


def test_what_both_the_router_and_the_look_back_bring_counts_once(alice: User) -> None:
    published(waiting())
    recorded(paid("e-1"))  # lies in its queue while the wait begins
    run = started(alice, "flow", {"order": 1})
    while routing.route():
        pass
    assert InboxSignal.objects.count() == 2
    advance()
    assert fresh(run).status == "COMPLETED"
    assert Delivery.objects.count() == 1


def test_a_wait_that_is_over_does_not_look_back_any_more(alice: User) -> None:
    published(waiting())
    came(paid("e-1"))
    run = started(alice, "flow", {"order": 1})
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    advance()
    assert fresh(run).status == "CANCELLED"
    assert not Delivery.objects.exists()
