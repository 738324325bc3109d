"""An event finds the runs that wait for it, wakes each of them once, and costs the same however many others wait."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from apps.auth.models import User
from apps.events import matching, routing
from apps.events.matching import correlation_key
from apps.events.models import DeadLetter, Delivery, Shape
from apps.events.services import dead_letters
from apps.events.subscribers import SubscriberGone
from apps.events.tests.factories import new_event, recorded
from apps.tasks.models import Task
from apps.workflows.models import HistoryRecord, InboxSignal, Subscription
from apps.workflows.services import instances
from apps.workflows.subscribers.runs import _FIND, RUNS
from apps.workflows.tests.factories import flow, published, started
from apps.workflows.tests.live import Outside, advance, fresh
from apps.workflows.tests.test_what_an_advance_costs import counted_statements

pytestmark = pytest.mark.django_db

CONDITION = "event.payload.order == input.order && event.payload.amount > 0"


def waiting(pattern: str = "orders.paid", condition: str = CONDITION, **more: Any) -> dict[str, Any]:
    """Waits for its order to be paid, and says how much it was."""
    wait = {"stepId": "wait_payment", "type": "EVENT_WAIT", "eventPattern": pattern, "eventCondition": condition}
    return flow(
        wait | {"next": "done"},
        {"stepId": "done", "type": "END", "output": {"amount": "${steps.wait_payment.output.amount}"}},
        name="Order processing",
        **more,
    )


def paid(event_id: str, order: Any, amount: Any = 5, pattern: str = "orders.paid") -> Any:
    return new_event(event_id, pattern, {"order": order, "amount": amount})


def happens(*events: Any) -> None:
    """Record events, route them, and let the runs go on that they wake."""
    recorded(*events)
    while routing.route():
        pass
    advance()


def test_it_wakes_the_run_that_waits_for_it_and_no_other(alice: User) -> None:
    published(waiting())
    runs = [started(alice, "flow", {"order": n}) for n in range(3)]
    happens(paid("e-1", 1))
    assert [fresh(run).status for run in runs] == ["WAITING_FOR_EVENT", "COMPLETED", "WAITING_FOR_EVENT"]
    assert fresh(runs[1]).output == {"amount": 5}
    delivery = Delivery.objects.get()
    assert delivery.status == "handled"
    assert delivery.result == {"instanceId": str(runs[1].id), "workflowId": "flow", "stepId": "wait_payment"}
    taken = Subscription.objects.get(instance_id=runs[1].id)
    assert (taken.status, taken.fulfilled_by_event_id) == ("fulfilled", "e-1")


@pytest.mark.parametrize(
    ("pattern", "name"), [("orders.*", "orders.paid"), ("**.paid", "shop.orders.paid"), ("**", "orders.paid")]
)
def test_patterns_with_wildcards_find_as_well(alice: User, pattern: str, name: str) -> None:
    published(waiting(pattern))
    run = started(alice, "flow", {"order": "A"})
    happens(paid("e-1", "A", pattern=name))
    assert fresh(run).status == "COMPLETED"


def test_numbers_are_equal_however_they_are_written(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 7})
    happens(paid("e-1", 7.0))
    assert fresh(run).status == "COMPLETED"


def test_a_condition_without_an_equality_is_judged_for_each_event_of_its_pattern(alice: User) -> None:
    published(waiting(condition="event.payload.amount > input.order"))
    small, large = (started(alice, "flow", {"order": n}) for n in (1, 100))
    happens(paid("e-1", 0, amount=50))
    assert (fresh(small).status, fresh(large).status) == ("COMPLETED", "WAITING_FOR_EVENT")


def test_an_event_that_the_condition_refuses_leaves_the_run_waiting_for_the_next(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    happens(paid("e-1", 1, amount=0))
    assert fresh(run).status == "WAITING_FOR_EVENT"
    happens(paid("e-2", 1))
    assert fresh(run).status == "COMPLETED"


def test_several_events_at_once_reach_a_run_in_their_order(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    happens(paid("e-1", 1, amount=0), paid("e-2", 1, amount=2), paid("e-3", 1, amount=3))
    assert fresh(run).output == {"amount": 2}


def test_a_suspended_run_takes_it_once_it_goes_on(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    instances.suspend(actor=alice, instance_id=run.id, reason="x")
    happens(paid("e-1", 1))
    assert fresh(run).status == "SUSPENDED"
    instances.resume(actor=alice, instance_id=run.id)
    advance()
    assert fresh(run).status == "COMPLETED"


def test_one_that_cannot_be_judged_becomes_a_dead_letter_of_the_wait_alone(alice: User) -> None:
    published(waiting())
    run, other = (started(alice, "flow", {"order": n}) for n in (1, 2))
    happens(paid("e-1", 1, amount="much"), paid("e-2", 2))
    assert (fresh(run).status, fresh(other).status) == ("WAITING_FOR_EVENT", "COMPLETED")
    letter = DeadLetter.objects.get()
    wait = Subscription.objects.get(instance_id=run.id)
    assert letter.subscriber_id == f"run:{run.id}:{wait.execution_id}"
    assert (letter.event_id, letter.error_type, letter.error_code) == ("e-1", "PERMANENT", "type-mismatch")
    entry = [each for record in HistoryRecord.objects.filter(instance_id=run.id) for each in record.entries][-1]
    assert (entry["type"], entry["stepId"]) == ("EVENT_REFUSED", "wait_payment")
    assert entry["data"]["eventId"] == "e-1"


def test_its_replay_tells_the_run_again(alice: User, admin: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    happens(paid("e-1", 1, amount="much"))
    letter = DeadLetter.objects.get()
    for _ in range(2):
        dead_letters.replay(actor=admin, letter_id=letter.id)
        while routing.route():
            pass
        advance()
        letter.refresh_from_db()
        assert letter.status == "pending"  # it is no clearer than before
    assert fresh(run).status == "WAITING_FOR_EVENT"
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    dead_letters.replay(actor=admin, letter_id=letter.id)
    routing.route()
    letter.refresh_from_db()
    assert letter.error_code == "SUBSCRIBER_GONE"


def test_whoever_does_not_wait_any_more_is_gone(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    [event] = recorded(paid("e-1", 1))
    [match] = RUNS.find([event])
    assert RUNS.again(event, match.subscriber_id) == match
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    assert RUNS.find([event]) == []
    for id_ in (match.subscriber_id, "run:x:y", "run"):
        with pytest.raises(SubscriberGone):
            RUNS.again(event, id_)


def test_people_read_which_run_waits_where(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    [match] = RUNS.find(recorded(paid("e-1", 1)))
    named = RUNS.names([match.subscriber_id, f"run:{uuid4()}:{uuid4()}", "run:nonsense"])
    assert list(named) == [match.subscriber_id]
    assert named[match.subscriber_id].label == f"Order processing {str(run.id)[:8]} waits at wait_payment"
    assert named[match.subscriber_id].href == f"/instances/{run.id}"


# What other branches may change is left to the condition


def branches(condition: str, *beside: dict[str, Any]) -> dict[str, Any]:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.paid", "eventCondition": condition}
    one = {"name": "one", "steps": [{"stepId": "mine", "type": "TRANSFORM", "output": 1, "next": "wait"}, wait]}
    fork = {"stepId": "fork", "type": "PARALLEL", "branches": [one, {"name": "two", "steps": list(beside)}]}
    return flow(fork, variables={"order": {"initial": 1}, "still": {"initial": 1}})


def test_a_variable_that_another_branch_sets_meanwhile_is_judged_as_it_is_then(alice: User) -> None:
    ask = {
        "stepId": "ask",
        "type": "HUMAN_TASK",
        "taskDefinition": {"assignee": "alice"},
        "setVariables": {"order": "2"},
    }
    published(branches("event.payload.order == vars.order && event.payload.amount == vars.still", ask))
    run = started(alice, "flow")
    assert Subscription.objects.get().correlation == {"payload.amount": 1}
    answered(run, "ask")
    happens(paid("e-1", 2, amount=1))
    assert fresh(run).status == "COMPLETED"


def answered(run: Any, step_id: str) -> None:
    Outside().answer(Task.objects.get(workflow_instance_id=run.id, step_id=step_id), {}, None)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("event.payload.order == steps.mine.output", {"payload.order": 1}),
        ("event.payload.order == steps.?beside.?output.orValue(0)", {}),
        ("event.payload.order == workflow.instance.correlationId", {"payload.order": None}),
        (
            "event.payload.order == input.order && event.payload.amount == vars['still']",
            {"payload.order": 9, "payload.amount": 1},
        ),
    ],
)
def test_results_are_kept_where_nothing_beside_can_change_them(
    alice: User, condition: str, kept: dict[str, Any]
) -> None:
    published(branches(condition, {"stepId": "nap", "type": "DELAY", "duration": "PT1H", "next": "beside"}, {"stepId": "beside", "type": "TRANSFORM", "output": 3}))  # fmt: skip
    started(alice, "flow", {"order": 9})
    assert Subscription.objects.get().correlation == kept


# Cost


def many(run_id: UUID, count: int, pattern: str = "orders.paid") -> None:
    """As many further waits under the same shape, each for an order of its own."""
    template = Subscription.objects.get(instance_id=run_id)
    Subscription.objects.bulk_create(
        Subscription(
            id=uuid4(),
            instance_id=run_id,
            execution_id=uuid4(),
            wait_step_id="wait_payment",
            event_pattern=pattern,
            filter_condition=template.filter_condition,
            correlation={"payload.order": f"other-{n}"},
            correlation_key=correlation_key({"payload.order": f"other-{n}"}),
            status="active",
            created_at=template.created_at,
        )
        for n in range(count)
    )


def test_finding_takes_two_statements_however_many_wait_and_however_many_events_come(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    events = recorded(*(paid(f"e-{n}", n) for n in range(50)))
    with counted_statements() as alone:
        assert len(RUNS.find(events)) == 1
    many(run.id, 2_000)
    with counted_statements() as crowded:
        found = RUNS.find(events)
    assert [match.event.event_id for match in found] == ["e-1"]
    assert len(alone) == len(crowded) == 2
    with counted_statements() as handling:
        RUNS.handle(found * 20)
    assert len(handling) == 1
    assert InboxSignal.objects.count() == 20


def test_the_one_that_waits_is_found_by_the_index(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"order": 1})
    many(run.id, 5_000)
    wanted = [{"place": 0, "event_pattern": "orders.paid", "correlation_key": correlation_key({"payload.order": 1})}]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_subscription")
        cursor.execute("EXPLAIN " + _FIND.replace("%s", "'" + json.dumps(wanted) + "'"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "workflows_subscription_finds" in plan
    assert "Seq Scan on workflows_subscription" not in plan


@pytest.mark.django_db(transaction=True)
def test_a_shape_that_is_committed_is_not_written_again(alice: User) -> None:
    published(waiting())
    inserts = []
    for order in (1, 2):
        with counted_statements() as statements:
            started(alice, "flow", {"order": order})
        inserts.append(sum("INSERT INTO events_shape" in each for each in statements))
    assert inserts == [1, 0]
    assert [(row.pattern, row.paths) for row in Shape.objects.all()] == [("orders.paid", ["payload.order"])]


def start_in_vain(actor: User) -> None:
    started(actor, "flow", {"order": 1})
    raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_one_that_was_rolled_back_is_written_the_next_time(alice: User) -> None:
    published(waiting())
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        start_in_vain(alice)
    with transaction.atomic(), connection.cursor() as cursor:  # a savepoint that Django knows nothing of
        cursor.execute("SAVEPOINT by_hand")
        matching.keep_shapes("run", [("orders.paid", ["payload.order"])])
        cursor.execute("ROLLBACK TO SAVEPOINT by_hand")
    assert not Shape.objects.exists()
    started(alice, "flow", {"order": 1})
    assert Shape.objects.count() == 1
