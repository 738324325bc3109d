"""Events that belong together are followed: completed when all came, failed when one did not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.auth.models import User
from apps.events import jobs, queueing
from apps.events.models import DeadLetter, Delivery, Event, EventQueue, SequenceRun, SequenceWatch
from apps.events.sequences.kind import SEQUENCE
from apps.events.sequences.subscriber import SequenceSubscriber
from apps.events.services import dead_letters, sequences
from apps.events.stored import StoredEvent
from apps.events.subscribers import Permanent
from apps.events.tests.factories import Listener, new_event, recorded, registered
from apps.events.tests.sequences import drain, fulfilment, happen, pair, published, run_of, statuses
from apps.validation.definitions import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Beside sequences somebody else hears every event."""
    other = Listener()
    with registered(SequenceSubscriber(), other):  # type: ignore[arg-type]
        yield other


@pytest.fixture(autouse=True)
def _only_sequences(listener: Listener) -> None: ...


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that goes to the driver meanwhile, also those past Django (see sql.py)."""
    seen: list[str] = []
    execute = psycopg.Cursor.execute

    def counting(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(str(query))
        return execute(self, query, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counting)
        yield seen


def said(pattern: str = "sequences.fulfilment.completed") -> list[Event]:
    return list(Event.objects.filter(pattern=pattern).order_by("recorded_at"))


def out_of_time(run: SequenceRun) -> int:
    SequenceRun.objects.filter(id=run.id).update(deadline=timezone.now() - timedelta(seconds=1))
    return sequences.fire_deadlines()


def test_when_all_came_an_event_says_so(alice: User) -> None:
    published(alice, fulfilment())
    for name in ("created", "packed", "paid"):
        happen(f"orders.{name}", amount=3)
    assert run_of().status == "in_progress"
    happen("orders.shipped", whole=False)
    assert run_of().status == "in_progress"
    last = happen("orders.shipped", whole=True)
    run = run_of()
    assert (run.status, run.decided_by, set(statuses(run).values())) == ("completed", last, {"processed"})
    [event] = said()
    assert (event.correlation_id, event.causation_id) == ("A", last)
    assert event.source == {"type": "system", "id": "fulfilment", "name": "Order fulfilment"}
    payload = event.payload
    assert {name: payload[name] for name in ("sequenceId", "version", "key", "status", "reason", "missing")} == {
        "sequenceId": "fulfilment", "version": "1.0.0", "key": "A", "status": "completed", "reason": None, "missing": [],
    }  # fmt: skip
    assert set(payload["events"]) == {"created", "packed", "paid", "shipped"}
    assert payload["events"]["paid"]["payload"] == {"orderId": "A", "amount": 3}


def test_events_in_one_batch_and_of_several_cases_are_told_apart(alice: User) -> None:
    published(alice, fulfilment())
    names = ("shipped", "paid", "created", "packed")
    recorded(
        *(
            new_event(f"{name}-{key}", f"orders.{name}", {"orderId": key, "whole": True})
            for name in names
            for key in ("A", "B", "C")
            if (name, key) != ("paid", "C")
        )
    )
    drain()
    assert dict(SequenceRun.objects.values_list("key", "status")) == {
        "A": "completed", "B": "completed", "C": "in_progress",
    }  # fmt: skip
    assert [event.payload["key"] for event in said()] == ["A", "B"]


def test_one_case_may_run_through_twice_in_one_batch(alice: User) -> None:
    published(alice, pair())
    recorded(
        *(
            new_event(f"{name}-{turn}", f"talk.{name}", metadata={"correlationId": "A"})
            for turn in range(3)
            for name in ("asked", "answered")
        )
    )
    drain()
    assert [run.status for run in SequenceRun.objects.all()] == ["completed"] * 3
    assert len(said("sequences.pair.completed")) == 3


def test_what_does_not_come_in_time_is_missing(alice: User) -> None:
    published(alice, fulfilment())
    first = happen("orders.created")
    happen("orders.shipped", whole=True)
    assert sequences.fire_deadlines() == 0
    assert out_of_time(run_of()) == 1
    run = run_of()
    assert (run.status, run.reason, run.decided_by) == ("failed", "MISSING", first)
    [event] = said("sequences.fulfilment.failed")
    assert (event.payload["reason"], event.payload["missing"]) == ("MISSING", ["paid", "packed"])
    assert (event.correlation_id, event.causation_id) == ("A", first)
    assert sequences.fire_deadlines() == 0


def test_the_sweep_ends_what_has_run_out_of_time(alice: User) -> None:
    published(alice, pair())
    happen("talk.asked")
    SequenceRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    jobs.sweep()
    assert run_of().reason == "MISSING"


def test_a_deadline_waits_for_what_was_recorded_before_it(alice: User) -> None:
    published(alice, pair())
    happen("talk.asked")
    # The answer is recorded in time, and nobody has routed it yet.
    recorded(new_event("late", "talk.answered", metadata={"correlationId": "A"}))
    moment = timezone.now() + timedelta(milliseconds=1)
    SequenceRun.objects.update(deadline=moment)
    while timezone.now() <= moment:
        pass
    assert sequences.fire_deadlines() == 0
    drain()
    assert run_of().status == "completed"


def test_a_queue_that_its_events_do_not_go_through_holds_no_deadline_back(alice: User) -> None:
    EventQueue.objects.create(id="other", patterns=["other.**"], status="paused")
    queueing.forget()
    published(alice, pair())
    happen("talk.asked")
    recorded(new_event("elsewhere", "other.thing"))
    SequenceRun.objects.update(deadline=timezone.now())
    assert sequences.fire_deadlines() == 1


def test_what_comes_after_the_time_was_up_fails_the_run_first(alice: User) -> None:
    published(alice, pair(within="PT1M"))
    happen("talk.asked")
    SequenceRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    happen("talk.answered")
    run = run_of()
    assert (run.status, run.reason, statuses(run)) == (
        "failed", "MISSING", {"asked": "processed", "answered": "pending"},
    )  # fmt: skip
    assert run.members.get(member_id="answered").late
    SequenceRun.objects.update(deadline=timezone.now() - timedelta(hours=1))
    happen("talk.asked")
    assert SequenceRun.objects.filter(status="in_progress").count() == 1


def test_a_missing_event_can_be_watched_for_after_another(alice: User) -> None:
    """Only the first place begins: an answer alone is nobody's business."""
    published(alice, pair(startsWith="FIRST"))
    happen("talk.answered")
    assert not SequenceRun.objects.exists()
    assert Delivery.objects.get(kind="sequence").result["skipped"] == "No run waits for it."
    happen("talk.asked")
    assert out_of_time(run_of()) == 1
    assert said("sequences.pair.failed")[0].payload["missing"] == ["answered"]


