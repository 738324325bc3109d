"""Sequences as definitions: what is wrong with one is said when it is saved; those of other systems are converted."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.models import User
from apps.events.kind import EVENT
from apps.events.models import SequenceDefinition, SequenceWatch
from apps.events.sequences.kind import SEQUENCE
from apps.events.tests.factories import EventDefinitionFactory, shipped
from apps.events.tests.sequences import fulfilment, pair, published
from apps.validation.definitions import bundles, services
from apps.validation.definitions.bundles import Document
from apps.validation.dialects import convert
from apps.validation.violations import Violation, has_errors

pytestmark = pytest.mark.django_db


def found(document: dict[str, Any]) -> list[Violation]:
    return services.check(SEQUENCE, document)


def codes(document: dict[str, Any], severity: str = "error") -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in found(document) if each.severity == severity]


def with_members(*members: dict[str, Any], **more: Any) -> dict[str, Any]:
    return pair(events=[{"order": index} | member for index, member in enumerate(members)], **more)


UNDO = {"type": "compensating_events"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (fulfilment(), []),
        (pair(correlationKey="'all'"), [("one-run-for-all", "/correlationKey")]),
        (pair(correlationKey="event"), [("one-run-for-all", "/correlationKey")]),
        (pair(correlationKey="event.payload."), [("expression-syntax", "/correlationKey")]),
        (pair(correlationKey="input.id"), [("expression-root", "/correlationKey")]),
        (pair(sequenceId="s" * 201), [("id-too-long", "/sequenceId")]),
        (pair(within="PT0S"), [("within-zero", "/within")]),
        (pair(within="P1M"), [("format", "/within")]),
        (with_members({"eventId": "a"}, {"eventId": "a"}), [("member-twice", "/events/1/eventId")]),
        (with_members({"eventId": "a", "required": False}), [("nothing-required", "/events")]),
        (with_members({"eventId": "a", "condition": "evnt.payload.x"}), [("expression-root", "/events/0/condition")]),
        (with_members({"eventId": "sequences.pair.*"}), [("own-event", "/events/0/eventId")]),
        (with_members({"eventId": "all", "eventPattern": "**"}), [("own-event", "/events/0/eventPattern")]),
        (
            with_members({"eventId": "a.*"}, rollbackStrategy=UNDO | {"compensatingEvents": [{"eventId": "a.undo"}]}),
            [("own-event", "/events/0/eventId")],
        ),
        (
            pair(rollbackStrategy=UNDO | {"compensatingEvents": [{"eventId": "no name!", "compensates": "askd"}]}),
            [
                ("unknown-event", "/rollbackStrategy/compensatingEvents/0/eventId"),
                ("unknown-member", "/rollbackStrategy/compensatingEvents/0/compensates"),
            ],
        ),
        (
            pair(
                rollbackStrategy=UNDO
                | {
                    "compensatingEvents": [
                        {"eventId": "x", "payloadTemplate": {"a": "${events.askd.payload}", "b": "${ke}"}}
                    ]
                }
            ),
            [("expression-root", "/rollbackStrategy/compensatingEvents/0/payloadTemplate/b")],
        ),
        (
            pair(
                rollbackStrategy=UNDO
                | {"compensatingEvents": [{"eventId": "x", "payloadTemplate": {"a": "${events.askd.payload}"}}]}
            ),
            [("unknown-member", "/rollbackStrategy/compensatingEvents/0/payloadTemplate/a")],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(document: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert codes(document) == expected


def test_what_may_be_meant_is_a_warning() -> None:
    EventDefinitionFactory(document=shipped())
    document = pair(events=[{"eventId": "OrderEvents.shiped", "order": 1}], rollbackStrategy=UNDO)
    del document["within"]
    assert codes(document, "warning") == [
        ("unknown-event", "/events/0/eventId"),
        ("no-end", ""),
        ("nothing-to-undo", "/rollbackStrategy"),
    ]
    assert "Did you mean OrderEvents.shipped?" in found(document)[0].hint


def test_an_event_is_meant_by_its_id_its_pattern_or_what_the_member_says(alice: User) -> None:
    EventDefinitionFactory(document=shipped())
    members = (
        {"eventId": "OrderEvents.shipped", "memberId": "a"},
        {"eventId": "orders.shipped", "memberId": "b"},
        {"eventId": "anything at all", "memberId": "c", "eventPattern": "orders.*"},
        {"eventId": "orders.unknown", "memberId": "d"},
    )
    row = published(alice, with_members(*members))
    assert row.resolved["members"] == {
        "a": {"pattern": "orders.shipped", "eventId": None},
        "b": {"pattern": "orders.shipped", "eventId": None},
        "c": {"pattern": "orders.*", "eventId": None},
        "d": {"pattern": "orders.unknown", "eventId": "orders.unknown"},
    }
    named = {(each.kind, each.key) for each in SEQUENCE.references(row.document)}
    assert ("event", "orders.shipped") in named and ("event", "orders.*") in named


def test_a_field_that_a_payload_has_no_room_for_is_an_error() -> None:
    EventDefinitionFactory(document=shipped())
    document = with_members(
        {
            "eventId": "OrderEvents.shipped",
            "condition": "event.payload.parcles > 1 && event.payload.?more.orValue(1) == 1",
        },
        {"eventId": "orders.shipped", "memberId": "again", "condition": "event.payload.parcels.all(p, p > 0)"},
        correlationKey="event.payload.order",
    )
    assert sorted(set(codes(document))) == [
        ("unknown-field", "/correlationKey"),
        ("unknown-field", "/events/0/condition"),
    ]
    assert "Did you mean parcels?" in {each.hint for each in found(document)}


def test_an_event_that_is_defined_later_is_waited_for_from_then_on(alice: User) -> None:
    published(alice, with_members({"eventId": "OrderEvents.shipped"}, {"eventId": "orders.other"}))
    assert not SequenceWatch.objects.filter(event_pattern="orders.shipped").exists()
    services.save_draft(EVENT, actor=alice, document=shipped())
    services.publish(EVENT, actor=alice, key="OrderEvents.shipped")
    assert SequenceWatch.objects.filter(event_pattern="orders.shipped", current=True).count() == 1
    assert SequenceWatch.objects.filter(member_id="orders.other", current=True).count() == 2
    row = SequenceDefinition.objects.get()
    assert row.resolved["members"]["OrderEvents.shipped"] == {"pattern": "orders.shipped", "eventId": None}


def test_a_fixed_value_in_a_condition_is_looked_up_by_an_index(alice: User) -> None:
    published(
        alice,
        with_members(
            {"eventId": "a.b", "memberId": "m", "condition": "event.payload.kind == 'x' && event.payload.n > 1"}
        ),
    )
    watches = {row.event_pattern: row.correlation_key for row in SequenceWatch.objects.all()}
    assert set(watches) == {"a.b", "**"} and all(watches.values())


# As another system exports one in the midst of a run.
FOREIGN = {
    "id": "seq_invoice_42",
    "name": "Invoice creation",
    "status": "in_progress",
    "version": 2,
    "created_by": "somebody",
    "events": [
        {"event_id": "evt_create_invoice_abc123", "order": 1, "required": True, "status": "processed",
         "processing_timestamp": "2025-01-01T10:00:00Z"},
        {"event_id": "evt_notify_abc123", "order": "2", "required": False, "status": "pending", "processing_timestamp": None},
    ],
    "metadata": {"tenant": "acme"},
    "rollback_strategy": {
        "type": "compensating_events",
        "compensating_events": [
            {"event_id": "evt_void_invoice", "payload_template": {"invoice": "${events.evt_create_invoice_abc123.payload.id}"}}
        ],
    },
}  # fmt: skip


def test_one_that_another_system_exported_is_converted_and_applied(alice: User) -> None:
    done = convert(FOREIGN)
    assert (done.kind, done.violations) == ("sequence", ())
    said = {change.pointer: change.message for change in done.changes}
    assert "How far it has come" in said["/status"]
    assert "How far it has come" in said["/events/0/processing_timestamp"]
    assert all("status" not in event for event in done.document["events"])
    assert done.document["sequenceId"] == "seq_invoice_42"
    assert not has_errors(found(done.document))
    bundles.apply([Document("export.json", done.document)], actor=alice)
    row = SequenceDefinition.objects.get()
    assert (row.status, row.version) == ("published", "2.0.0")


def test_how_far_it_is_may_stand_in_what_is_sent_and_means_nothing(alice: User) -> None:
    document = pair(status="failed")
    document["events"][0] |= {"status": "processed", "processingTimestamp": "2025-01-01T10:00:00Z"}
    assert published(alice, document).status == "published"
