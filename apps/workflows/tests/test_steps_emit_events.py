"""Events that steps emit are recorded with the step, or not at all."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.events import emitted, routing
from apps.events.models import Event
from apps.events.tests.factories import EventDefinitionFactory, new_event, recorded
from apps.workflows.tests.factories import flow, greeting, published, started
from apps.workflows.tests.live import advance, fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_step_emits_its_event_in_the_same_transaction(alice: User) -> None:
    steps = [{"stepId": "tell", "type": "EMIT_EVENT", "pattern": "order.paid", "payload": {"id": "${input.id}"}}]
    published(greeting(workflowId="tell", inputSchema={"type": "object"}, steps=steps))

    with transaction.atomic():
        started(alice, "tell", {"id": 1})
        assert Event.objects.count() == 1
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    run = started(alice, "tell", {"id": 2}, correlation_id="order-2")
    event = Event.objects.get()
    assert (event.pattern, event.payload) == ("order.paid", {"id": 2})
    assert event.source == {"type": "workflow", "id": str(run.id), "name": "tell"}
    assert event.metadata == {"correlationId": "order-2"}


def test_it_says_what_caused_it(alice: User) -> None:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "order.placed", "next": "tell"}
    first = {"stepId": "first", "type": "EMIT_EVENT", "pattern": "order.awaited", "next": "wait"}
    published(flow(first, wait, {"stepId": "tell", "type": "EMIT_EVENT", "pattern": "order.paid"}))
    started(alice, "flow", correlation_id="order-2", trigger_event_id="t-1")
    metadata = {"traceId": "4bf92f35", "userId": "u-1", "tags": ["x"]}
    recorded(new_event("e-1", "order.placed", {}, metadata=metadata))
    while routing.route():
        pass
    advance()
    told = {row.pattern: row.metadata for row in Event.objects.all()}
    assert told["order.awaited"] == {"correlationId": "order-2", "causationId": "t-1"}
    assert told["order.paid"] == {
        "correlationId": "order-2",
        "causationId": "e-1",
        "traceId": "4bf92f35",
        "userId": "u-1",
    }


def test_what_goes_on_without_an_event_was_caused_by_the_one_that_started_the_run(alice: User) -> None:
    nap = {"stepId": "nap", "type": "DELAY", "duration": "PT1H", "next": "tell"}
    published(flow(nap, {"stepId": "tell", "type": "EMIT_EVENT", "pattern": "order.paid"}))
    started(alice, "flow", trigger_event_id="t-1")
    pass_time(3_601)
    advance()
    assert Event.objects.get().causation_id == "t-1"


def test_a_definition_that_changes_counts_for_runs_that_are_under_way(alice: User) -> None:
    nap = {"stepId": "nap", "type": "DELAY", "duration": "PT1H", "next": "tell"}
    published(flow(nap, {"stepId": "tell", "type": "EMIT_EVENT", "pattern": "order.paid", "payload": {"id": 1}}))
    run = started(alice, "flow")
    draft = {"eventId": "paid", "name": "Paid", "pattern": "order.paid", "version": "1.2.0"}
    EventDefinitionFactory(document=draft | {"payloadSchema": {"type": "object", "required": ["amount"]}})
    emitted.forget()  # some seconds later
    pass_time(3_601)
    advance()
    assert fresh(run).error["code"] == "EVENT_PAYLOAD_INVALID"
    assert fresh(run).error["details"]["version"] == "1.2.0"


def test_a_pattern_as_long_as_it_may_be_is_recorded_whole(alice: User) -> None:
    pattern = "a" * 255
    published(greeting(workflowId="long", inputSchema={"type": "object"}, steps=[
        {"stepId": "tell", "type": "EMIT_EVENT", "pattern": pattern},
    ]))  # fmt: skip
    assert started(alice, "long").status == "COMPLETED"
    assert Event.objects.get().pattern == pattern
