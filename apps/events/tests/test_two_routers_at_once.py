"""Two routers at once, on connections of their own that really wait for each other."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction

from apps.auth.models import User
from apps.events import begun, doorbell, routing
from apps.events.models import DeadLetter, Delivery, QueuedEvent
from apps.events.routing import route
from apps.events.services import queues, record_events
from apps.events.sql import fetch, fresh_connection_after_a_loss, run
from apps.events.subscribers import Handled, Match, Transient
from apps.events.tests.factories import Listener, new_event, recorded, registered

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _nothing_is_noted() -> Iterator[None]:
    doorbell.client().delete(begun.KEY)
    yield
    doorbell.client().delete(begun.KEY)


@contextmanager
def beside(count: int = 1) -> Iterator[Callable[[Callable[[], T]], Future[T]]]:
    """Call functions in threads, each with a connection of its own that is closed at the end."""

    def call(function: Callable[[], T]) -> T:
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        yield lambda function: pool.submit(call, function)


def until_empty(deadline: float = 30.0) -> None:
    """As a worker: route, again after a conflict, until nothing is queued or due."""
    ends = time.monotonic() + deadline
    while QueuedEvent.objects.exists() or Delivery.objects.filter(next_attempt_at__isnull=False).exists():
        assert time.monotonic() < ends, "the queue does not get empty"
        with fresh_connection_after_a_loss():
            if not route():
                time.sleep(0.005)


class Held(Listener):
    """The first to handle waits, in its transaction, until it may go on."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.there, self.go_on = threading.Event(), threading.Event()
        self._first = threading.Lock()

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        if self._first.acquire(blocking=False):
            self.there.set()
            assert self.go_on.wait(20)
        return super().handle(matches)


def keep_order(admin: User) -> None:
    queues.save(actor=admin, key="default", document={"config": {"partitionKey": "event.payload.case", "batchSize": 7}})


def test_what_one_router_has_in_hand_the_other_leaves_alone() -> None:
    held = Held()
    with registered(held), beside() as go:
        recorded(new_event("e-1"), new_event("e-2"))
        other = go(route)
        assert held.there.wait(20)
        record_events([new_event("e-3")])
        assert not route()
        assert held.heard == [("e-3", "listener:a")]
        held.go_on.set()
        other.result(20)
    assert [event for event, _ in held.heard] == ["e-3", "e-1", "e-2"]
    assert Counter(row.event_id for row in Delivery.objects.all()) == {"e-1": 1, "e-2": 1, "e-3": 1}


def test_an_event_waits_while_another_router_has_one_before_it_and_that_router_goes_on_with_it(admin: User) -> None:
    keep_order(admin)
    held = Held()
    with registered(held), beside() as go:
        recorded(new_event("a-1", payload={"case": "a"}), new_event("a-2", payload={"case": "a"}))
        other = go(lambda: (route(), route()))
        assert held.there.wait(20)
        record_events([new_event("a-3", payload={"case": "a"}), new_event("b-1", payload={"case": "b"})])
        route()
        assert [event for event, _ in held.heard] == ["b-1"]
        held.go_on.set()
        first, _ = other.result(20)
        assert first, "it must look again: the other one has left the rest of the partition to it"
    assert [event for event, _ in held.heard] == ["b-1", "a-1", "a-2", "a-3"]


def test_whoever_gets_a_partition_but_not_its_events_looks_again(admin: User) -> None:
    """One router has the earlier event's row, and lets go; the other has the partition's lock."""
    keep_order(admin)
    ears = Listener()
    claimed, let_go = threading.Event(), threading.Event()

    def claim_only() -> None:
        with transaction.atomic():
            assert len(fetch(routing._CLAIM, "default", "default", 1)) == 1
            claimed.set()
            assert let_go.wait(20)

    with registered(ears), beside() as go:
        recorded(*(new_event(f"a-{n}", payload={"case": "a"}) for n in range(1, 4)))
        other = go(claim_only)
        assert claimed.wait(20)
        assert not route()
        assert ears.heard == [], "a-2 must not come before a-1"
        threading.Timer(0.003, let_go.set).start()
        route()
        other.result(20)
        until_empty()
    assert [event for event, _ in ears.heard] == ["a-1", "a-2", "a-3"]


def test_routers_in_each_others_way_keep_the_order_of_every_partition(admin: User) -> None:
    """Events come while four routers are at work, some of them fail for a while, and some again and again."""
    keep_order(admin)
    chance = random.Random(7)
    lock, failed, order = threading.Lock(), set[str](), defaultdict[str, list[int]](list)

    class Moody(Listener):
        def handle(self, matches: Sequence[Match]) -> list[Handled]:
            with lock:
                for match in matches:
                    if match.event.event_id not in failed and chance.random() < 0.1:
                        failed.add(match.event.event_id)
                        raise Transient("Not now.", retry_after=0.01)
            run("SELECT pg_sleep(0.002)")
            run(  # seen by everybody only once this router has committed
                "INSERT INTO public.heard SELECT * FROM unnest(%s::text[], %s::int[])",
                [match.event.payload["case"] for match in matches],
                [match.event.payload["n"] for match in matches],
            )
            return [Handled() for _ in matches]

    run("CREATE TABLE public.heard (case_ text, n int, at bigserial)")
    try:
        with registered(Moody()), beside(5) as go:
            queues.save(
                actor=admin,
                key="default",
                document={
                    "config": {
                        "partitionKey": "event.payload.case",
                        "batchSize": 7,
                        "retryDelay": "PT0.01S",
                        "maxRetries": 20,
                    }
                },
            )

            def record() -> None:
                for n in range(60):
                    record_events([new_event(f"{c}-{n}", payload={"case": c, "n": n}) for c in "abcde"])

            coming = go(record)
            routers = [go(until_empty) for _ in range(4)]
            coming.result(60)
            for router in routers:
                router.result(60)
            until_empty()
        for case, n in fetch("SELECT case_, n FROM public.heard ORDER BY at"):
            order[case].append(n)
        assert len(failed) > 5
        assert dict(order) == {case: list(range(60)) for case in "abcde"}
        assert set(Delivery.objects.values_list("status")) == {("handled",)}
    finally:
        run("DROP TABLE public.heard")