def test_the_optional_last_event_belongs_to_the_run_that_has_ended(alice: User) -> None:
    published(alice, fulfilment())
    for name in ("created", "paid", "packed", "shipped", "rated"):
        happen(f"orders.{name}", whole=True)
    assert SequenceRun.objects.count() == 1
    assert statuses(run_of())["rated"] == "processed"
    assert len(said()) == 1


def test_an_event_without_a_case_is_left_and_one_whose_key_cannot_be_read_is_a_dead_letter(alice: User) -> None:
    published(alice, pair())
    recorded(new_event("no-case", "talk.asked"))
    published(alice, fulfilment())
    recorded(new_event("no-order", "orders.created", {"other": 1}), new_event("fine", "orders.created", {"orderId": 7}))
    drain()
    assert Delivery.objects.get(event_id="no-case", kind="sequence").status == "skipped"
    letter = DeadLetter.objects.get()
    assert (letter.event_id, letter.subscriber_id) == ("no-order", "sequence:fulfilment")
    assert "The correlation key" in letter.error["message"]
    assert run_of("7").status == "in_progress"


def test_a_dead_letter_of_somebody_else_fails_the_run_and_its_replay_sets_it_back(
    alice: User, admin: User, listener: Listener
) -> None:
    published(alice, pair())
    listener.trouble = lambda event_id, subscriber_id: (
        Permanent("Never.", code="NEVER") if event_id.startswith("talk.asked") else None
    )
    happen("talk.asked")
    run = run_of()
    assert (run.status, run.reason, statuses(run)) == ("failed", "MEMBER_FAILED", {"asked": "failed"})
    error = run.members.get().error
    assert (error["code"], error["subscriberId"]) == ("NEVER", "listener:a")
    assert said("sequences.pair.failed")[0].payload["reason"] == "MEMBER_FAILED"
    listener.trouble = lambda event_id, subscriber_id: None
    dead_letters.replay(actor=admin, letter_id=DeadLetter.objects.get().id)
    drain()
    assert (run_of().status, statuses(run_of())) == ("in_progress", {"asked": "processed"})
    happen("talk.answered")
    assert run_of().status == "completed"


