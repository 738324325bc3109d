"""Events and their definitions, and subscribers that tests register: they keep what they were handed, and fail as they are told to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import factory
from django.utils import timezone

from apps.events import subscribers
from apps.events.models import Event, EventDefinition
from apps.events.selectors import published
from apps.events.services import NewEvent, record_events
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Named, SubscriberGone
from apps.validation.definitions.models import version_key
from apps.validation.definitions.services import content_checksum

SOURCE = {"type": "system", "id": "test", "name": "test"}


def new_event(event_id: str = "e-1", pattern: str = "order.paid", payload: Any = None, **more: Any) -> NewEvent:
    return NewEvent(event_id, pattern, payload, SOURCE, **more)


def recorded(*events: NewEvent) -> list[StoredEvent]:
    """Record events, and return them as they are kept."""
    record_events(events)
    rows = {row.event_id: row for row in Event.objects.filter(event_id__in=[event.event_id for event in events])}
    return [rows[event.event_id].stored() for event in events]


class Listener:
    """Handles every event for each of ``ids``.

    ``trouble``: what to raise for which (event id, subscriber id), if anything. ``unclear``: events whose subscribers cannot
    be found out.
    """

    def __init__(self, kind: str = "listener", ids: Sequence[str] = ("listener:a",)) -> None:
        self.kind, self.ids = kind, list(ids)
        self.heard: list[tuple[str, str]] = []
        self.unclear: set[str] = set()
        self.trouble: Callable[[str, str], Exception | None] = lambda event_id, subscriber_id: None

    def find(self, events: Sequence[StoredEvent]) -> list[Match]:
        for event in events:
            if event.event_id in self.unclear:
                raise ValueError(event.event_id)
        return [Match(event, id_) for event in events for id_ in self.ids]

    def again(self, event: StoredEvent, subscriber_id: str) -> Match:
        if subscriber_id not in self.ids:
            raise SubscriberGone("It is gone.")
        return Match(event, subscriber_id)

    def names(self, subscriber_ids: Collection[str]) -> dict[str, Named]:
        return {each: Named(f"Listener {each[-1]}", f"/{each}") for each in subscriber_ids if each in self.ids}

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        for match in matches:
            if (error := self.trouble(match.event.event_id, match.subscriber_id)) is not None:
                raise error
        self.heard += [(match.event.event_id, match.subscriber_id) for match in matches]
        return [Handled({"heard": match.event.event_id}) for match in matches]


class Post(Listener):
    """The same for a kind that is sent."""

    def __init__(self, kind: str = "post", ids: Sequence[str] = ("post:a",)) -> None:
        super().__init__(kind, ids)

    async def send(self, match: Match, attempt: int) -> Handled:
        return self.handle([match])[0]


@contextmanager
def registered(*listeners: Listener) -> Iterator[None]:
    """With these kinds of subscribers, and no others."""
    kept = dict(subscribers._kinds), dict(subscribers._deferred)
    subscribers._kinds.clear()
    subscribers._deferred.clear()
    for each in listeners:
        if isinstance(each, Post):
            subscribers.register_deferred(each)
        else:
            subscribers.register(each)
    try:
        yield
    finally:
        for known, before in zip((subscribers._kinds, subscribers._deferred), kept, strict=True):
            known.clear()
            known.update(before)  # type: ignore[arg-type]


def shipped(**more: Any) -> dict[str, Any]:
    """An order has been shipped: ``orders.shipped`` with an orderId."""
    return {
        "eventId": "OrderEvents.shipped",
        "name": "Order shipped",
        "version": "1.0.0",
        "pattern": "orders.shipped",
        "payloadSchema": {
            "type": "object",
            "properties": {"orderId": {"type": "string", "minLength": 1}, "parcels": {"type": "integer"}},
            "required": ["orderId"],
            "additionalProperties": False,
        },
        "examples": [{"orderId": "ORD-1", "parcels": 2}],
        "uiMetadata": {"icon": "truck", "color": "#2F855A", "category": "Orders"},
        "status": "active",
    } | more


class EventDefinitionFactory(factory.django.DjangoModelFactory[EventDefinition]):
    """A published definition of ``document``; for drafts ``status="draft", published_at=None``."""

    class Meta:
        model = EventDefinition

    document: Any = factory.LazyFunction(shipped)
    key = factory.LazyAttribute(lambda row: row.document["eventId"])
    version = factory.LazyAttribute(lambda row: row.document.get("version", "1.0.0"))
    version_key = factory.LazyAttribute(lambda row: version_key(row.version))
    name = factory.LazyAttribute(lambda row: row.document.get("name", row.key))
    description = factory.LazyAttribute(lambda row: row.document.get("description", ""))
    checksum = factory.LazyAttribute(lambda row: content_checksum(row.document))
    status = "published"
    published_at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, *args: Any, **kwargs: Any) -> EventDefinition:
        published.forget()  # as publishing does
        return super()._create(*args, **kwargs)
