"""Events from outside: checked against what is known of them, refused while their queue is full, recorded once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction

from apps.auth.access import require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.events.checks import check_event, in_force
from apps.events.models import EventQueue
from apps.events.queueing import Queue, queue_for
from apps.events.selectors.published import Known, kept_definitions_of
from apps.events.sql import fetch
from apps.validation.problems import TooManyRequests, Unavailable, Unprocessable
from apps.validation.schemas import check_document, fits_document
from apps.validation.violations import Violation

from .recording import NewEvent, record_new

MOST = 1_000
FROM_OUTSIDE = ("external", "integration")
DEPTH_KEPT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of events, in the order they were given in: (eventId, whether it was recorded before)."""

    events: list[tuple[str, bool]]

    def as_json(self) -> dict[str, Any]:
        duplicates = sum(again for _, again in self.events)
        return {
            "accepted": len(self.events) - duplicates,
            "duplicates": duplicates,
            "events": [{"eventId": id_, "status": "duplicate" if again else "accepted"} for id_, again in self.events],
        }


def accept(
    *, actor: User, documents: Sequence[dict[str, Any]], source: Mapping[str, Any] | None = None, single: bool = False
) -> Accepted:
    """Record up to 1,000 events in one commit, all or none.

    Documents are as schemas/eventInstance.json has them; without an eventId they get one. ``source``: what they are said
    to come from, where that is not for the sender to say. ``single``: pointers lead into one document, not into a list.
    Unprocessable with every problem; TooManyRequests while a queue is full, Unavailable while one drains.
    """
    require(actor, "record:event")
    if not documents:
        raise Unprocessable("There is no event.", violations=[Violation("required", "Give at least one event.", "")])
    if len(documents) > MOST:
        violation = Violation("too-many", f"At most {MOST} events fit one call.", "", hint="Send several.")
        raise Unprocessable("There are too many events.", violations=[violation])
    events, found = check(documents, actor=actor, source=source, single=single)
    if found:
        raise Unprocessable("No event was recorded.", violations=found)
    _refuse_when_full({queue_for(event.pattern).id: queue_for(event.pattern) for event in events}.values())
    with transaction.atomic():
        fresh = record_new(events)
    told = []
    for event in events:
        told.append((event.event_id, event.event_id not in fresh))
        fresh.discard(event.event_id)
    return Accepted(told)


def check(
    documents: Sequence[dict[str, Any]],
    *,
    actor: User,
    source: Mapping[str, Any] | None = None,
    single: bool = False,
) -> tuple[list[NewEvent], list[Violation]]:
    """The events as they would be recorded, and everything that is wrong with them. Two statements at most."""
    found: list[Violation] = []
    whole: list[tuple[str, dict[str, Any]]] = []
    for index, document in enumerate(documents):
        pointer = "" if single else f"/{index}"
        if not fits_document("eventInstance", document) and (broken := check_document("eventInstance", document)):
            found += [each.under(pointer) for each in broken]
        else:
            whole.append((pointer, document))
    known = kept_definitions_of({document["pattern"] for _, document in whole})
    events = []
    for pointer, document in whole:
        event, problems = _event(document, known.get(document["pattern"]), actor, source)
        found += [each.under(pointer) for each in problems]
        events.append(event)
    return events, found


def _event(
    document: dict[str, Any], known: Known | None, actor: User, source: Mapping[str, Any] | None
) -> tuple[NewEvent, list[Violation]]:
    payload = document.get("payload")
    given = dict(source or document.get("source") or {"type": "external", "id": str(actor.pk), "name": actor.username})
    found = [] if source is not None else _check_source(given)
    if len(orjson.dumps(payload)) > settings.AUGMENTED_MAX_EVENT:
        message = f"A payload has {settings.AUGMENTED_MAX_EVENT} bytes at most; keep a reference to what is larger."
        found.append(Violation("too-large", message, "/payload"))
    version, wrong = _version(document, known)
    found += wrong
    if known is not None and not wrong and in_force(definition := known.documents[version]):
        found += check_event(definition, payload, given, pattern=document["pattern"])
    metadata = {**document.get("metadata", {}), "userId": str(actor.pk)}
    timestamp = None
    if "timestamp" in document:
        try:
            timestamp = datetime.fromisoformat(document["timestamp"].upper())
        except ValueError:
            found.append(Violation("date-time", "This is no time that a calendar has.", "/timestamp"))
    event_id = document.get("eventId") or str(uuid7())
    return NewEvent(event_id, document["pattern"], payload, given, version, metadata, timestamp), found


def _check_source(source: Mapping[str, Any]) -> list[Violation]:
    if source["type"] in FROM_OUTSIDE:
        return []
    message = f"What comes from outside is {' or '.join(FROM_OUTSIDE)}; {source['type']} is for the platform itself."
    return [Violation("source-type", message, "/source/type", hint="Leave source away, or say external.")]


def _version(document: Mapping[str, Any], known: Known | None) -> tuple[str, list[Violation]]:
    asked = document.get("version")
    if known is None:
        if settings.AUGMENTED_UNKNOWN_EVENTS == "refuse":
            message = f"Nobody has published an event definition for {document['pattern']}."
            hint = "Publish one, or set AUGMENTED_UNKNOWN_EVENTS=accept."
            return asked or "1.0.0", [Violation("unknown-pattern", message, "/pattern", hint=hint)]
        return asked or "1.0.0", []
    if asked is None or asked in known.documents:
        return asked or known.newest, []
    message = f"{document['pattern']} has no published version {asked}."
    return asked, [Violation("unknown-version", message, "/version", hint=f"The newest is {known.newest}.")]


# Back-pressure

_depths: dict[str, tuple[float, int]] = {}


def _refuse_when_full(asked: Any) -> None:
    for queue in asked:
        if queue.status == EventQueue.Status.DRAINING:
            raise Unavailable(
                f"The queue {queue.id} is being drained and takes nothing from outside until it is resumed.",
                code="queue-draining",
                headers={"Retry-After": "30"},
            )
        if _depth(queue) >= queue.high_watermark:
            raise TooManyRequests(
                f"{queue.high_watermark} events wait in the queue {queue.id} already; send more when they are routed.",
                retry_after=30 if queue.status == EventQueue.Status.PAUSED else 2,
                code="queue-full",
            )


def _depth(queue: Queue) -> int:
    """How many events wait, counted up to the watermark; half a second old at most."""
    known = _depths.get(queue.id)
    if known is not None and time.monotonic() - known[0] < DEPTH_KEPT_SECONDS:
        return known[1]
    count = fetch(
        "SELECT count(*) FROM (SELECT 1 FROM events_queuedevent WHERE queue = %s LIMIT %s) q",
        queue.id,
        queue.high_watermark,
    )[0][0]
    _depths[queue.id] = time.monotonic(), count
    return int(count)


def forget_depths() -> None:
    """Count anew the next time."""
    _depths.clear()
