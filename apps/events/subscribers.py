"""Who handles events. Upper apps register their kinds of subscribers when Django starts; this app imports none of them.

A *subscriber* is one trigger, one waiting run, one sequence, one webhook: ``<kind>:<its id>``. The router asks each kind
whom a batch of events concerns (``find``) and has it handle what it found. What a kind writes is in the router's transaction:
an event is handled by a subscriber exactly when its delivery is written.

What goes wrong is said by raising: :class:`Transient` (tried again, with growing delays) or anything else (a dead letter of
that subscriber, at once). A database error that says "try again" counts as transient.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .stored import StoredEvent


@dataclass(frozen=True, slots=True)
class Match:
    """That an event concerns a subscriber. ``data``: whatever the kind wants to find again in ``handle``."""

    event: StoredEvent
    subscriber_id: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of it: ``result`` is shown in the event's story, such as ``{"instanceId": …, "workflowId": …}``.

    ``skipped``: why nothing was to be done after all, in a sentence.
    """

    result: Mapping[str, Any] = field(default_factory=dict)
    skipped: str = ""


EVERYBODY = "*"
"""Instead of a subscriber's id: whoever of that kind the event concerns. Who that is could not be found out."""


class Transient(Exception):
    """Could not be handled now, and may be later. ``retry_after``: seconds that the other side asked for.

    ``details``: JSON for the error's ``context``. ``max_retries``: the subscriber's own, instead of the queue's.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "TRANSIENT",
        retry_after: float | None = None,
        details: Any = None,
        max_retries: int | None = None,
    ) -> None:
        self.code, self.retry_after, self.details, self.max_retries = code, retry_after, details, max_retries
        super().__init__(message)


class Permanent(Exception):
    """Cannot be handled, however often it is tried. ``details``: JSON for the dead letter's ``error.context``."""

    def __init__(self, message: str, *, code: str = "PERMANENT", details: Any = None) -> None:
        self.code, self.details = code, details
        super().__init__(message)


class SubscriberGone(Permanent):
    """The subscriber does not exist any more, or is switched off."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="SUBSCRIBER_GONE")


@dataclass(frozen=True, slots=True)
class Named:
    """A subscriber for people: ``label`` and, where it has a page, its path."""

    label: str
    href: str = ""


class Finder(Protocol):
    """What every kind of subscriber can do. ``kind`` is what its subscribers' ids begin with, before the colon."""

    kind: str

    def find(self, events: Sequence[StoredEvent]) -> list[Match]:
        """Whom these events concern, in the order in which they are to be handled. Writes nothing; a fixed number of statements.

        One that cannot be judged (its condition raises) is found as well: ``handle`` says what is wrong with it.
        """

    def again(self, event: StoredEvent, subscriber_id: str) -> Match:
        """The match anew, for another attempt. SubscriberGone."""

    def names(self, subscriber_ids: Collection[str]) -> dict[str, Named]:
        """How people call these; those that are gone are left out."""


class Subscriber(Finder, Protocol):
    """A kind that is handled within the router's transaction."""

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        """Handle all of them and return what came of each, or raise, and then nothing of it counts."""


class DeferredSubscriber(Finder, Protocol):
    """A kind that talks to the outside world: sent from an event loop, outside any transaction, at least once."""

    async def send(self, match: Match, attempt: int) -> Handled:
        """Send it. Transient, or anything else for what is not worth another attempt. ``attempt`` counts from 1."""


_kinds: dict[str, Subscriber] = {}
_deferred: dict[str, DeferredSubscriber] = {}


def register(subscriber: Subscriber) -> None:
    """Called from AppConfig.ready()."""
    _kinds[subscriber.kind] = subscriber


def register_deferred(subscriber: DeferredSubscriber) -> None:
    """Called from AppConfig.ready()."""
    _deferred[subscriber.kind] = subscriber


def kinds() -> Mapping[str, Subscriber]:
    """Those that the router handles, by kind, in the order of registration."""
    return _kinds


def deferred_kinds() -> Mapping[str, DeferredSubscriber]:
    """Those that are sent, by kind."""
    return _deferred


def kind_of(subscriber_id: str) -> str:
    return subscriber_id.partition(":")[0]
