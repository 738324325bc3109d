"""Triggers on what sequences say: a run starts when all events of a case came, another when one did not come in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.auth.models import User
from apps.events.models import SequenceRun
from apps.events.services import sequences
from apps.events.tests.sequences import drain, happen, pair
from apps.events.tests.sequences import published as published_sequence
from apps.workflows.models import WorkflowInstance
from apps.workflows.services import triggers
from apps.workflows.tests.factories import greeting, published

pytestmark = pytest.mark.django_db(transaction=True)


def on(actor: User, pattern: str, name: str) -> None:
    triggers.save(
        actor=actor,
        document={"workflowId": "greeting", "eventPattern": pattern, "inputMapping": {"name": name}},
    )


def test_a_run_starts_when_all_came_and_another_when_one_did_not(alice: User) -> None:
    published(greeting())
    published_sequence(alice, pair())
    on(alice, "sequences.pair.completed", "all of ${event.payload.key}")
    on(alice, "sequences.pair.failed", "${event.payload.key} lacks ${event.payload.missing[0]}")
    happen("talk.asked", "A")
    happen("talk.asked", "B")
    happen("talk.answered", "A")
    [run] = WorkflowInstance.objects.all()
    assert (run.input, run.correlation_id) == ({"name": "all of A"}, "A")
    SequenceRun.objects.filter(key="B").update(deadline=timezone.now() - timedelta(seconds=1))
    assert sequences.fire_deadlines() == 1
    drain()
    assert {each.input["name"] for each in WorkflowInstance.objects.all()} == {"all of A", "B lacks answered"}
