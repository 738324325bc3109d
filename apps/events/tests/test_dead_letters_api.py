"""Dead letters over HTTP: listed, grouped, replayed, discarded, resolved; and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.events.models import DeadLetter, Delivery
from apps.events.routing import route
from apps.events.subscribers import Permanent, Transient
from apps.events.tests.factories import Listener, Post, new_event, recorded, registered

pytestmark = pytest.mark.django_db

LETTERS = "/api/v1/events/dead-letters"


@pytest.fixture
def ears() -> Iterator[Listener]:
    """Two subscribers; ``a`` lacks an address, ``b`` breaks on orders."""
    listener = Listener(ids=["listener:a", "listener:b"])

    def trouble(event_id: str, subscriber_id: str) -> Exception | None:
        if subscriber_id == "listener:a":
            return Permanent("It has no address.", code="NO_ADDRESS")
        return ZeroDivisionError("by zero") if event_id.startswith("o-") else None

    listener.trouble = trouble
    with registered(listener):
        yield listener


@pytest.fixture
def client(api: Callable[[User | None], APIClient], alice: User) -> APIClient:
    return api(alice)


def routed() -> None:
    while route():
        pass


@pytest.fixture
def letters(ears: Listener) -> dict[tuple[str, str], UUID]:
    """Of four events: o-1 and o-2 at a and b, p-1 and p-2 at a."""
    recorded(new_event("o-1"), new_event("o-2"), new_event("p-1", "parcel.sent"), new_event("p-2", "parcel.sent"))
    routed()
    return {(row.event_id, row.subscriber_id): row.id for row in DeadLetter.objects.all()}


def listed(client: APIClient, query: str = "") -> set[tuple[str, str]]:
    answer = client.get(f"{LETTERS}?{query}")
    assert answer.status_code == 200, answer.content
    return {(each["eventId"], each["subscriberId"][-1]) for each in answer.json()["items"]}


ALL = {("o-1", "a"), ("o-1", "b"), ("o-2", "a"), ("o-2", "b"), ("p-1", "a"), ("p-2", "a")}


class TestReading:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ALL),
            ("status=pending", ALL),
            ("status=resolved&status=discarded", set()),
            ("subscriberId=listener:b", {("o-1", "b"), ("o-2", "b")}),
            ("kind=listener&errorCode=DEFECT", {("o-1", "b"), ("o-2", "b")}),
            ("kind=webhook", set()),
            ("pattern=parcel.sent", {("p-1", "a"), ("p-2", "a")}),
            ("errorType=PERMANENT&eventId=o-1", {("o-1", "a"), ("o-1", "b")}),
            ("search=no%20ADDRESS", {each for each in ALL if each[1] == "a"}),
            ("search=Parc", {("p-1", "a"), ("p-2", "a")}),
            ("search=%25", set()),
            ("since=2001-01-01T00:00:00Z&until=2002-01-01T00:00:00Z", set()),
            ("since=2001-01-01T00:00:00Z", ALL),
        ],
    )
    def test_letters_are_found_by_what_they_say(
        self, letters: object, client: APIClient, query: str, expected: set[tuple[str, str]]
    ) -> None:
        assert listed(client, query) == expected

    @pytest.mark.parametrize(
        "query", ["status=lost", "since=soon", "until=2026-02-30T00:00:00Z", "search=a%00b", "pattern=" + "x" * 300]
    )
    def test_a_filter_that_cannot_be_read_is_said_to_be(self, letters: object, client: APIClient, query: str) -> None:
        assert client.get(f"{LETTERS}?{query}").status_code == 400
        assert client.get(f"{LETTERS}/groups?{query}").status_code == 400

    def test_pages_lead_through_all_of_them(self, letters: object, client: APIClient) -> None:
        seen: list[str] = []
        address = f"{LETTERS}?limit=4"
        while address:
            page = client.get(address).json()
            seen += [each["id"] for each in page["items"]]
            address = page["next"]
        assert len(seen) == len(set(seen)) == 6

    def test_a_list_costs_the_same_whatever_its_length(self, letters: object, client: APIClient) -> None:
        def statements(limit: int) -> int:
            with CaptureQueriesContext(connection) as queries:
                client.get(f"{LETTERS}?limit={limit}")
            return len(queries)

        statements(1)
        assert statements(1) == statements(6)

    def test_groups_say_what_one_replay_may_be_about(self, letters: object, client: APIClient) -> None:
        found = client.get(f"{LETTERS}/groups").json()
        assert found == [
            {"subscriberId": "listener:a", "subscriber": "Listener a", "errorCode": "NO_ADDRESS", "count": 4},
            {"subscriberId": "listener:b", "subscriber": "Listener b", "errorCode": "DEFECT", "count": 2},
        ]
        assert [each["count"] for each in client.get(f"{LETTERS}/groups?pattern=parcel.sent").json()] == [2]

    def test_one_letter_has_the_event_whole_and_the_error_with_its_trace(
        self, letters: dict[tuple[str, str], UUID], client: APIClient
    ) -> None:
        found = client.get(f"{LETTERS}/{letters['o-1', 'listener:b']}").json()
        assert found["originalEvent"]["eventId"] == "o-1"
        assert (found["error"]["type"], found["error"]["code"]) == ("PERMANENT", "DEFECT")
        assert "ZeroDivisionError" in found["error"]["stackTrace"]
        assert found["subscriber"] == {"label": "Listener b", "href": "/listener:b"}
        assert [entry["attempt"] for entry in found["retryHistory"]] == [1]
        assert client.get(f"{LETTERS}/{uuid4()}").status_code == 404

    def test_who_may_not_see_events_sees_no_letters(
        self, letters: object, api: Callable[[User | None], APIClient], bob: User
    ) -> None:
        assert api(bob).get(LETTERS).status_code == api(bob).get(f"{LETTERS}/groups").status_code == 403


class TestReplaying:
    def test_one_is_replayed_now(self, letters: dict[tuple[str, str], UUID], ears: Listener, client: APIClient) -> None:
        ears.trouble = lambda event_id, subscriber_id: None
        ears.heard.clear()
        path = f"{LETTERS}/{letters['o-1', 'listener:a']}"
        answer = client.post(f"{path}/replay", {"notes": "The address is there now."})
        assert (answer.status_code, answer.json()["status"]) == (202, "reprocessing")
        again = client.post(f"{path}/replay", {})
        assert (again.status_code, again.json()["status"]) == (202, "reprocessing")
        routed()
        assert ears.heard == [("o-1", "listener:a")]
        found = client.get(path).json()
        assert (found["status"], found["resolution"]["resolvedBy"], found["replayAt"]) == ("resolved", "alice", None)
        assert client.post(f"{path}/replay", {}).status_code == 409

    def test_a_replay_for_later_says_when_and_can_be_moved_and_made_at_once(
        self, letters: dict[tuple[str, str], UUID], ears: Listener, client: APIClient
    ) -> None:
        path = f"{LETTERS}/{letters['o-1', 'listener:a']}"
        for hours in (1, 2):
            at = timezone.now() + timedelta(hours=hours)
            found = client.post(f"{path}/replay", {"at": at.isoformat()}).json()
            assert (found["status"], datetime.fromisoformat(found["replayAt"])) == ("pending", at)
        routed()
        assert DeadLetter.objects.get(id=letters["o-1", "listener:a"]).status == "pending"
        ears.trouble = lambda event_id, subscriber_id: None
        assert client.post(f"{path}/replay", {}).json()["status"] == "reprocessing"
        routed()
        assert client.get(path).json()["status"] == "resolved"

    def test_a_time_that_has_passed_is_now(self, letters: dict[tuple[str, str], UUID], client: APIClient) -> None:
        path = f"{LETTERS}/{letters['o-1', 'listener:a']}/replay"
        assert client.post(path, {"at": "2001-01-01T00:00:00Z"}).json()["status"] == "reprocessing"

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            ({"subscriberId": "listener:a"}, 4),
            ({"errorCode": "DEFECT", "kind": "listener"}, 2),
            ({"pattern": "parcel.sent", "search": "address"}, 2),
            ({"until": "2001-01-01T00:00:00Z"}, 0),
            ({}, 6),
        ],
    )
    def test_all_that_a_filter_fits_are_replayed_once(
        self, letters: object, ears: Listener, client: APIClient, wanted: dict[str, Any], count: int
    ) -> None:
        ears.trouble = lambda event_id, subscriber_id: None
        ears.heard.clear()
        assert client.post(f"{LETTERS}/replay", {"filter": wanted}).json() == {"count": count}
        assert client.post(f"{LETTERS}/replay", {"filter": wanted}).json() == {"count": 0}
        routed()
        assert len(ears.heard) == count
        assert DeadLetter.objects.filter(status="resolved").count() == count

    def test_some_are_chosen_by_their_ids(
        self, letters: dict[tuple[str, str], UUID], ears: Listener, client: APIClient
    ) -> None:
        chosen = [str(letters["o-1", "listener:a"]), str(letters["p-1", "listener:a"]), str(uuid4())]
        at = (timezone.now() + timedelta(days=1)).isoformat()
        assert (
            client.post(f"{LETTERS}/replay", {"filter": {"ids": chosen}, "at": at, "notes": "x"}).json()["count"] == 2
        )
        assert DeadLetter.objects.filter(replay_at__isnull=False, replay_by="alice", status="pending").count() == 2
        entry = AuditEntry.objects.get(action="dead_letter.replay_many")
        assert (entry.actor_name, entry.details["count"], entry.details["filter"]["ids"]) == ("alice", 2, chosen)

    def test_many_cost_as_many_statements_as_one(self, letters: object, client: APIClient) -> None:
        def statements(wanted: dict[str, Any]) -> int:
            with CaptureQueriesContext(connection) as queries:
                client.post(f"{LETTERS}/replay", {"filter": wanted})
            return len(queries)

        statements({"kind": "none"})
        assert statements({"eventId": "p-1"}) == statements({"pattern": "order.paid"})

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"filter": []},
            {"filter": {"status": "pending"}},
            {"filter": {"ids": ["x"]}},
            {"filter": {"errorType": "SAD"}},
            {"filter": {}, "at": "tomorrow"},
            {"filter": {"search": "a\x00b"}},
            {"filter": {}, "notes": "x" * 2_001},
        ],
    )
    def test_a_filter_that_is_none_replays_nothing(self, letters: object, client: APIClient, body: Any) -> None:
        assert client.post(f"{LETTERS}/replay", body).status_code in (400, 422)
        assert not DeadLetter.objects.exclude(status="pending").exists()

    def test_it_takes_the_right(self, letters: dict[tuple[str, str], UUID], api: Any, bob: User) -> None:
        one = f"{LETTERS}/{letters['o-1', 'listener:a']}"
        for path, body in {
            f"{one}/replay": {},
            f"{one}/discard": {"notes": "x"},
            f"{one}/resolve": {"notes": "x"},
            f"{LETTERS}/replay": {"filter": {}},
            f"{LETTERS}/discard": {"filter": {}, "notes": "x"},
        }.items():
            assert api(bob).post(path, body).status_code == 403, path


class TestSendingAgain:
    """Letters of subscribers that are sent to: on their way they are the sender's."""

    @pytest.fixture
    def path(self, client: APIClient) -> Iterator[str]:
        """A letter that is on its way again."""
        with registered(Post()):
            [event] = recorded(new_event("e-1"))
            routed()
            Delivery.objects.update(status="dead", next_attempt_at=None)
            letter = DeadLetter.objects.create(
                event=event.id, recorded_at=event.recorded_at, event_id="e-1", pattern="order.paid", queue="default",
                subscriber_id="post:a", kind="post", original_event=event.document, error={"message": "x"},
                error_type="TRANSIENT", error_code="TIMEOUT",
            )  # fmt: skip
            client.post(f"{LETTERS}/{letter.id}/replay", {})
            routed()
            Delivery.objects.update(lease="a sender's")
            yield f"{LETTERS}/{letter.id}"

    def test_asking_again_does_not_send_it_twice(self, path: str, client: APIClient) -> None:
        assert client.post(f"{path}/replay", {}).json()["status"] == "reprocessing"
        routed()
        assert Delivery.objects.get().lease == "a sender's"

    @pytest.mark.parametrize("verb", ["discard", "resolve"])
    def test_what_is_given_up_is_not_sent_any_more(self, path: str, client: APIClient, verb: str) -> None:
        assert client.post(f"{path}/{verb}", {"notes": "Told them by phone."}).status_code == 200
        row = Delivery.objects.get()
        assert (row.status, row.next_attempt_at, row.lease) == ("dead", None, None)