def test_one_that_has_failed_before_the_sequence_hears_of_it(alice: User, listener: Listener) -> None:
    published(alice, pair())
    listener.trouble = lambda event_id, subscriber_id: Permanent("Never.") if "listener" in subscriber_id else None
    # A kind that is registered first is done first.
    with registered(listener, SequenceSubscriber()):  # type: ignore[arg-type]
        happen("talk.asked")
    assert run_of().reason == "MEMBER_FAILED"


def test_the_retry_strategy_replays_dead_letters(alice: User, listener: Listener) -> None:
    published(alice, pair(rollbackStrategy={"type": "retry", "maxRetries": 2}))
    listener.trouble = lambda event_id, subscriber_id: Permanent("Never.") if "asked" in event_id else None
    happen("talk.asked")
    assert run_of().status == "in_progress"
    letter = DeadLetter.objects.get()
    assert letter.replay_at is not None and timedelta(seconds=8) < letter.replay_at - timezone.now()
    for expected in ("in_progress", "failed"):
        DeadLetter.objects.update(replay_at=timezone.now())
        drain()
        assert run_of().status == expected
    assert DeadLetter.objects.get().replay_at is None
    assert len(said("sequences.pair.failed")) == 1


def test_a_replay_in_time_completes_a_run(alice: User, listener: Listener) -> None:
    published(alice, pair(rollbackStrategy={"type": "retry"}))
    listener.trouble = lambda event_id, subscriber_id: Permanent("Never.") if "asked" in event_id else None
    happen("talk.asked")
    happen("talk.answered")
    listener.trouble = lambda event_id, subscriber_id: None
    DeadLetter.objects.update(replay_at=timezone.now())
    drain()
    assert run_of().status == "completed"


def test_compensating_events_undo_the_last_first(alice: User) -> None:
    undo = [
        {
            "eventId": "orders.refund",
            "compensates": "paid",
            "payloadTemplate": {
                "order": "${key}",
                "amount": "${events.paid.payload.amount}",
                "why": "${sequence.reason}",
            },
        },
        {"eventId": "orders.unpack", "compensates": "packed", "payloadTemplate": "${events.packed}"},
        {"eventId": "orders.cancel", "compensates": "created", "payloadTemplate": {"because": "${event.eventId}"}},
        {
            "eventId": "orders.tell",
            "payloadTemplate": {"missing": "${sequence.missing}", "bad": "${events.shipped.payload}"},
        },
        {"eventId": "orders.note"},
    ]
    strategy = {"type": "compensating_events", "compensatingEvents": undo}
    published(alice, fulfilment(rollbackStrategy=strategy))
    first = happen("orders.created")
    happen("orders.paid", amount=12)
    out_of_time(run_of())
    run = run_of()
    assert run.compensated and run.rollback is not None
    recorded_ = [Event.objects.get(event_id=each["eventId"]) for each in run.rollback["events"]]
    assert [(event.pattern, event.payload) for event in recorded_] == [
        ("orders.refund", {"order": "A", "amount": 12, "why": "MISSING"}),
        ("orders.cancel", {"because": first}),
        ("orders.note", {}),
    ]
    assert [error["pattern"] for error in run.rollback["errors"]] == ["orders.tell"]
    assert {(event.correlation_id, event.causation_id) for event in recorded_} == {("A", first)}


def test_one_run_that_cannot_be_ended_keeps_no_other_waiting(alice: User) -> None:
    published(alice, pair())
    for key in ("A", "B", "C"):
        happen("talk.asked", key)
    # A number that no column holds stands for a defect.
    SequenceRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    SequenceRun.objects.filter(key="B").update(outcomes=2**31 - 1)
    assert sequences.fire_deadlines() == 2
    assert dict(SequenceRun.objects.values_list("key", "status")) == {
        "A": "failed", "B": "in_progress", "C": "failed",
    }  # fmt: skip
    assert sequences.fire_deadlines() == 0


def test_a_run_stays_with_its_version_and_new_ones_go_by_the_new(alice: User) -> None:
    published(alice, pair())
    happen("talk.asked", "old")
    events = [*pair()["events"], {"eventId": "talk.thanked", "order": 3}]
    published(alice, pair(version="2.0.0", events=events))
    happen("talk.answered", "old")
    assert (run_of("old").status, run_of("old").version) == ("completed", "1.0.0")
    happen("talk.asked", "new")
    happen("talk.answered", "new")
    assert (run_of("new").status, run_of("new").version) == ("in_progress", "2.0.0")
    happen("talk.thanked", "new")
    assert run_of("new").status == "completed"


