"""Reading the event store: lists, one event, and its story."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import DeadLetter, Delivery, Event, EventKey
from apps.events.rules import ends_of, regex_of
from apps.validation.problems import NotFound

from .dead_letters import names_of

LONGEST_CHAIN = 20
MOST_CAUSED = 100
MOST_DELIVERIES = 200
MOST_ALIKE = 20
SCANNED = timedelta(days=7)


def events(
    actor: User,
    *,
    pattern: str = "",
    source_type: str = "",
    correlation_id: str = "",
    causation_id: str = "",
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Event]:
    """The events that fit all of what is given, unordered. ``pattern`` may have wildcards; ``search`` looks into ids, names
    and the texts of payloads. ``since`` and ``until`` are times of recording. AccessDenied.

    What no index helps to find is looked for among the young, unless times are given: see :func:`is_scanned`.
    """
    require(actor, "view:event")
    rows = Event.objects.all()
    if is_scanned(
        pattern=pattern,
        source_type=source_type,
        correlation_id=correlation_id,
        causation_id=causation_id,
        search=search,
        since=since,
        until=until,
    ):
        since = timezone.now() - SCANNED
    if pattern:
        rows = rows.filter(_named(pattern))
    if source_type:
        rows = rows.filter(source__type=source_type)
    if correlation_id:
        rows = rows.filter(correlation_id=correlation_id)
    if causation_id:
        rows = rows.filter(causation_id=causation_id)
    if since:
        rows = rows.filter(recorded_at__gte=since)
    if until:
        rows = rows.filter(recorded_at__lt=until)
    if search:
        rows = rows.filter(
            Q(event_id=search) | Q(correlation_id=search) | Q(pattern__icontains=search) | Q(payload__icontains=search)
        )
    return rows


def is_scanned(
    *,
    pattern: str = "",
    source_type: str = "",
    correlation_id: str = "",
    causation_id: str = "",
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> bool:
    """Whether :func:`events` looks through those of the last seven days only: the store may hold very many."""
    indexed = correlation_id or causation_id or (pattern and ends_of(pattern)[0])
    return bool((search or source_type or pattern) and not indexed and not since and not until)


def _named(pattern: str) -> Q:
    if "*" not in pattern:
        return Q(pattern=pattern)
    head, _ = ends_of(pattern)
    fitting = Q(pattern__regex=regex_of(pattern))
    return fitting & Q(pattern__startswith=head) if head else fitting


def find_event(actor: User, event_id: str) -> Event:
    """NotFound, AccessDenied. Two look-ups by index, whatever the number of weeks."""
    require(actor, "view:event")
    key = EventKey.objects.filter(event_id=event_id).first()
    row = None if key is None else Event.objects.filter(id=key.id, recorded_at=key.recorded_at).first()
    if row is None:
        raise NotFound(f"There is no event {event_id}.")
    return row


def is_kept(event_id: str) -> bool:
    """Whether there is an event with this id, and its week has not been dropped."""
    return EventKey.objects.filter(event_id=event_id).exists()


def shown(row: Event) -> dict[str, Any]:
    """An event as schemas/eventInstance.json has it, with when it was recorded."""
    return {**row.stored().document, "recordedAt": row.recorded_at}


def story(actor: User, event_id: str) -> dict[str, Any]:
    """What caused an event, what became of it at each subscriber, and what it caused in turn.

    {event, causes: [nearest first], deliveries, caused, moreCaused, alike (of the same correlationId)}.
    """
    row = find_event(actor, event_id)
    caused = list(Event.objects.filter(causation_id=event_id).order_by("recorded_at", "id")[: MOST_CAUSED + 1])
    alike: Sequence[Event] = []
    if row.correlation_id:
        same = Event.objects.filter(correlation_id=row.correlation_id).exclude(id=row.id)
        alike = list(same.order_by("-recorded_at", "-id")[:MOST_ALIKE])
    return {
        "event": shown(row),
        "causes": [_brief(each) for each in _causes(row)],
        "deliveries": deliveries_of(row),
        "caused": _with_counts(caused[:MOST_CAUSED]),
        "moreCaused": len(caused) > MOST_CAUSED,
        "alike": [_brief(each) for each in alike],
    }


def _causes(row: Event) -> Iterator[Event]:
    seen = {row.event_id}
    for _ in range(LONGEST_CHAIN):
        if row.causation_id is None or row.causation_id in seen:
            return
        seen.add(row.causation_id)
        key = EventKey.objects.filter(event_id=row.causation_id).first()
        cause = None if key is None else Event.objects.filter(id=key.id, recorded_at=key.recorded_at).first()
        if cause is None:
            return
        yield cause
        row = cause


def _brief(row: Event) -> dict[str, Any]:
    return {
        "eventId": row.event_id,
        "pattern": row.pattern,
        "source": row.source,
        "timestamp": row.timestamp,
        "recordedAt": row.recorded_at,
    }


def _with_counts(rows: Sequence[Event]) -> list[dict[str, Any]]:
    """Events with how many each has caused in turn."""
    ids = [row.event_id for row in rows]
    counted = (
        Event.objects.filter(causation_id__in=ids).values("causation_id").annotate(count=Count("pk")) if ids else []
    )
    counts = {each["causation_id"]: each["count"] for each in counted}
    return [{**_brief(row), "caused": counts.get(row.event_id, 0)} for row in rows]


def deliveries_of(row: Event) -> list[dict[str, Any]]:
    """What became of an event at its subscribers, what failed first."""
    rows = list(
        Delivery.objects.filter(event=row.id, recorded_at=row.recorded_at).order_by("subscriber_id")[:MOST_DELIVERIES]
    )
    letters = dict(DeadLetter.objects.filter(event=row.id).values_list("subscriber_id", "id"))
    urgency = {
        Delivery.Status.DEAD: 0,
        Delivery.Status.RETRYING: 1,
        Delivery.Status.HANDLED: 2,
        Delivery.Status.SKIPPED: 3,
    }
    found = shown_deliveries(sorted(rows, key=lambda each: urgency[Delivery.Status(each.status)]))
    return [{**each, "deadLetterId": letters.get(each["subscriberId"])} for each in found]


def deliveries(actor: User, subscriber_id: str) -> QuerySet[Delivery]:
    """What one subscriber was handed, unordered. AccessDenied."""
    require(actor, "view:event")
    return Delivery.objects.filter(subscriber_id=subscriber_id)


def shown_deliveries(rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Deliveries for people: {eventId, subscriberId, subscriber, status, result, attempts, nextAttemptAt, error, history, …}."""
    names = names_of({row.subscriber_id for row in rows})
    return [
        {
            "eventId": row.event_id,
            "subscriberId": row.subscriber_id,
            "kind": row.kind,
            "subscriber": {"label": names[row.subscriber_id].label, "href": names[row.subscriber_id].href},
            "status": row.status,
            "result": row.result,
            "attempts": row.attempts,
            "nextAttemptAt": row.next_attempt_at,
            "error": row.error,
            "history": row.history,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
        }
        for row in rows
    ]
