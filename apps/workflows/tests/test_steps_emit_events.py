"""Events that steps emit are recorded with the step, or not at all."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.events.models import Event
from apps.workflows.tests.factories import greeting, published, started

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


def test_a_pattern_as_long_as_it_may_be_is_recorded_whole(alice: User) -> None:
    pattern = "a" * 255
    published(greeting(workflowId="long", inputSchema={"type": "object"}, steps=[
        {"stepId": "tell", "type": "EMIT_EVENT", "pattern": pattern},
    ]))  # fmt: skip
    assert started(alice, "long").status == "COMPLETED"
    assert Event.objects.get().pattern == pattern
