"""Event triggers at work: an event is recorded and routed, and a run is there, or is cancelled, once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from apps.auth.models import AuditEntry, Role, User
from apps.auth.tests.factories import UserFactory
from apps.events.models import DeadLetter, Delivery
from apps.events.routing import route
from apps.events.services import dead_letters
from apps.events.stored import StoredEvent
from apps.events.subscribers import Permanent, SubscriberGone
from apps.events.tests.factories import new_event, recorded
from apps.validation.problems import Conflict, Unprocessable
from apps.workflows.models import InboxSignal, Trigger, WorkflowInstance
from apps.workflows.services import definitions, triggers
from apps.workflows.subscribers.triggers import Triggers
from apps.workflows.tests.factories import greeting, nap, published, started
from apps.workflows.tests.live import advance, fresh
from apps.workflows.tests.test_what_an_advance_costs import counted_statements

pytestmark = pytest.mark.django_db(transaction=True)
KIND = Triggers()
CASE = {"correlationKey": "event.payload.id"}


def saved(actor: User, workflow_id: str = "nap", **more: Any) -> Trigger:
    row, _ = triggers.save(actor=actor, document={"workflowId": workflow_id, "eventPattern": "order.paid"} | more)
    return row


def drain() -> None:
    while route():
        pass


def comes(*payloads: Any, pattern: str = "order.paid", prefix: str = "e", **more: Any) -> list[StoredEvent]:
    """Record one event for each payload and route them."""
    events = recorded(*(new_event(f"{prefix}-{n}", pattern, payload, **more) for n, payload in enumerate(payloads, 1)))
    drain()
    return events


def runs(**more: Any) -> list[WorkflowInstance]:
    return list(WorkflowInstance.objects.filter(**more).order_by("started_at", "id"))


def became() -> list[tuple[str, str, str]]:
    """(event, trigger, what came of it), in the order of the events."""
    rows = Delivery.objects.order_by("place", "event_id", "subscriber_id")
    return [(row.event_id, row.subscriber_id.removeprefix("trigger:"), row.status) for row in rows]


@pytest.fixture(autouse=True)
def _flows() -> None:
    published(nap())
    published(greeting())


# Starting


def test_an_event_starts_a_run_that_says_why(alice: User) -> None:
    saved(alice, "greeting", inputMapping={"name": "${event.payload.who}"}, triggerId="greet")
    comes({"who": "Ada"}, metadata={"correlationId": "case-7"})
    (run,) = runs()
    assert (run.workflow_id, run.input, run.started_by) == ("greeting", {"name": "Ada"}, alice)
    assert (run.trigger_event_id, run.correlation_id) == ("e-1", "case-7")
    advance()
    assert fresh(run).output == {"text": "Hello Ada"}
    delivery = Delivery.objects.get()
    assert delivery.result == {"instanceId": str(run.id), "workflowId": "greeting"}


def test_without_a_mapping_the_payload_is_the_input(alice: User) -> None:
    saved(alice, "greeting")
    comes({"name": "Ada"})
    assert [run.input for run in runs()] == [{"name": "Ada"}]


def test_the_same_event_twice_is_one_run(alice: User) -> None:
    saved(alice)
    comes({})
    comes({})
    assert len(runs()) == 1


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("order.*", "order.paid", True),
        ("order.**", "order.paid.late", True),
        ("**.paid", "order.paid", True),
        ("**", "order.paid", True),
        ("order.*", "order.paid.late", False),
        ("*", "order.paid", False),
        ("order.paid", "order.paid.late", False),
    ],
)
def test_wildcards_find_what_fits(pattern: str, name: str, meant: bool, alice: User) -> None:
    saved(alice, eventPattern=pattern)
    comes({}, pattern=name)
    assert len(runs()) == meant


@pytest.mark.parametrize(
    ("condition", "payload", "meant"),
    [
        ("event.payload.kind == 'big'", {"kind": "big"}, True),
        ("event.payload.kind == 'big'", {"kind": "small"}, False),
        ("'big' == event.payload.kind && event.payload.n > 3", {"kind": "big", "n": 4}, True),
        ("'big' == event.payload.kind && event.payload.n > 3", {"kind": "big", "n": 3}, False),
        ("event.payload.n == 1 + 1", {"n": 2.0}, True),
        ("event.payload.kind == 'big' || event.payload.n == 1", {"kind": "small", "n": 1}, True),
        ("!(event.payload.kind == 'big')", {"kind": "small"}, True),
        ("event.payload.?kind.orValue('') == 'big'", {}, False),
        ("event.payload.items[0].id == 7", {"items": [{"id": 7}]}, True),
        ("event.source.type == 'system'", {}, True),
        ("event.payload.kind == 'big'", {}, False),
    ],
)
def test_the_condition_decides_however_the_trigger_is_found(
    condition: str, payload: Any, meant: bool, alice: User
) -> None:
    saved(alice, eventCondition=condition)
    comes(payload)
    assert len(runs()) == meant
    assert len(became()) == meant


def test_those_with_a_lower_priority_number_come_first(alice: User) -> None:
    for key, priority in (("b", 5), ("a", 5), ("z", 1), ("y", 200)):
        saved(alice, triggerId=key, priority=priority, eventPattern="order.*" if key == "z" else "order.paid")
    found = KIND.find(recorded(new_event(payload={})))
    assert [match.subscriber_id for match in found] == ["trigger:z", "trigger:a", "trigger:b", "trigger:y"]


def test_a_paused_trigger_lets_events_pass_for_good(alice: User) -> None:
    saved(alice, triggerId="t")
    triggers.pause(actor=alice, key="t")
    comes({})
    triggers.resume(actor=alice, key="t")
    drain()
    assert runs() == []
    comes({}, prefix="f")
    assert len(runs()) == 1


# Business cases


def test_a_case_that_is_under_way_is_not_started_again(alice: User) -> None:
    saved(alice, **CASE)
    comes({"id": 7}, {"id": 7}, {"id": 8})
    comes({"id": 7}, prefix="f")
    first, second = runs()
    assert (first.correlation_id, second.correlation_id) == ("7", "8")
    skipped = Delivery.objects.filter(status="skipped").order_by("place")
    assert [row.event_id for row in skipped] == ["e-2", "f-1"]
    assert {row.result["instanceId"] for row in skipped} == {str(first.id)}


def test_a_case_that_is_over_is_started_again(alice: User) -> None:
    saved(alice, "greeting", **CASE, inputMapping={"name": "x"})
    comes({"id": "a"})
    advance()
    comes({"id": "a"}, prefix="f")
    assert [run.correlation_id for run in runs()] == ["a", "a"]


def test_two_routers_at_once_start_a_case_once(alice: User) -> None:
    saved(alice, **CASE)
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []
    events = recorded(*(new_event(f"e-{n}", payload={"id": n % 20}) for n in range(40)))

    def work(mine: list[StoredEvent]) -> None:
        try:
            barrier.wait(10)
            with transaction.atomic():
                KIND.handle(KIND.find(mine))
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(mine,)) for mine in (events[::-1][:20], events[:20])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert sorted(run.correlation_id or "" for run in runs()) == sorted(str(n) for n in range(20))


# What cannot be handled


@pytest.mark.parametrize(
    ("document", "payload", "code"),
    [
        ({"eventCondition": "event.payload.n > 3"}, {}, "CONDITION_FAILED"),
        ({"eventCondition": "event.payload.n > 3"}, {"n": "x"}, "CONDITION_FAILED"),
        ({"eventCondition": "event.payload.flag"}, {"flag": "yes"}, "CONDITION_FAILED"),
        ({"inputMapping": {"name": "${event.payload.who}"}}, {}, "INPUT_FAILED"),
        ({"inputMapping": {"name": "${event.payload.who}"}}, {"who": ""}, "UNPROCESSABLE"),
        ({}, {"who": "x"}, "UNPROCESSABLE"),
        ({"correlationKey": "event.payload.id", "inputMapping": {"name": "x"}}, {}, "CORRELATION_FAILED"),
        ({"correlationKey": "event.payload.id", "inputMapping": {"name": "x"}}, {"id": None}, "CORRELATION_FAILED"),
        (
            {"correlationKey": "event.payload.id", "inputMapping": {"name": "x"}},
            {"id": "k" * 300},
            "CORRELATION_FAILED",
        ),
    ],
)
def test_what_cannot_be_handled_is_a_dead_letter_with_its_reason(
    document: dict[str, Any], payload: Any, code: str, alice: User
) -> None:
    saved(alice, "greeting", **document)
    comes(payload)
    letter = DeadLetter.objects.get()
    assert (letter.error_type, letter.error_code) == ("PERMANENT", code)
    assert letter.error["context"]["violations"][0]["message"]
    assert runs() == []


def test_an_input_that_does_not_fit_is_told_by_its_place_in_the_input(alice: User) -> None:
    saved(alice, "greeting")
    comes({"name": "Ada"}, {"name": 7})
    (letter,) = DeadLetter.objects.all()
    assert [(each["code"], each["pointer"]) for each in letter.error["context"]["violations"]] == [
        ("type", "/input/name")
    ]
    assert [run.input for run in runs()] == [{"name": "Ada"}]


def test_a_failing_trigger_does_not_stop_its_neighbours(alice: User) -> None:
    saved(alice, triggerId="good")
    saved(alice, "greeting", triggerId="bad", priority=1)
    comes({"n": 1}, {"n": 2})
    assert sorted(became()) == [
        ("e-1", "bad", "dead"),
        ("e-1", "good", "handled"),
        ("e-2", "bad", "dead"),
        ("e-2", "good", "handled"),
    ]
    assert len(runs()) == 2


def test_a_dead_letter_replayed_uses_the_trigger_as_it_is_then_and_acts_once(alice: User) -> None:
    saved(alice, "greeting", triggerId="t")
    comes({"who": "Ada"})
    saved(alice, "greeting", triggerId="t", inputMapping={"name": "${event.payload.who}"})
    letter = DeadLetter.objects.get()
    admin = UserFactory(roles=["admin"])
    for _ in range(2):
        dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    with pytest.raises(Conflict):
        dead_letters.replay(actor=admin, letter_id=letter.id)
    drain()
    assert [run.input for run in runs()] == [{"name": "Ada"}]


def test_a_trigger_that_is_gone_or_paused_takes_nothing_that_is_replayed(alice: User) -> None:
    (event,) = recorded(new_event(payload={}))
    saved(alice, triggerId="t")
    assert KIND.again(event, "trigger:t").subscriber_id == "trigger:t"
    triggers.pause(actor=alice, key="t")
    with pytest.raises(SubscriberGone):
        KIND.again(event, "trigger:t")
    triggers.delete(actor=alice, key="t")
    with pytest.raises(SubscriberGone):
        KIND.again(event, "trigger:t")


def test_a_condition_that_has_become_false_skips_what_is_replayed(alice: User) -> None:
    (event,) = recorded(new_event(payload={"n": 1}))
    saved(alice, eventCondition="event.payload.n == 2", triggerId="t")
    (handled,) = KIND.handle([KIND.again(event, "trigger:t")])
    assert handled.skipped
    assert runs() == []


def test_runs_are_started_with_the_rights_that_the_owner_has_then(alice: User) -> None:
    saved(alice)
    alice.roles.clear()
    comes({})
    assert DeadLetter.objects.get().error_code == "FORBIDDEN"
    User.objects.filter(pk=alice.pk).update(status=User.Status.INACTIVE)
    alice.roles.set(Role.objects.filter(name="admin"))
    comes({}, prefix="f")
    assert DeadLetter.objects.filter(error_code="FORBIDDEN").count() == 2
    assert runs() == []


# Cancelling


def canceller(actor: User, **more: Any) -> Trigger:
    return saved(actor, triggerType="CANCEL", eventPattern="order.withdrawn", **(CASE | more))


def test_an_event_cancels_the_runs_of_its_case(alice: User) -> None:
    canceller(alice)
    mine, other = (started(alice, "nap", correlation_id=key) for key in ("7", "8"))
    comes({"id": 7}, pattern="order.withdrawn")
    advance()
    gone = fresh(mine)
    assert (gone.status, fresh(other).status) == ("CANCELLED", "RUNNING")
    assert gone.cancellation is not None
    assert (gone.cancellation["source"], gone.cancellation["eventId"]) == ("EVENT", "e-1")
    assert gone.cancellation["requestedBy"] == "alice"
    assert Delivery.objects.get().result == {"cancelled": [str(mine.id)], "count": 1, "workflowId": "nap"}
    assert AuditEntry.objects.filter(action="workflow.cancel_batch", actor_name="alice").count() == 1


def test_where_only_a_condition_says_it_all_runs_are_cancelled_and_the_first_are_named(alice: User) -> None:
    canceller(alice, correlationKey=None, eventCondition="event.payload.all")
    for _ in range(3):
        started(alice, "nap")
    comes({"all": False}, {"all": True}, pattern="order.withdrawn")
    assert Delivery.objects.get().result["count"] == 3
    assert InboxSignal.objects.filter(kind="CANCEL").count() == 3


def test_nothing_to_cancel_is_said(alice: User) -> None:
    canceller(alice)
    comes({"id": 7}, pattern="order.withdrawn")
    assert Delivery.objects.get().status == "skipped"


def test_an_event_cancels_what_came_before_it_and_not_what_comes_after(alice: User) -> None:
    saved(alice, **CASE)
    canceller(alice)
    recorded(
        new_event("1", "order.withdrawn", {"id": "a"}),
        new_event("2", "order.paid", {"id": "a"}),
        new_event("3", "order.paid", {"id": "b"}),
        new_event("4", "order.withdrawn", {"id": "b"}),
    )
    drain()
    advance()
    assert {run.correlation_id: run.status for run in runs()} == {"a": "RUNNING", "b": "CANCELLED"}


def test_who_may_steer_their_own_runs_only_cancels_only_those(alice: User) -> None:
    robot = UserFactory(username="robot", roles=["service"], permissions=["design:trigger"])
    canceller(robot)
    own, other = (started(actor, "nap", correlation_id="7") for actor in (robot, alice))
    comes({"id": 7}, pattern="order.withdrawn")
    advance()
    assert (fresh(own).status, fresh(other).status) == ("CANCELLED", "RUNNING")


# Triggers in a workflow's own document


def with_trigger(version: str = "1.1.0", **trigger: Any) -> dict[str, Any]:
    entry = {"type": "event", "triggerId": "paid", "eventPattern": "order.paid"} | trigger
    return nap(version=version, triggers=[entry])


def publish(actor: User, document: dict[str, Any]) -> None:
    definitions.save(actor=actor, document=document)
    definitions.publish(actor=actor, workflow_id=document["workflowId"], version=document["version"])


def test_publishing_puts_its_triggers_in_force_and_archiving_rests_them(alice: User) -> None:
    publish(alice, with_trigger())
    row = Trigger.objects.get()
    assert (row.key, row.inline, row.enabled, row.owner) == ("nap_paid", True, True, alice)
    comes({})
    assert len(runs()) == 1
    publish(alice, with_trigger("1.2.0", eventPattern="order.placed"))
    row.refresh_from_db()
    assert row.event_pattern == "order.placed"
    definitions.archive(actor=alice, workflow_id="nap")
    row.refresh_from_db()
    assert not row.enabled
    publish(alice, with_trigger("1.3.0"))
    row.refresh_from_db()
    assert row.enabled
    publish(alice, nap(version="2.0.0"))
    assert not Trigger.objects.exists()


def test_one_that_a_person_has_paused_stays_paused(alice: User) -> None:
    publish(alice, with_trigger())
    triggers.pause(actor=alice, key="nap_paid")
    publish(alice, with_trigger("1.2.0", priority=7))
    row = Trigger.objects.get()
    assert (row.priority, row.enabled) == (7, False)


def test_one_in_a_document_is_changed_there_only(alice: User) -> None:
    publish(alice, with_trigger())
    with pytest.raises(Conflict):
        saved(alice, triggerId="nap_paid")
    with pytest.raises(Conflict):
        triggers.delete(actor=alice, key="nap_paid")


def test_a_faulty_one_in_a_document_is_found_with_its_place_once(alice: User) -> None:
    entry = {
        "type": "event",
        "eventPattern": "order.paid",
        "eventCondition": "event.paylod.x",
        "inputMapping": {"n": 1},
    }
    document = greeting(version="1.1.0", triggers=[entry])
    definitions.save(actor=alice, document=document)
    with pytest.raises(Unprocessable) as caught:
        definitions.publish(actor=alice, workflow_id="greeting", version="1.1.0")
    assert [(each.code, each.pointer) for each in caught.value.violations if each.severity == "error"] == [
        ("expression-field", "/triggers/0/eventCondition"),
        ("required", "/triggers/0/inputMapping"),
        ("unknown-field", "/triggers/0/inputMapping/n"),
    ]


# Cost


def test_the_number_of_statements_does_not_grow_with_the_number_of_triggers(alice: User) -> None:
    others = [nap(workflowId=f"nap-{n}") for n in range(4)]
    for document in others:
        published(document)
    for n in range(10):
        saved(
            alice, f"nap-{n % 4}", triggerId=f"few-{n}", eventPattern="few.came", eventCondition="event.payload.n == 1"
        )
    template = Trigger.objects.get(key="few-0")
    made = []
    for n in range(1_000):
        document = template.document | {"triggerId": f"many-{n}", "eventPattern": "many.came"}
        row = Trigger(key=f"many-{n}", workflow_id=f"nap-{n % 4}", name="x", document=document, owner=alice)
        row.event_pattern, row.correlation_key = "many.came", template.correlation_key
        made.append(row)
    Trigger.objects.bulk_create(made)
    saved(alice, triggerId="many-0", eventPattern="many.came", eventCondition="event.payload.n == 1")

    def statements(name: str, pattern: str) -> int:
        events = recorded(new_event(name, pattern, {"n": 1}))
        before = len(runs())
        with counted_statements() as count, transaction.atomic():
            KIND.handle(KIND.find(events))
        assert len(runs()) > before
        return len(count)

    statements("warm", "few.came")
    assert statements("few", "few.came") == statements("many", "many.came")


def test_those_that_wait_for_another_value_are_not_looked_at(alice: User) -> None:
    for n in range(3):
        saved(alice, triggerId=f"t-{n}", eventCondition=f"event.payload.n == {n} && event.payload.odd")
    # Only the one that asks for n == 1 is judged: the others' conditions would raise, for there is no `odd`.
    comes({"n": 1})
    assert became() == [("e-1", "t-1", "dead")]


def test_permanent_is_raised_for_the_whole_batch_and_nothing_counts(alice: User) -> None:
    saved(alice, "greeting")
    events = recorded(new_event("a", payload={"name": "Ada"}), new_event("b", payload={}))
    with pytest.raises(Permanent), transaction.atomic():
        KIND.handle(KIND.find(events))
    assert runs() == []
