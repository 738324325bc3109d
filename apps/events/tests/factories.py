"""Events, and subscribers that tests register: they keep what they were handed, and fail as they are told to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from apps.events import subscribers
from apps.events.models import Event
from apps.events.services import NewEvent, record_events
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Named, SubscriberGone

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