def test_an_archived_sequence_finishes_what_it_began_and_begins_nothing(alice: User) -> None:
    published(alice, pair())
    happen("talk.asked", "old")
    services.archive(SEQUENCE, actor=alice, key="pair")
    happen("talk.asked", "new")
    happen("talk.answered", "old")
    assert dict(SequenceRun.objects.values_list("key", "status")) == {"old": "completed"}
    assert SequenceWatch.objects.filter(current=True).count() == 0


def test_an_id_that_no_definition_has_means_that_one_event(alice: User) -> None:
    events = [{"eventId": "evt_create_invoice_abc123", "order": 1}, {"eventId": "evt:notify/1", "order": 2}]
    published(alice, pair(events=events))
    happen("invoices.created", event_id="evt_create_invoice_abc123")
    happen("invoices.told", event_id="evt:notify/1")
    assert run_of().status == "completed"


def test_routing_costs_the_same_number_of_statements_however_many_runs_there_are(alice: User) -> None:
    published(alice, pair())

    def statements(keys: list[str], name: str) -> int:
        found: list[StoredEvent] = recorded(
            *(new_event(f"{name}-{key}", f"talk.{name}", metadata={"correlationId": key}) for key in keys)
        )
        subscriber = SequenceSubscriber()
        with transaction.atomic(), counted_statements() as seen:
            subscriber.handle(subscriber.find(found))
        return len(seen)

    few = [f"few-{n}" for n in range(2)]
    many = [f"many-{n}" for n in range(60)]
    happen("talk.asked", "warm")
    assert statements(many, "asked") == statements(few, "asked") < 15
    assert statements(many, "answered") == statements(few, "answered") < 15


def test_two_routers_that_begin_a_run_of_one_case_at_once_share_it(alice: User) -> None:
    published(alice, pair())
    asked, answered = recorded(
        *(new_event(f"e-{name}", f"talk.{name}", metadata={"correlationId": "A"}) for name in ("asked", "answered"))
    )
    begun, go_on = threading.Event(), threading.Event()
    subscriber = SequenceSubscriber()

    def first() -> None:
        try:
            with transaction.atomic():
                subscriber.handle(subscriber.find([asked]))
                begun.set()
                go_on.wait(10)
        finally:
            connection.close()

    def second() -> None:
        try:
            with transaction.atomic():
                subscriber.handle(subscriber.find([answered]))
        finally:
            connection.close()

    one, two = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    assert begun.wait(10)
    two.start()
    two.join(0.3)  # it waits for the first to commit
    assert two.is_alive()
    go_on.set()
    one.join(10)
    two.join(10)
    assert [run.status for run in SequenceRun.objects.all()] == ["completed"]


def test_runs_that_ended_long_ago_are_forgotten(alice: User) -> None:
    published(alice, pair())
    for name in ("asked", "answered"):
        happen(f"talk.{name}", "done")
    happen("talk.asked", "open")
    assert sequences.forget_runs(ended_before=timezone.now()) == 1
    assert [run.key for run in SequenceRun.objects.all()] == ["open"]


def test_payloads_that_are_large_in_all_are_named_only(alice: User) -> None:
    published(alice, pair())
    happen("talk.asked", text="x" * 300_000)
    happen("talk.answered")
    [event] = said("sequences.pair.completed")
    assert event.payload["payloadsOmitted"] is True
    assert set(event.payload["events"]["asked"]) == {"eventId", "timestamp"}


class TestPeople:
    def failed(self, alice: User) -> SequenceRun:
        published(alice, pair())
        happen("talk.asked")
        out_of_time(run_of())
        return run_of()

    def test_resolve_skip_fail_and_retry(self, alice: User, admin: User) -> None:
        run = self.failed(alice)
        run = sequences.retry(actor=admin, run_id=run.id, notes="They are slow.")
        assert (run.status, run.completed_at) == ("in_progress", None)
        assert run.deadline is not None and run.deadline > timezone.now() + timedelta(minutes=59)
        run = sequences.fail(actor=admin, run_id=run.id, notes="No answer.")
        assert (run.status, run.reason) == ("failed", "GIVEN_UP")
        run = sequences.skip(actor=admin, run_id=run.id, member="answered", notes="By phone.")
        assert run.status == "completed"
        assert [event.pattern for event in Event.objects.filter(pattern__startswith="seq").order_by("recorded_at")] == [
            "sequences.pair.failed", "sequences.pair.failed", "sequences.pair.completed",
        ]  # fmt: skip
        settled: dict[str, Any] = run.settled or {}
        assert (settled["verb"], settled["by"], settled["notes"], settled["member"]) == (
            "skip", "admin", "By phone.", "answered",
        )  # fmt: skip
