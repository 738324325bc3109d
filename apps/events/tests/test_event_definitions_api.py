from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.kind import EVENT
from apps.events.models import Event, EventDefinition
from apps.events.tests.factories import EventDefinitionFactory, shipped
from apps.validation.definitions import services
from apps.validation.problems import Unprocessable

pytestmark = pytest.mark.django_db
DEFINITIONS = "/api/v1/events/definitions"


@pytest.fixture
def client(alice: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(alice)
    return made


def codes(violations: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(each["code"], each["pointer"], each["severity"]) for each in violations}


def test_a_definition_is_saved_published_and_then_fixed(client: APIClient) -> None:
    assert client.post(DEFINITIONS, shipped()).status_code == 201
    changed = client.put(f"{DEFINITIONS}/OrderEvents.shipped", shipped(name="Shipped"))
    assert (changed.status_code, changed.json()["revision"]) == (200, 2)
    published = client.post(f"{DEFINITIONS}/OrderEvents.shipped/publish", {})
    assert (published.status_code, published.json()["status"], published.json()["violations"]) == (200, "published", [])
    assert client.post(DEFINITIONS, shipped(name="Again")).status_code == 409
    assert client.post(DEFINITIONS, shipped(version="1.1.0")).status_code == 201
    versions = client.get(f"{DEFINITIONS}/OrderEvents.shipped/versions").json()["items"]
    assert [each["version"] for each in versions] == ["1.1.0", "1.0.0"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (shipped(), set()),
        (shipped(examples=[{"parcels": 1}]), {("required", "/examples/0", "error")}),
        (shipped(payloadSchema={"type": "thing"}), {("choice", "/payloadSchema/type", "error")}),
        (shipped(examples=[]), {("no-examples", "", "warning")}),
        (
            {"eventId": "a", "pattern": "a"},
            {("no-payload-schema", "", "warning"), ("no-examples", "", "warning")},
        ),
    ],
)
def test_a_document_is_checked_whole(
    document: dict[str, Any], expected: set[tuple[str, str, str]], client: APIClient
) -> None:
    answer = client.post(f"{DEFINITIONS}/validate", document).json()
    assert codes(answer["violations"]) == expected
    assert answer["valid"] is not any(severity == "error" for _, _, severity in expected)


def test_two_definitions_cannot_have_one_pattern(client: APIClient) -> None:
    EventDefinitionFactory()
    other = shipped(eventId="Parcels.gone")
    saved = client.post(DEFINITIONS, other)
    assert saved.status_code == 201
    [violation] = saved.json()["violations"]
    assert (violation["code"], violation["pointer"]) == ("pattern-taken", "/pattern")
    assert "OrderEvents.shipped" in violation["hint"]
    assert client.post(f"{DEFINITIONS}/Parcels.gone/publish", {}).status_code == 422
    assert client.delete(f"{DEFINITIONS}/OrderEvents.shipped").status_code == 204
    assert client.post(f"{DEFINITIONS}/Parcels.gone/publish", {}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_that_are_published_at_once_with_one_pattern_one_is_refused() -> None:
    admin = UserFactory(roles=["admin"])
    for key in ("One.shipped", "Two.shipped"):
        services.save_draft(EVENT, actor=admin, document=shipped(eventId=key))
    refused: list[Unprocessable] = []
    begun = threading.Event()

    def publish_second() -> None:
        begun.set()
        try:
            services.publish(EVENT, actor=admin, key="Two.shipped")
        except Unprocessable as error:
            refused.append(error)
        finally:
            connection.close()

    second = threading.Thread(target=publish_second)
    with transaction.atomic():
        services.publish(EVENT, actor=admin, key="One.shipped")
        second.start()
        begun.wait()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while second.is_alive():
            with connection.cursor() as cursor:
                cursor.execute(waiting)
                if cursor.fetchone() == (1,):
                    break
    second.join()
    assert [violation.code for error in refused for violation in error.violations] == ["pattern-taken"]
    assert EventDefinition.objects.published().count() == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["OrderEvents.shipped", "Payments.received"]),
        ({"search": "orders.SHIP"}, ["OrderEvents.shipped"]),
        ({"status": "draft"}, ["Payments.received"]),
        ({"category": "Orders"}, ["OrderEvents.shipped"]),
        ({"category": "orders"}, []),
    ],
)
def test_the_list_is_filtered(query: dict[str, str], expected: list[str], client: APIClient) -> None:
    EventDefinitionFactory()
    EventDefinitionFactory(document=shipped(version="1.1.0"))
    document = {"eventId": "Payments.received", "pattern": "payments.received", "version": "1.0.0"}
    EventDefinitionFactory(document=document, status="draft", published_at=None)
    rows = client.get(DEFINITIONS, query).json()["items"]
    assert [row["eventId"] for row in rows] == expected
    assert all(row["latestVersion"] == "1.1.0" for row in rows if row["eventId"] == "OrderEvents.shipped")


