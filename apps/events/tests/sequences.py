"""Sequences for tests: documents, published, and events for them."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apps.auth.models import User
from apps.events.models import SequenceDefinition, SequenceRun
from apps.events.routing import is_waiting, route
from apps.events.sequences.kind import SEQUENCE
from apps.events.sequences.subscriber import SequenceSubscriber
from apps.events.tests.factories import new_event, recorded
from apps.validation.definitions import services


def fulfilment(**more: Any) -> dict[str, Any]:
    """Created first, then paid and packed side by side, then shipped; rating is optional. By payload.orderId."""
    return {
        "sequenceId": "fulfilment",
        "name": "Order fulfilment",
        "version": "1.0.0",
        "correlationKey": "event.payload.orderId",
        "within": "PT1H",
        "events": [
            {"eventId": "orders.created", "memberId": "created", "order": 1},
            {"eventId": "orders.paid", "memberId": "paid", "order": 2},
            {"eventId": "orders.packed", "memberId": "packed", "order": 2},
            {
                "eventId": "orders.shipped",
                "memberId": "shipped",
                "order": 3,
                "condition": "event.payload.whole == true",
            },
            {"eventId": "orders.rated", "memberId": "rated", "order": 4, "required": False},
        ],
    } | more


def pair(**more: Any) -> dict[str, Any]:
    """Asked, then answered, by the correlation id."""
    return {
        "sequenceId": "pair",
        "version": "1.0.0",
        "within": "PT1H",
        "events": [
            {"eventId": "talk.asked", "memberId": "asked", "order": 1},
            {"eventId": "talk.answered", "memberId": "answered", "order": 2},
        ],
    } | more


def published(actor: User, document: dict[str, Any]) -> SequenceDefinition:
    services.save_draft(SEQUENCE, actor=actor, document=document)
    return services.publish(SEQUENCE, actor=actor, key=document["sequenceId"])


def drain() -> None:
    """Route everything, also what is recorded meanwhile."""
    while route() or is_waiting():
        pass


_count = iter(range(1_000_000))


def happen(pattern: str, key: str = "A", *, event_id: str = "", **payload: Any) -> str:
    """Record an event of a case and have it routed; returns its id."""
    event_id = event_id or f"{pattern}-{key}-{next(_count)}"
    recorded(new_event(event_id, pattern, {"orderId": key, **payload}, metadata={"correlationId": key}))
    drain()
    return event_id


def run_of(key: str = "A") -> SequenceRun:
    """The newest run of a case."""
    return SequenceRun.objects.filter(key=key).order_by("-created_at")[0]


def statuses(run: SequenceRun) -> dict[str, str]:
    return dict(run.members.order_by("id").values_list("member_id", "status"))


def begun_run(actor: User) -> SequenceRun:
    """Of the sequence ``pair``: something was asked."""
    published(actor, pair())
    events = recorded(new_event("asked-1", "talk.asked", {"question": "Why?"}, metadata={"correlationId": "A"}))
    subscriber = SequenceSubscriber()
    with transaction.atomic():
        subscriber.handle(subscriber.find(events))
    return run_of()
