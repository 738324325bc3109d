"""Events over HTTP: recorded once, checked, refused while a queue is full; read back in lists, alone and as stories."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.events import cloudevents
from apps.events.models import Event, QueuedEvent
from apps.events.routing import route
from apps.events.services import accepting, queues
from apps.events.subscribers import Permanent
from apps.events.tests.factories import EventDefinitionFactory, Listener, new_event, recorded, registered, shipped

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events"
SHIPPED = {"eventId": "s-1", "pattern": "orders.shipped", "payload": {"orderId": "ORD-1"}}


@pytest.fixture(autouse=True)
def _depths_are_counted_anew() -> Iterator[None]:
    accepting.forget_depths()
    yield
    accepting.forget_depths()


@pytest.fixture
def client(api: Callable[[User | None], APIClient], alice: User) -> APIClient:
    return api(alice)


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["pointer"]) for each in answer.json()["violations"]]


class TestRecording:
    def test_one_event_is_accepted_and_read_back(self, client: APIClient, alice: User) -> None:
        answer = client.post(EVENTS, SHIPPED | {"timestamp": "2026-11-25T10:00:00+01:00"})
        assert (answer.status_code, answer.json()) == (
            202,
            {"accepted": 1, "duplicates": 0, "events": [{"eventId": "s-1", "status": "accepted"}]},
        )
        found = client.get(f"{EVENTS}/s-1").json()
        assert found["timestamp"] == "2026-11-25T09:00:00Z"
        assert found["source"] == {"type": "external", "id": str(alice.pk), "name": "alice"}
        assert found["metadata"] == {"userId": str(alice.pk)}

    def test_the_same_event_twice_is_one(self, client: APIClient) -> None:
        client.post(EVENTS, SHIPPED)
        answer = client.post(EVENTS, [SHIPPED, SHIPPED | {"eventId": "s-2"}, SHIPPED | {"eventId": "s-2"}])
        assert [each["status"] for each in answer.json()["events"]] == ["duplicate", "accepted", "duplicate"]
        assert Event.objects.count() == QueuedEvent.objects.count() == 2

    def test_an_event_without_an_id_gets_one(self, client: APIClient) -> None:
        answer = client.post(EVENTS, {"pattern": "orders.shipped"})
        assert client.get(f"{EVENTS}/{answer.json()['events'][0]['eventId']}").status_code == 200

    def test_all_or_none_of_a_list_is_recorded(self, client: APIClient) -> None:
        answer = client.post(EVENTS, [SHIPPED, {"pattern": "orders..shipped"}, {"pattern": "a", "payloads": 1}])
        assert answer.status_code == 422
        assert [pointer for _, pointer in codes(answer)] == ["/1/pattern", "/2/payloads"]
        assert not Event.objects.exists()

    def test_a_payload_fits_the_published_version_that_the_event_names(self, client: APIClient) -> None:
        EventDefinitionFactory()
        looser = shipped(version="2.0.0", payloadSchema={"type": "object"})
        EventDefinitionFactory(document=looser)
        assert codes(client.post(EVENTS, SHIPPED | {"payload": {}, "version": "1.0.0"})) == [("required", "/payload")]
        assert client.post(EVENTS, SHIPPED | {"payload": {}}).status_code == 202
        assert Event.objects.get().version == "2.0.0"
        assert codes(client.post(EVENTS, SHIPPED | {"version": "3.0.0"})) == [("unknown-version", "/version")]

    def test_a_definition_may_say_who_records_it(self, client: APIClient) -> None:
        EventDefinitionFactory(document=shipped(sourceTypes=["workflow"]))
        assert codes(client.post(EVENTS, SHIPPED)) == [("source-type", "/source/type")]

    def test_nobody_outside_can_speak_as_the_platform(self, client: APIClient) -> None:
        answer = client.post(EVENTS, SHIPPED | {"source": {"type": "workflow", "id": "x"}})
        assert codes(answer) == [("source-type", "/source/type")]

    def test_unknown_patterns_are_refused_where_that_is_set(self, client: APIClient, settings: LazySettings) -> None:
        settings.AUGMENTED_UNKNOWN_EVENTS = "refuse"
        assert codes(client.post(EVENTS, SHIPPED)) == [("unknown-pattern", "/pattern")]
        EventDefinitionFactory()
        assert client.post(EVENTS, SHIPPED).status_code == 202

    def test_a_payload_may_not_be_boundless(self, client: APIClient, settings: LazySettings) -> None:
        settings.AUGMENTED_MAX_EVENT = 100
        assert codes(client.post(EVENTS, SHIPPED | {"payload": "x" * 101})) == [("too-large", "/payload")]

    def test_more_than_a_thousand_at_once_are_too_many(self, client: APIClient) -> None:
        answer = client.post(EVENTS, [{"pattern": "a"}] * 1_001)
        assert (answer.status_code, codes(answer)) == (422, [("too-many", "")])

    @pytest.mark.parametrize("body", ["text", 3, None, [[]]])
    def test_what_is_no_event_is_refused(self, client: APIClient, body: Any) -> None:
        assert client.post(EVENTS, body).status_code in (400, 422)


class TestBackPressure:
    def test_a_full_queue_says_when_to_try_again(self, client: APIClient, admin: User) -> None:
        queues.save(actor=admin, key="default", document={"config": {"highWatermark": 2}})
        assert client.post(EVENTS, [{"pattern": "a"}, {"pattern": "b"}]).status_code == 202
        accepting.forget_depths()
        answer = client.post(EVENTS, {"pattern": "c"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
        assert Event.objects.count() == 2

    def test_a_queue_of_its_own_is_not_full_because_another_is(self, client: APIClient, admin: User) -> None:
        queues.save(actor=admin, key="default", document={"config": {"highWatermark": 1}})
        queues.save(actor=admin, key="orders", document={"patterns": ["orders.*"]})
        client.post(EVENTS, {"pattern": "a"})
        accepting.forget_depths()
        assert client.post(EVENTS, SHIPPED).status_code == 202
        assert client.post(EVENTS, {"pattern": "a"}).status_code == 429

    def test_a_queue_that_is_drained_takes_nothing_from_outside(self, client: APIClient, admin: User) -> None:
        queues.drain(actor=admin, key="default", reason="Maintenance.")
        answer = client.post(EVENTS, SHIPPED)
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        recorded(new_event("inside"))  # what the platform itself says is never refused
        while route():
            pass
        shown = client.get(f"{EVENTS}/queues/default").json()
        assert (shown["status"], shown["isDrained"]) == ("draining", True)


class TestCloudEvents:
    EVENT = {
        "specversion": "1.0",
        "id": "c-1",
        "source": "https://shop.example",
        "type": "orders.shipped",
        "time": "2026-11-25T09:00:00Z",
        "subject": "ORD-1",
        "correlationid": "case-7",
        "data": {"orderId": "ORD-1"},
    }

    def test_one_comes_in_structured_and_goes_out_as_it_came(self, client: APIClient) -> None:
        answer = client.generic("POST", EVENTS, json.dumps(self.EVENT), content_type=cloudevents.STRUCTURED)
        assert answer.status_code == 202
        found = client.get(f"{EVENTS}/c-1").json()
        assert (found["pattern"], found["payload"], found["metadata"]["correlationId"]) == (
            "orders.shipped",
            {"orderId": "ORD-1"},
            "case-7",
        )
        out = client.get(f"{EVENTS}/c-1", headers={"Accept": cloudevents.STRUCTURED})
        assert out.headers["Content-Type"] == cloudevents.STRUCTURED
        assert self.EVENT.items() <= out.json().items()

    def test_a_batch_comes_in(self, client: APIClient) -> None:
        body = json.dumps([self.EVENT, self.EVENT | {"id": "c-2"}])
        answer = client.generic("POST", EVENTS, body, content_type=cloudevents.BATCH)
        assert answer.json()["accepted"] == 2

    def test_one_comes_in_with_its_attributes_in_headers(self, client: APIClient) -> None:
        headers = {f"ce-{name}": value for name, value in self.EVENT.items() if name != "data"}
        answer = client.post(EVENTS, self.EVENT["data"], headers=headers)
        assert answer.status_code == 202
        assert client.get(f"{EVENTS}/c-1").json()["payload"] == {"orderId": "ORD-1"}

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"specversion": "0.3"}, "/specversion"),
            ({"id": ""}, "/id"),
            ({"type": None}, "/type"),
            ({"Upper": 1}, "/Upper"),
            ({"data_base64": "%%"}, "/data_base64"),
        ],
    )
    def test_what_is_none_is_refused_with_the_place(self, change: dict[str, Any], pointer: str) -> None:
        assert pointer in [each.pointer for each in cloudevents.problems(self.EVENT | change)]


class TestReading:
    def test_the_list_is_filtered_by_pattern_source_and_case(self, client: APIClient) -> None:
        recorded(
            new_event("e-1", "orders.shipped", metadata={"correlationId": "case-1"}),
            new_event("e-2", "orders.paid.late", {"note": "a needle here"}),
            new_event("e-3", "other"),
        )

        def found(query: str) -> set[str]:
            return {each["eventId"] for each in client.get(f"{EVENTS}?{query}").json()["items"]}

        assert found("pattern=orders.*") == {"e-1"}
        assert found("pattern=orders.**") == {"e-1", "e-2"}
        assert found("pattern=**.late") == {"e-2"}
        assert found("correlationId=case-1") == {"e-1"}
        assert found("search=needle") == {"e-2"}
        assert found("sourceType=system") == {"e-1", "e-2", "e-3"}
        assert found("since=2999-01-01T00:00:00Z") == set()

    def test_what_no_index_finds_is_looked_for_among_the_young_unless_times_are_given(self, client: APIClient) -> None:
        recorded(new_event("old", "orders.paid"), new_event("young", "orders.paid"))
        Event.objects.filter(event_id="old").update(recorded_at=timezone.now() - timedelta(days=8))

        def found(query: str) -> set[str]:
            return {each["eventId"] for each in client.get(f"{EVENTS}?{query}").json()["items"]}

        assert found("search=paid") == found("pattern=**.paid") == found("sourceType=system") == {"young"}
        assert found("search=paid&since=2020-01-01T00:00:00Z") == {"old", "young"}
        assert found("pattern=orders.*") == found("") == {"old", "young"}

    @pytest.mark.parametrize("query", ["sourceType=x", "since=soon", "pattern=%00", "limit=0"])
    def test_a_filter_that_cannot_be_read_is_an_error(self, client: APIClient, query: str) -> None:
        assert client.get(f"{EVENTS}?{query}").status_code == 400

    def test_an_event_that_is_not_there_is_not_found(self, client: APIClient) -> None:
        assert client.get(f"{EVENTS}/none").status_code == 404
        assert client.get(f"{EVENTS}/none/story").status_code == 404

    def test_a_story_tells_what_caused_an_event_and_what_it_led_to(self, client: APIClient) -> None:
        recorded(
            new_event("root", metadata={"correlationId": "case-1"}),
            new_event("middle", metadata={"causationId": "root", "correlationId": "case-1"}),
            new_event("leaf", metadata={"causationId": "middle"}),
            new_event("twig", metadata={"causationId": "leaf"}),
        )
        ears = Listener(ids=["listener:a", "listener:b"])
        ears.trouble = lambda event_id, who: (
            Permanent("No.", code="NO") if (event_id, who) == ("middle", "listener:b") else None
        )
        with registered(ears):
            while route():
                pass
            story = client.get(f"{EVENTS}/middle/story").json()
        assert [each["eventId"] for each in story["causes"]] == ["root"]
        assert [(each["eventId"], each["caused"]) for each in story["caused"]] == [("leaf", 1)]
        assert [each["eventId"] for each in story["alike"]] == ["root"]
        assert [(each["subscriber"]["label"], each["status"]) for each in story["deliveries"]] == [
            ("Listener b", "dead"),
            ("Listener a", "handled"),
        ]
        assert story["deliveries"][0]["deadLetterId"] is not None
        assert story["deliveries"][1]["result"] == {"heard": "middle"}