class TestEnding:
    @pytest.mark.parametrize(
        ("verb", "status", "strategy"),
        [("discard", "discarded", "discard"), ("resolve", "resolved", "manual_resolution")],
    )
    def test_who_ends_a_letter_says_why(
        self, letters: dict[tuple[str, str], UUID], client: APIClient, verb: str, status: str, strategy: str
    ) -> None:
        path = f"{LETTERS}/{letters['o-1', 'listener:a']}/{verb}"
        for body in ({}, {"notes": ""}, {"notes": "  "}, {"notes": "x", "why": "y"}, {"notes": "x" * 2_001}):
            assert client.post(path, body).status_code in (400, 422), body
        found = client.post(path, {"notes": "A test order."}).json()
        assert found["status"] == status
        assert {**found["resolution"], "timestamp": ""} == {
            "timestamp": "",
            "strategy": strategy,
            "resolvedBy": "alice",
            "notes": "A test order.",
        }
        assert client.post(path, {"notes": "Again."}).status_code == 409
        entry = AuditEntry.objects.get(resource="deadLetter")
        assert (entry.action, entry.details["notes"], entry.details["eventId"]) == (
            f"dead_letter.{verb}",
            "A test order.",
            "o-1",
        )

    def test_many_are_discarded_and_not_replayed_at_the_time_that_was_set(
        self, letters: object, ears: Listener, client: APIClient
    ) -> None:
        at = (timezone.now() + timedelta(hours=1)).isoformat()
        client.post(f"{LETTERS}/replay", {"filter": {}, "at": at})
        assert client.post(f"{LETTERS}/discard", {"filter": {"errorCode": "DEFECT"}}).status_code in (400, 422)
        body = {"filter": {"errorCode": "NO_ADDRESS"}, "notes": "Old."}
        assert client.post(f"{LETTERS}/discard", body).json() == {"count": 4}
        assert DeadLetter.objects.filter(replay_at__isnull=False).count() == 2
        DeadLetter.objects.filter(replay_at__isnull=False).update(replay_at="2026-01-01T00:00:00Z")
        ears.trouble = lambda event_id, subscriber_id: None
        ears.heard.clear()
        routed()
        assert {subscriber_id for _, subscriber_id in ears.heard} == {"listener:b"}
        assert DeadLetter.objects.filter(status="discarded").count() == 4

    def test_a_letter_that_failed_for_a_while_says_so(self, ears: Listener, client: APIClient) -> None:
        ears.trouble = lambda event_id, subscriber_id: Transient("Busy.", code="BUSY")
        client.put("/api/v1/events/queues/default", {"config": {"maxRetries": 0}})
        recorded(new_event("e-1"))
        routed()
        assert listed(client, "errorType=TRANSIENT&errorCode=BUSY") == {("e-1", "a"), ("e-1", "b")}