def test_events_of_no_partition_are_handled_once_by_however_many_routers() -> None:
    ears = Listener(ids=["listener:a", "listener:b"])
    with registered(ears), beside(4) as go:
        recorded(*(new_event(f"e-{n}") for n in range(500)))
        for router in [go(until_empty) for _ in range(4)]:
            router.result(60)
    assert set(Counter(ears.heard).values()) == {1}
    assert len(ears.heard) == Delivery.objects.filter(status="handled").count() == 1000


def test_routers_that_lock_from_opposite_ends_both_come_through() -> None:
    """A real deadlock within the subscribers: Postgres gives one of them up, which is handled at its next attempt."""
    both = threading.Barrier(2, timeout=20)
    met = threading.Event()

    class Crossed(Listener):
        def handle(self, matches: Sequence[Match]) -> list[Handled]:
            for match in matches:
                first, second = match.event.payload
                run("SELECT pg_advisory_xact_lock(%s)", first)
                if not met.is_set():
                    both.wait()
                    met.set()
                run("SELECT pg_advisory_xact_lock(%s)", second)
            return super().handle(matches)

    crossed = Crossed()
    with registered(crossed), beside(2) as go:
        queues_of_one = [new_event("e-1", payload=[1, 2]), new_event("e-2", payload=[2, 1])]
        recorded(*queues_of_one)
        with _one_at_a_time():
            routers = [go(route) for _ in range(2)]
            for router in routers:
                router.result(30)
        refused = Delivery.objects.get(status="retrying")
        assert refused.error["code"] == "DATABASE_BUSY"
        Delivery.objects.filter(status="retrying").update(next_attempt_at="2020-01-01T00:00:00Z")
        until_empty()
    assert sorted(event for event, _ in crossed.heard) == ["e-1", "e-2"]
    assert not DeadLetter.objects.exists()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    from apps.events import queueing
    from apps.events.models import EventQueue

    EventQueue.objects.update_or_create(id="default", defaults={"config": {"batchSize": 1}})
    queueing.forget()
    yield


def test_a_delivery_is_tried_again_by_one_router_only(admin: User) -> None:
    held = Held()
    held.trouble = lambda event_id, who: Transient("Not now.")
    held.go_on.set()
    with registered(held), beside() as go:
        recorded(new_event())
        route()
        held.trouble = lambda event_id, who: None
        held.there, held.go_on, held._first = threading.Event(), threading.Event(), threading.Lock()
        Delivery.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
        other = go(route)
        assert held.there.wait(20)
        assert not route()
        held.go_on.set()
        other.result(20)
        while route():
            pass
    assert held.heard == [("e-1", "listener:a")]
    assert Delivery.objects.get().attempts == 2


def test_a_router_that_has_the_followers_but_not_the_foremost_leaves_them_alone(admin: User) -> None:
    """Another one is at the foremost of them, so these would overtake it."""
    keep_order(admin)
    ears = Listener()
    ears.trouble = lambda event_id, who: Transient("Not now.") if event_id == "a-1" else None
    locked, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            run("SELECT 1 FROM events_delivery WHERE event_id = 'a-1' FOR UPDATE")
            locked.set()
            assert let_go.wait(20)

    with registered(ears), beside() as go:
        recorded(*(new_event(f"a-{n}", payload={"case": "a"}) for n in range(1, 4)))
        route()
        ears.trouble = lambda event_id, who: None
        Delivery.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
        other = go(hold)
        assert locked.wait(20)
        route()
        assert ears.heard == []
        let_go.set()
        other.result(20)
        until_empty()
    assert [event for event, _ in ears.heard] == ["a-1", "a-2", "a-3"]


def test_a_batch_whose_connection_breaks_is_routed_by_the_next(admin: User) -> None:
    """Postgres ends the session in the middle of a subscriber's savepoint."""

    class Cut(Listener):
        cut = True

        def handle(self, matches: Sequence[Match]) -> list[Handled]:
            if self.cut:
                self.cut = False
                run("SELECT pg_terminate_backend(pg_backend_pid())")
            return super().handle(matches)

    ears = Cut()
    with registered(ears), beside() as go:
        recorded(*(new_event(f"e-{n}") for n in range(1, 6)))

        def lost() -> None:
            with pytest.raises(Exception, match=r"terminat|closed|lost"), fresh_connection_after_a_loss():
                route()

        go(lost).result(20)
        assert QueuedEvent.objects.count() == 5
        until_empty()
    assert Counter(event for event, _ in ears.heard) == {f"e-{n}": 1 for n in range(1, 6)}
    assert set(Delivery.objects.values_list("status", "attempts")) == {("handled", 1)}