@pytest.mark.parametrize("query", [{"status": "gone"}, {"search": "a\x00"}])
def test_a_filter_that_cannot_be_read_is_refused(query: dict[str, str], client: APIClient) -> None:
    assert client.get(DEFINITIONS, query).status_code == 400


def test_a_list_costs_the_same_for_many_rows(client: APIClient, django_assert_num_queries: Any) -> None:
    EventDefinitionFactory()
    client.get(DEFINITIONS)
    with django_assert_num_queries(1):
        client.get(DEFINITIONS)
    for number in range(5):
        EventDefinitionFactory(document=shipped(eventId=f"E{number}", pattern=f"e.{number}"))
    with django_assert_num_queries(1):
        assert len(client.get(DEFINITIONS).json()["items"]) == 6


class TestTryingAPayload:
    def test_a_payload_that_fits_shows_the_event_and_saves_nothing(self, client: APIClient) -> None:
        EventDefinitionFactory()
        answer = client.post(f"{DEFINITIONS}/OrderEvents.shipped/try", {"payload": {"orderId": "ORD-7"}})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["valid"], body["violations"]) == (True, [])
        assert (body["event"]["pattern"], body["event"]["version"]) == ("orders.shipped", "1.0.0")
        assert body["event"]["payload"] == {"orderId": "ORD-7"}
        assert not Event.objects.exists()

    def test_what_is_wrong_is_said_below_the_payload(self, client: APIClient) -> None:
        EventDefinitionFactory()
        body = client.post(f"{DEFINITIONS}/OrderEvents.shipped/try", {"payload": {"parcels": "two"}}).json()
        assert body["valid"] is False
        assert {each["pointer"] for each in body["violations"]} == {"/payload", "/payload/parcels"}

    def test_a_version_that_recording_does_not_check_by_says_so(self, client: APIClient) -> None:
        EventDefinitionFactory()
        EventDefinitionFactory(document=shipped(version="1.1.0"), status="draft", published_at=None)
        EventDefinitionFactory(document=shipped(version="0.9.0", status="draft"))
        for version in ("1.1.0", "0.9.0"):
            given = {"payload": {"orderId": "ORD-7"}, "version": version}
            body = client.post(f"{DEFINITIONS}/OrderEvents.shipped/try", given).json()
            assert (body["valid"], codes(body["violations"])) == (True, {("not-in-force", "", "warning")})

    def test_who_may_record_it_is_who_it_is_tried_for(self, client: APIClient) -> None:
        EventDefinitionFactory(document=shipped(sourceTypes=["workflow", "task"]))
        body = client.post(f"{DEFINITIONS}/OrderEvents.shipped/try", {"payload": {"orderId": "ORD-7"}}).json()
        assert (body["valid"], body["event"]["source"]) == (True, {"type": "workflow"})

    @pytest.mark.parametrize(
        ("body", "status"),
        [({}, 422), ({"payload": 1, "more": 2}, 422), ({"payload": {}, "version": "9.9.9"}, 404)],
    )
    def test_a_request_that_means_nothing_is_refused(self, body: Any, status: int, client: APIClient) -> None:
        EventDefinitionFactory()
        assert client.post(f"{DEFINITIONS}/OrderEvents.shipped/try", body).status_code == status
