"""Events that harm whoever routes them: given up after some attempts, by the kind that cannot bear them; the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from django.db import OperationalError, transaction

from apps.auth.models import User
from apps.events import begun, doorbell, routing
from apps.events.failures import connection_is_lost, trouble_of
from apps.events.models import DeadLetter, Delivery, QueuedEvent
from apps.events.routing import route
from apps.events.services import dead_letters, queues
from apps.events.sql import fetch, run
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Transient
from apps.events.tests.factories import Listener, Post, new_event, recorded, registered
from apps.events.tests.statements import counted_statements

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """What a test has instead of the death of its process: nobody catches it, and nothing is committed."""


class Deadly(Listener):
    """Whoever has it handle one of ``deadly`` dies."""

    deadly: frozenset[str] = frozenset()

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        if self.deadly & {match.event.event_id for match in matches}:
            raise Killed
        return super().handle(matches)


@pytest.fixture(autouse=True)
def _nothing_is_noted(settings: object) -> Iterator[None]:
    doorbell.client().delete(begun.KEY)
    yield
    doorbell.client().delete(begun.KEY)


def notes() -> int:
    return doorbell.client().hlen(begun.KEY)  # type: ignore[return-value]


def work(most: int = 100) -> int:
    """Route as workers do, each of which is replaced when it dies; returns how many died."""
    died = 0
    for _ in range(most):
        try:
            if not route():
                return died
        except Killed:
            died += 1
    raise AssertionError(f"{died} died, and there is no end of it")


def became() -> dict[tuple[str, str], str]:
    return {(row.event_id, row.subscriber_id): row.status for row in Delivery.objects.all()}


def test_an_event_that_kills_its_router_again_and_again_is_given_up_by_that_kind_alone(
    admin: User, settings: pytest.FixtureRequest
) -> None:
    settings.AUGMENTED_MAX_CLAIMS = 3  # type: ignore[attr-defined]
    ears, deadly = Listener(), Deadly("deadly", ["deadly:a"])
    deadly.deadly = frozenset({"e-3"})
    with registered(deadly, ears):
        recorded(*(new_event(f"e-{n}") for n in range(1, 7)))
        died = work()
        assert died == 3
        assert not QueuedEvent.objects.exists()
        letter = DeadLetter.objects.get()
        assert (letter.event_id, letter.subscriber_id, letter.error_code) == ("e-3", "deadly:*", "WORKER_LOST")
        assert [became()[f"e-{n}", "listener:a"] for n in range(1, 7)] == ["handled"] * 6
        assert sorted(event for event, _ in deadly.heard) == ["e-1", "e-2", "e-4", "e-5", "e-6"]
        assert notes() == 0
        # Once it is harmless, it can be replayed.
        deadly.deadly = frozenset()
        dead_letters.replay(actor=admin, letter_id=letter.id)
        work()
        assert became()["e-3", "deadly:a"] == "handled"


def test_one_death_makes_nobody_a_dead_letter(settings: pytest.FixtureRequest) -> None:
    settings.AUGMENTED_MAX_CLAIMS = 2  # type: ignore[attr-defined]
    deadly = Deadly("deadly", ["deadly:a"])
    deadly.deadly = frozenset({"e-2"})
    with registered(deadly):
        recorded(*(new_event(f"e-{n}") for n in range(1, 5)))
        with pytest.raises(Killed):
            route()
        deadly.deadly = frozenset()  # it was something else
        assert work() == 0
    assert [event for event, _ in deadly.heard] == ["e-1", "e-2", "e-3", "e-4"]
    assert not DeadLetter.objects.exists()
    assert notes() == 0


def test_a_second_attempt_or_a_replay_that_kills_is_given_up_too(admin: User, settings: pytest.FixtureRequest) -> None:
    settings.AUGMENTED_MAX_CLAIMS = 3  # type: ignore[attr-defined]
    deadly = Deadly("deadly", ["deadly:a"])
    deadly.trouble = lambda event_id, who: Transient("Not now.") if event_id == "e-1" else None
    with registered(deadly):
        recorded(new_event("e-1"), new_event("e-2"))
        assert work() == 0
        deadly.deadly = frozenset({"e-1"})
        Delivery.objects.filter(status="retrying").update(next_attempt_at="2020-01-01T00:00:00Z")
        assert work() == 3
        letter = DeadLetter.objects.get()
        assert (letter.subscriber_id, letter.error_code) == ("deadly:a", "WORKER_LOST")
        dead_letters.replay(actor=admin, letter_id=letter.id)
        assert work() == 3
        letter.refresh_from_db()
        assert (letter.status, letter.error_code) == ("pending", "WORKER_LOST")
        assert notes() == 0


def test_an_event_whose_deliveries_cannot_be_written_stops_no_other() -> None:
    """A defect of a kind that shows only when the router writes."""

    class Babbler(Listener):
        def find(self, events: Sequence[StoredEvent]) -> list[Match]:
            return [Match(each, "babbler:" + ("x" * 400 if each.event_id == "e-2" else "a")) for each in events]

    babbler, ears = Babbler("babbler"), Listener()
    with registered(babbler, ears):
        recorded(*(new_event(f"e-{n}") for n in range(1, 4)))
        for _ in range(5):
            try:
                while route():
                    pass
                break
            except Exception as error:  # the worker writes it into its log, and is rung again
                print(error)  # noqa: T201
    assert not QueuedEvent.objects.exists()
    assert {letter.event_id for letter in DeadLetter.objects.all()} == {"e-2"}
    assert {became()[f"e-{n}", "babbler:a"] for n in (1, 3)} == {"handled"}
    assert notes() == 0


def test_a_result_that_cannot_be_kept_is_its_subscribers_own_defect() -> None:
    class Odd(Listener):
        def handle(self, matches: Sequence[Match]) -> list[Handled]:
            said = {"e-1": "\0", "e-2": object(), "e-3": r"a \u0000 that is written out"}
            return [Handled({"said": said.get(match.event.event_id, "fine")}) for match in matches]

    with registered(Odd()):
        recorded(*(new_event(f"e-{n}") for n in range(1, 5)))
        work()
    assert became() == {
        ("e-1", "listener:a"): "dead",
        ("e-2", "listener:a"): "dead",
        ("e-3", "listener:a"): "handled",
        ("e-4", "listener:a"): "handled",
    }


def test_fewer_results_than_events_are_a_defect_and_nothing_of_them_counts() -> None:
    class Short(Listener):
        def handle(self, matches: Sequence[Match]) -> list[Handled]:
            return super().handle(matches)[: -1 if len(matches) > 1 else None]

    with registered(Short()):
        recorded(new_event("e-1"), new_event("e-2"))
        work()
    assert set(became().values()) == {"handled"}


def test_a_deadlock_is_no_lost_connection_and_is_tried_again() -> None:
    """Postgres itself raises it, within the subscriber's savepoint."""

    class Unlucky(Listener):
        code = "40P01"

        def handle(self, matches: Sequence[Match]) -> list[Handled]:
            if any(match.event.event_id == "e-1" for match in matches) and self.code:
                run(f"DO $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '{self.code}'; END $$")
            return super().handle(matches)

    for code in ("40P01", "40001", "55P03"):
        unlucky = Unlucky()
        unlucky.code = code
        with registered(unlucky):
            recorded(new_event("e-1"), new_event("e-2"))
            work()
            assert became() == {("e-1", "listener:a"): "retrying", ("e-2", "listener:a"): "handled"}
            assert Delivery.objects.get(event_id="e-1").error["code"] == "DATABASE_BUSY"
            unlucky.code = ""
            Delivery.objects.filter(status="retrying").update(next_attempt_at="2020-01-01T00:00:00Z")
            work()
            assert set(became().values()) == {"handled"}
        run("TRUNCATE events_event, events_eventkey, events_delivery")


