"""Queues over HTTP: set up, checked, paused, drained, resumed, removed; and their figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.events.models import Checkpoint, Delivery, EventQueue, QueuedEvent, QueueMinute
from apps.events.queueing import queue_for
from apps.events.routing import route
from apps.events.services import accepting
from apps.events.subscribers import Transient
from apps.events.tests.factories import Listener, new_event, recorded, registered

pytestmark = pytest.mark.django_db

QUEUES = "/api/v1/events/queues"
ORDERS = f"{QUEUES}/orders"
DOCUMENT = {"patterns": ["orders.**"], "config": {"highWatermark": 3}}


@pytest.fixture(autouse=True)
def ears() -> Iterator[Listener]:
    accepting.forget_depths()
    with registered(listener := Listener()):
        yield listener
    accepting.forget_depths()


@pytest.fixture
def client(api: Callable[[User | None], APIClient], alice: User) -> APIClient:
    return api(alice)


@pytest.fixture
def orders(client: APIClient) -> APIClient:
    """Who has set up the queue."""
    assert client.put(ORDERS, DOCUMENT).status_code == 201
    return client


def routed() -> None:
    while route():
        pass


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["pointer"]) for each in answer.json()["violations"]]


class TestSettingUp:
    def test_a_queue_takes_what_its_patterns_fit(self, orders: APIClient) -> None:
        assert (queue_for("orders.eu.paid").id, queue_for("other.thing").id) == ("orders", "default")
        found = orders.get(ORDERS).json()
        assert (found["status"], found["patterns"], found["changedBy"]) == ("active", ["orders.**"], "alice")
        assert found["config"] == {"batchSize": 200, "highWatermark": 3, "maxRetries": 5, "retryDelay": "PT1S"}
        assert [each["id"] for each in orders.get(QUEUES).json()] == ["default", "orders"]

    def test_settings_are_changed_by_who_has_read_the_latest(self, orders: APIClient) -> None:
        tag = orders.get(ORDERS)["ETag"]
        assert orders.put(ORDERS, DOCUMENT, headers={"If-Match": tag}).status_code == 200
        assert orders.put(ORDERS, DOCUMENT, headers={"If-Match": tag}).status_code == 412
        assert orders.put(f"{QUEUES}/none", DOCUMENT, headers={"If-Match": tag}).status_code == 412

    def test_the_default_queue_is_changed_by_who_has_read_it_even_where_nobody_has_set_it_up(
        self, client: APIClient
    ) -> None:
        EventQueue.objects.all().delete()
        tag = client.get(f"{QUEUES}/default")["ETag"]
        body = {"config": {"maxRetries": 2}}
        assert client.put(f"{QUEUES}/default", body, headers={"If-Match": tag}).status_code == 200
        assert client.put(f"{QUEUES}/default", body, headers={"If-Match": tag}).status_code == 412

    @pytest.mark.parametrize(
        ("key", "document", "expected"),
        [
            ("orders", {}, ("required", "/patterns")),
            ("orders", {"patterns": []}, ("required", "/patterns")),
            ("orders", {"patterns": ["orders..paid"]}, ("pattern", "/patterns/0")),
            ("orders", {"patterns": "orders.*"}, ("type", "/patterns")),
            ("orders", {"patterns": ["a.b"], "status": "paused"}, ("unknown-field", "/status")),
            ("orders", {"patterns": ["a.b"], "id": "other"}, ("id-mismatch", "/id")),
            ("Orders!", {"patterns": ["a.b"]}, ("name", "/id")),
            ("o" * 101, {"patterns": ["a.b"]}, ("name", "/id")),
            ("default", {"patterns": ["a.b"]}, ("default-queue", "/patterns")),
            ("orders", {"patterns": ["a.b"], "config": {"batchSize": 0}}, ("minimum", "/config/batchSize")),
            ("orders", {"patterns": ["a.b"], "config": {"batchSize": 10**9}}, ("maximum", "/config/batchSize")),
            (
                "orders",
                {"patterns": ["a.b"], "config": {"highWatermark": 10**12}},
                ("maximum", "/config/highWatermark"),
            ),
            ("orders", {"patterns": ["a.b"], "config": {"maxRetries": "5"}}, ("type", "/config/maxRetries")),
            ("orders", {"patterns": ["a.b"], "config": {"retryDelay": "P1M"}}, ("format", "/config/retryDelay")),
            ("orders", {"patterns": ["a.b"], "config": {"partitionKey": "event.("}}, None),
            ("orders", {"patterns": ["a.b"], "config": {"partitionKey": "steps.a.output"}}, None),
            ("orders", {"patterns": ["a.b"], "config": {"order": "x"}}, None),
        ],
    )
    def test_what_is_wrong_is_said_where_it_stands(
        self, client: APIClient, key: str, document: dict[str, Any], expected: tuple[str, str] | None
    ) -> None:
        answer = client.put(f"{QUEUES}/{key}", document)
        assert answer.status_code == 422, answer.content
        if expected:
            assert expected in codes(answer)
        else:
            assert all(pointer.startswith("/config") for _, pointer in codes(answer))
        assert not EventQueue.objects.exclude(id="default").exists()

    @pytest.mark.parametrize("body", [[], "text", None])
    def test_what_is_no_object_is_refused(self, client: APIClient, body: Any) -> None:
        assert client.put(ORDERS, body, format="json").status_code in (400, 422)

    def test_a_whole_number_with_a_point_is_one(self, client: APIClient) -> None:
        assert client.put(ORDERS, {"patterns": ["orders.**"], "config": {"batchSize": 20.0}}).status_code == 201
        recorded(new_event(pattern="orders.paid"))
        routed()
        assert Delivery.objects.get().status == "handled"


class TestTurning:
    def test_a_paused_queue_takes_events_up_to_its_watermark_and_hands_none_out(
        self, orders: APIClient, ears: Listener
    ) -> None:
        answer = orders.post(f"{ORDERS}/pause", {"reason": "The shop is being moved."})
        assert (answer.json()["status"], answer.json()["reason"]) == ("paused", "The shop is being moved.")
        for _ in range(3):
            accepting.forget_depths()
            assert orders.post("/api/v1/events", {"pattern": "orders.paid"}).status_code == 202
        accepting.forget_depths()
        refused = orders.post("/api/v1/events", {"pattern": "orders.paid"})
        assert (refused.status_code, refused["Retry-After"]) == (429, "30")
        assert orders.post("/api/v1/events", {"pattern": "other.thing"}).status_code == 202
        routed()
        assert len(ears.heard) == 1
        assert orders.get(ORDERS).json()["queueMetrics"]["depth"] == 3
        orders.post(f"{ORDERS}/resume", {})
        routed()
        assert len(ears.heard) == 4

    def test_a_queue_that_drains_takes_nothing_from_outside_and_says_when_it_is_empty(
        self, orders: APIClient, ears: Listener
    ) -> None:
        recorded(new_event(pattern="orders.paid"))
        assert orders.post(f"{ORDERS}/drain", {}).json()["isDrained"] is False
        refused = orders.post("/api/v1/events", {"pattern": "orders.paid"})
        assert (refused.status_code, refused["Retry-After"]) == (503, "30")
        recorded(new_event("from within", pattern="orders.paid"))
        routed()
        assert len(ears.heard) == 2
        assert orders.get(ORDERS).json()["isDrained"] is True

    def test_it_is_not_drained_while_a_delivery_is_to_be_tried_again(self, orders: APIClient, ears: Listener) -> None:
        ears.trouble = lambda event_id, subscriber_id: Transient("Not now.")
        recorded(new_event(pattern="orders.paid"))
        orders.post(f"{ORDERS}/drain", {})
        routed()
        assert orders.get(ORDERS).json()["isDrained"] is False
        Delivery.objects.update(status="handled", next_attempt_at=None)
        assert orders.get(ORDERS).json()["isDrained"] is True

    def test_a_verb_that_changes_nothing_is_a_conflict(self, orders: APIClient) -> None:
        assert orders.post(f"{ORDERS}/resume", {}).status_code == 409
        orders.post(f"{ORDERS}/pause", {})
        assert orders.post(f"{ORDERS}/pause", {}).status_code == 409
        assert orders.post(f"{ORDERS}/drain", {}).status_code == 200
        assert orders.post(f"{ORDERS}/pause", {}).status_code == 200

    @pytest.mark.parametrize(
        "body", [{"why": "x"}, {"reason": "x" * 2_001}, {"reason": {"a": 1}}, {"reason": "a\x00b"}]
    )
    def test_a_body_that_says_something_else_is_refused(self, orders: APIClient, body: dict[str, Any]) -> None:
        assert orders.post(f"{ORDERS}/pause", body).status_code in (400, 422)
        assert orders.get(ORDERS).json()["status"] == "active"

    def test_who_did_it_and_why_is_kept(self, orders: APIClient) -> None:
        orders.post(f"{ORDERS}/pause", {"reason": "Moving."})
        orders.delete(ORDERS)
        found = AuditEntry.objects.filter(resource="queue").order_by("id")
        assert [(row.action, row.actor_name, row.resource_id) for row in found] == [
            ("queue.save", "alice", "orders"),
            ("queue.pause", "alice", "orders"),
            ("queue.delete", "alice", "orders"),
        ]
        assert found[1].details == {"reason": "Moving."}

    def test_who_only_looks_may_not(
        self, orders: APIClient, api: Callable[[User | None], APIClient], bob: User
    ) -> None:
        assert api(bob).post(f"{ORDERS}/pause", {}).status_code == 403
        assert api(bob).get(QUEUES).status_code == 403


class TestRemoving:
    def test_what_lies_in_a_queue_that_is_removed_goes_on_in_the_default_one(
        self, orders: APIClient, ears: Listener
    ) -> None:
        ears.trouble = lambda event_id, subscriber_id: Transient("Not now.")
        recorded(new_event("e-1", pattern="orders.paid"))
        routed()
        orders.post(f"{ORDERS}/pause", {})
        recorded(new_event("e-2", pattern="orders.paid"))
        assert orders.delete(ORDERS).status_code == 204
        assert QueuedEvent.objects.get().queue == "default"
        assert Delivery.objects.get().queue == "default"
        assert orders.get(ORDERS).status_code == 404
        assert orders.delete(ORDERS).status_code == 404

    def test_the_default_queue_stays(self, client: APIClient) -> None:
        assert client.delete(f"{QUEUES}/default").status_code == 409

    @pytest.mark.parametrize("verb", ["pause", "resume", "drain"])
    def test_there_is_nothing_to_turn_where_there_is_no_queue(self, client: APIClient, verb: str) -> None:
        assert client.post(f"{QUEUES}/none/{verb}", {}).status_code == 404


class TestFigures:
    def test_minutes_are_read_for_a_stretch_of_time(self, orders: APIClient) -> None:
        now = timezone.now().replace(second=0, microsecond=0)
        QueueMinute.objects.create(queue="orders", minute=now, slot=1, processed=3, errors=1, millis=4)
        QueueMinute.objects.create(queue="orders", minute=now, slot=2, processed=2, millis=1)
        QueueMinute.objects.create(queue="orders", minute=now, slot=-1, depth=7, oldest_age_ms=1500)
        found = orders.get(f"{ORDERS}/minutes").json()
        assert len(found) in (181, 182)
        [row] = [each for each in found if each["processed"]]
        assert row | {"minute": ""} == {
            "minute": "",
            "processed": 5,
            "errors": 1,
            "millis": 5,
            "depth": 7,
            "oldestAgeMs": 1500,
        }
        since = (now - timedelta(minutes=9)).isoformat().replace("+00:00", "Z")
        assert len(orders.get(f"{ORDERS}/minutes?since={since}&until={now.isoformat()[:19]}Z").json()) == 10

    @pytest.mark.parametrize(
        "query",
        [
            "since=yesterday",
            "since=2026-13-01T00:00:00Z",
            "since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z",
            "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
            "since=9999-12-31T23:59:59-12:00&until=9999-12-31T23:59:59-12:00",
            "since=0001-01-01T00:00:00%2B14:00&until=0001-01-01T00:00:00%2B14:00",
        ],
    )
    def test_a_stretch_of_time_that_is_none_is_refused(self, orders: APIClient, query: str) -> None:
        assert orders.get(f"{ORDERS}/minutes?{query}").status_code == 400

    def test_there_are_no_figures_of_a_queue_that_is_none(self, client: APIClient) -> None:
        assert client.get(f"{QUEUES}/none/minutes").status_code == 404
        assert client.get(f"{QUEUES}/none/checkpoints").status_code == 404

    def test_checkpoints_are_listed_with_the_latest_first(self, orders: APIClient) -> None:
        for number in range(1, 4):
            at = timezone.now() - timedelta(minutes=10 - number)
            Checkpoint.objects.create(queue="orders", event_count=number, created_at=at)
        first = orders.get(f"{ORDERS}/checkpoints?limit=2").json()
        assert [each["eventCount"] for each in first["items"]] == [3, 2]
        assert set(first["items"][0]) == {"queueId", "checkpointId", "eventCount", "createdAt"}
        assert orders.get(ORDERS).json()["checkpointId"] == first["items"][0]["checkpointId"]
