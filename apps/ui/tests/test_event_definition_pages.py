from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.tests.factories import EventDefinitionFactory, shipped
from apps.ui.fields import field_rows
from apps.ui.tests.reading import island, links, text_of
from apps.workflows.tests.factories import flow, published

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
PAGE = "/events/definitions/OrderEvents.shipped"


def draft(**more: Any) -> None:
    EventDefinitionFactory(document=shipped(**more), status="draft", published_at=None)


def test_without_definitions_the_list_says_what_one_is(alice: User, browse: Browse) -> None:
    text = text_of(browse(alice).get("/events/definitions"))
    assert "No events are defined yet" in text
    assert "New definition" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"OrderEvents.shipped", "Alarm"}),
        ({"search": "orders.shipped"}, {"OrderEvents.shipped"}),
        ({"status": "draft"}, {"Alarm"}),
        ({"category": "Orders"}, {"OrderEvents.shipped"}),
        ({"search": "zz\x00z"}, set()),
        ({"status": "x", "category": "y"}, {"OrderEvents.shipped", "Alarm"}),
    ],
)
def test_the_list_is_searched(query: dict[str, str], expected: set[str], alice: User, browse: Browse) -> None:
    EventDefinitionFactory()
    draft(eventId="Alarm", pattern="alarm", uiMetadata={})
    answer = browse(alice).get("/events/definitions", query)
    found = {each for each in ("OrderEvents.shipped", "Alarm") if f"/events/definitions/{each}" in links(answer)}
    assert found == expected
    assert ("No definition fits" in text_of(answer)) is (not expected)


def test_what_an_author_chose_as_icon_or_colour_cannot_break_the_page(alice: User, browse: Browse) -> None:
    EventDefinitionFactory(document=shipped(uiMetadata={"icon": '"><script>', "color": "#12345g"}))
    body = browse(alice).get("/events/definitions").content.decode()
    assert "<path d='zap'/>" in body
    assert "#12345g" not in body
    assert '"><script>' not in body.replace('"></script>', "")


def test_one_definition_shows_its_fields_versions_and_who_uses_it(alice: User, browse: Browse) -> None:
    EventDefinitionFactory()
    draft(version="1.1.0", name="Shipped")
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "orders.*"}
    send = {"stepId": "send", "type": "EMIT_EVENT", "pattern": "orders.shipped", "payload": {"orderId": "1"}}
    published(flow(wait | {"next": "send"}, send, workflowId="parcels", name="Parcels"))
    answer = browse(alice).get(PAGE, {"version": "1.0.0"})
    text = text_of(answer)
    assert "orderId string at least 1 character" in text
    assert "Parcels waits for it, emits it" in text
    assert {"/workflows/parcels", "?version=1.1.0"} <= set(links(answer))
    assert island(answer, "tryEvent")["examples"] == [{"orderId": "ORD-1", "parcels": 2}]
    assert island(answer, "tryEvent")["mayRecord"] is True


def test_a_draft_is_edited_and_what_is_published_gets_the_next_free_version(alice: User, browse: Browse) -> None:
    EventDefinitionFactory()
    draft(version="1.1.0")
    newest = island(browse(alice).get(PAGE), "document")
    older = island(browse(alice).get(PAGE, {"version": "1.0.0"}), "document")
    assert (newest["document"]["version"], newest["revision"]) == ("1.1.0", 1)
    assert (older["document"]["version"], older["revision"]) == ("1.2.0", None)
    assert next(iter(older["document"])) == "eventId"


def test_who_only_reads_is_offered_neither_editor_nor_recording(browse: Browse) -> None:
    EventDefinitionFactory()
    draft(version="1.1.0")
    reader = UserFactory(permissions=["view:event"])
    answer = browse(reader).get(PAGE)
    assert b'data-island="document"' not in answer.content
    assert b'data-island="publish"' not in answer.content
    assert island(answer, "tryEvent")["mayRecord"] is False
    assert browse(reader).get("/events/definitions/none").status_code == 404


def test_a_schema_becomes_a_table_of_fields() -> None:
    schema = {
        "type": "object",
        "required": ["to"],
        "properties": {
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "uniqueItems": True},
            "to": {"$ref": "#/$defs/place"},
            "via": {"type": "array", "items": {"$ref": "#/$defs/place"}},
            "when": {"type": ["string", "null"], "format": "date"},
        },
        "allOf": [{"properties": {"kind": {"const": "parcel"}}, "required": ["kind"]}],
        "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 80}}}},
    }
    rows = {f"{row.within}{row.name}": row for row in field_rows(schema)}
    assert list(rows)[:3] == ["to", "to.city", "kind"]
    assert {name for name, row in rows.items() if row.required} == {"to", "kind"}
    assert {name: row.type for name, row in rows.items()} == {
        "to": "object",
        "to.city": "string",
        "kind": "`parcel`",
        "tags": "list of `a` or `b`",
        "via": "list of object",
        "via[].city": "string",
        "when": "date or null",
    }
    assert rows["tags"].rules == ["at least 1 entry", "each only once"]
    assert rows["to.city"].rules == ["at most 80 characters"]


@pytest.mark.parametrize(
    "schema",
    [None, True, {"type": "string"}, {"$ref": "#"}, {"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": 7}}],
)
def test_a_schema_without_fields_or_without_end_is_no_trouble(schema: Any) -> None:
    assert len(field_rows(schema)) < 20