def test_a_lost_connection_is_told_from_a_refusal() -> None:
    lost = OperationalError("the connection is closed")
    assert connection_is_lost(lost)
    assert trouble_of(lost).type == "TRANSIENT"
    with pytest.raises(OperationalError) as refused:
        run("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
    assert not connection_is_lost(refused.value)


def test_a_second_look_at_whom_it_concerns_may_break_the_transaction_for_one_only() -> None:
    class Broken(Listener):
        def again(self, event: StoredEvent, subscriber_id: str) -> Match:
            if event.event_id == "e-1":
                fetch("SELECT 1 / 0")
            return super().again(event, subscriber_id)

    broken = Broken()
    broken.trouble = lambda event_id, who: Transient("Not now.")
    with registered(broken):
        recorded(new_event("e-1"), new_event("e-2"))
        work()
        broken.trouble = lambda event_id, who: None
        Delivery.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
        work()
    assert became() == {("e-1", "listener:a"): "dead", ("e-2", "listener:a"): "handled"}


def test_what_waits_for_a_kind_that_is_not_there_any_more_does_not_wait_for_ever() -> None:
    ears = Listener()
    ears.trouble = lambda event_id, who: Transient("Not now.")
    with registered(ears):
        recorded(new_event())
        work()
    with registered(Listener("other", ["other:a"])):
        Delivery.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
        work()
    letter = DeadLetter.objects.get()
    assert (letter.subscriber_id, letter.error_code) == ("listener:a", "SUBSCRIBER_GONE")


def test_whom_an_event_is_sent_to_can_be_found_out_later(admin: User) -> None:
    post = Post(ids=["post:a", "post:b"])
    post.unclear = {"e-1"}
    with registered(post):
        recorded(new_event())
        work()
        letter = DeadLetter.objects.get()
        assert letter.subscriber_id == "post:*"
        post.unclear = set()
        dead_letters.replay(actor=admin, letter_id=letter.id)
        work()
    assert became() == {
        ("e-1", "post:*"): "handled",
        ("e-1", "post:a"): "retrying",
        ("e-1", "post:b"): "retrying",
    }
    assert list(Delivery.objects.filter(status="retrying").values_list("attempts", flat=True)) == [0, 0]


def test_what_waited_behind_a_failure_is_handled_in_order_and_together(admin: User) -> None:
    queues.save(actor=admin, key="default", document={"config": {"partitionKey": "event.payload.customer"}})
    ears = Listener()
    ears.trouble = lambda event_id, who: Transient("Not now.") if event_id in ("c-0", "c-70") else None
    with registered(ears):
        recorded(*(new_event(f"c-{n}", payload={"customer": "c"}) for n in range(150)))
        work()
        assert ears.heard == []
        Delivery.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
        ears.trouble = lambda event_id, who: Transient("Not now.") if event_id == "c-70" else None
        with counted_statements() as statements:
            work()
        assert [event for event, _ in ears.heard] == [f"c-{n}" for n in range(70)]
        assert len(statements) < 100  # two batches, the second by halves; not one for each of the seventy
        assert set(
            Delivery.objects.filter(place__gt=Delivery.objects.get(event_id="c-70").place).values_list("attempts")
        ) == {(0,)}
        ears.trouble = lambda event_id, who: None
        Delivery.objects.filter(status="retrying").update(next_attempt_at="2020-01-01T00:00:00Z")
        work()
    assert [event for event, _ in ears.heard] == [f"c-{n}" for n in range(150)]


def test_a_queue_is_claimed_by_its_index_whatever_postgres_knows_of_it() -> None:
    """Not by sorting all of it, as it would after a queue that was empty, nor past a hundred thousand of another queue."""
    for queue in ("another", "default"):
        run(
            "INSERT INTO events_queuedevent (queue, event, recorded_at)"
            " SELECT %s, gen_random_uuid(), now() FROM generate_series(1, 20000)",
            queue,
        )
    with transaction.atomic():
        run(routing._NO_SORT)
        plan = "\n".join(row[0] for row in fetch("EXPLAIN " + routing._CLAIM, "default", "default", 200))
    assert "Index Scan using events_queued_in" in plan


def test_a_look_at_nothing_costs_one_statement() -> None:
    work()
    with counted_statements() as statements:
        assert not route()
    assert len(statements) == 1
