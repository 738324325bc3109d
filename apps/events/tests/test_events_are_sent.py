"""What goes to the outside world: sent at least once, under a lease, with retries; a letter that is replayed is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection

from apps.auth.models import User
from apps.events.models import DeadLetter, Delivery
from apps.events.routing import route
from apps.events.sending import Sender
from apps.events.services import dead_letters, queues
from apps.events.subscribers import Handled, Match, Permanent, Transient
from apps.events.tests.factories import Post, new_event, recorded, registered

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post()
    with registered(post):
        yield post


def sent(rounds: int = 1) -> None:
    """Route, and let a worker's sender send what is due, until nothing flies any more."""

    async def work(database: ThreadPoolExecutor) -> None:
        wake = asyncio.Event()
        sender = Sender(database, wake.set)
        for _ in range(rounds):
            await sender.look()
            while sender.is_flying or sender.has_landed:
                await sender.settle()
                await asyncio.sleep(0)

    while route():
        pass
    with ThreadPoolExecutor(1) as database:
        asyncio.run(work(database))
        database.submit(lambda: connection.close()).result()  # that thread's


def outcome() -> tuple[str, int]:
    row = Delivery.objects.get()
    return row.status, row.attempts


def test_an_event_is_sent_once_and_its_outcome_kept(post: Post) -> None:
    recorded(new_event())
    sent(rounds=2)
    sent()
    assert post.heard == [("e-1", "post:a")]
    assert outcome() == ("handled", 1)
    assert Delivery.objects.get().result == {"heard": "e-1"}


def test_what_may_work_later_is_tried_again_when_its_time_has_come(post: Post) -> None:
    post.trouble = lambda event_id, who: Transient("503", code="HTTP_503", retry_after=900)
    recorded(new_event())
    sent(rounds=2)
    row = Delivery.objects.get()
    assert (row.status, row.attempts, row.error["code"]) == ("retrying", 1, "HTTP_503")
    assert row.next_attempt_at is not None
    assert (row.next_attempt_at - row.updated_at).total_seconds() == pytest.approx(900, abs=1)
    post.trouble = lambda event_id, who: None
    Delivery.objects.update(next_attempt_at=row.created_at)
    sent()
    assert outcome() == ("handled", 2)


def test_what_cannot_work_is_a_dead_letter_and_a_replay_sends_it_again(post: Post, admin: User) -> None:
    post.trouble = lambda event_id, who: Permanent("404", code="HTTP_404")
    recorded(new_event())
    sent()
    letter = DeadLetter.objects.get()
    assert (letter.status, letter.error_code, outcome()) == ("pending", "HTTP_404", ("dead", 1))
    post.trouble = lambda event_id, who: None
    dead_letters.replay(actor=admin, letter_id=letter.id)
    dead_letters.replay(actor=admin, letter_id=letter.id)
    sent(rounds=2)
    letter.refresh_from_db()
    assert (letter.status, post.heard) == ("resolved", [("e-1", "post:a")])


def test_a_result_that_comes_after_its_lease_is_somebody_elses_is_dropped(post: Post) -> None:
    async def slow(match: Match, attempt: int) -> Handled:
        # Another worker has taken it meanwhile, for the lease had run out.
        await asyncio.get_running_loop().run_in_executor(None, _taken)
        return Handled({"by": "me"})

    def _taken() -> None:
        Delivery.objects.update(lease="another")
        connection.close()

    post.send = slow  # type: ignore[method-assign]
    recorded(new_event())
    sent()
    row = Delivery.objects.get()
    assert (row.status, row.lease, row.result) == ("retrying", "another", {})


def test_nothing_is_sent_out_of_a_paused_queue(post: Post, admin: User) -> None:
    recorded(new_event())
    while route():
        pass
    queues.pause(actor=admin, key="default")
    sent()
    assert post.heard == []
    queues.resume(actor=admin, key="default")
    sent()
    assert post.heard == [("e-1", "post:a")]


def test_a_result_that_cannot_be_kept_is_a_dead_letter_and_does_no_harm_to_its_neighbours(post: Post) -> None:
    async def send(match: Match, attempt: int) -> Handled:
        return Handled({"said": "\0" if match.event.event_id == "e-2" else "fine"})

    post.send = send  # type: ignore[method-assign]
    recorded(*(new_event(f"e-{n}") for n in range(1, 4)))
    sent()
    assert dict(Delivery.objects.values_list("event_id", "status")) == {
        "e-1": "handled",
        "e-2": "dead",
        "e-3": "handled",
    }
    assert DeadLetter.objects.get().error_code == "DEFECT"


def test_a_delivery_whose_senders_go_away_again_and_again_is_given_up(post: Post, admin: User) -> None:
    recorded(new_event())
    while route():
        pass
    Delivery.objects.update(attempts=settings.AUGMENTED_MAX_CLAIMS)  # begun so often, and nothing ever came of it
    sent()
    letter = DeadLetter.objects.get()
    assert (post.heard, letter.error_code, outcome()[0]) == ([], "WORKER_LOST", "dead")
    dead_letters.replay(actor=admin, letter_id=letter.id)
    sent()
    assert post.heard == [("e-1", "post:a")]
    assert outcome()[0] == "handled"


def test_the_lease_of_what_is_under_way_is_renewed(post: Post) -> None:
    async def work(database: ThreadPoolExecutor) -> None:
        answered = asyncio.Event()

        async def slow(match: Match, attempt: int) -> Handled:
            await answered.wait()
            return Handled()

        post.send = slow  # type: ignore[method-assign]
        sender = Sender(database, lambda: None)
        await sender.look()
        await sender._in_database(lambda: Delivery.objects.update(next_attempt_at="2020-01-01T00:00:00Z"))
        await sender.renew()
        other = Sender(database, lambda: None)
        await other.look()
        assert not other.is_flying
        answered.set()
        while sender.is_flying or sender.has_landed:
            await sender.settle()
            await asyncio.sleep(0)

    recorded(new_event())
    while route():
        pass
    with ThreadPoolExecutor(1) as database:
        asyncio.run(work(database))
        database.submit(lambda: connection.close()).result()
    assert outcome() == ("handled", 1)


def test_where_a_queue_keeps_an_order_the_next_is_sent_once_the_one_before_it_is_written(
    post: Post, admin: User
) -> None:
    queues.save(actor=admin, key="default", document={"config": {"partitionKey": "event.payload"}})
    recorded(*(new_event(f"e-{n}", payload="a") for n in range(1, 4)), new_event("b-1", payload="b"))

    async def work(database: ThreadPoolExecutor) -> None:
        sender = Sender(database, lambda: None)
        more = True
        while more or sender.is_flying or sender.has_landed:
            if more:
                await sender.look()
            await asyncio.sleep(0.001)
            more = await sender.settle()

    while route():
        pass
    with ThreadPoolExecutor(1) as database:
        asyncio.run(work(database))
        database.submit(lambda: connection.close()).result()
    assert [event for event, _ in post.heard if event != "b-1"] == ["e-1", "e-2", "e-3"]
    assert len(post.heard) == 4
