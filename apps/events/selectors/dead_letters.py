"""Reading dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import DeadLetter
from apps.events.subscribers import EVERYBODY, Named, deferred_kinds, kind_of, kinds
from apps.validation.problems import NotFound

_OPEN = (DeadLetter.Status.PENDING.value, DeadLetter.Status.REPROCESSING.value)


def filtered(
    *,
    status: Sequence[str] = (),
    subscriber_id: str = "",
    kind: str = "",
    pattern: str = "",
    error_type: str = "",
    error_code: str = "",
    event_id: str = "",
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    ids: Sequence[UUID] = (),
) -> QuerySet[DeadLetter]:
    """The letters that fit all of what is given, unordered."""
    rows = DeadLetter.objects.all()
    exact = {
        "subscriber_id": subscriber_id,
        "kind": kind,
        "pattern": pattern,
        "error_type": error_type,
        "error_code": error_code,
        "event_id": event_id,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if status:
        rows = rows.filter(status__in=list(status))
    if ids:
        rows = rows.filter(id__in=list(ids))
    if since:
        rows = rows.filter(created_at__gte=since)
    if until:
        rows = rows.filter(created_at__lt=until)
    if search:
        rows = rows.filter(
            Q(event_id__icontains=search)
            | Q(pattern__icontains=search)
            | Q(subscriber_id__icontains=search)
            | Q(error__message__icontains=search)
        )
    return rows


def letters(actor: User, **filters: Any) -> QuerySet[DeadLetter]:
    """The same, for who may see them."""
    require(actor, "view:event")
    return filtered(**filters)


def find_letter(actor: User, letter_id: UUID) -> DeadLetter:
    """NotFound, AccessDenied."""
    require(actor, "view:event")
    letter = DeadLetter.objects.filter(id=letter_id).first()
    if letter is None:
        raise NotFound(f"There is no dead letter {letter_id}.")
    return letter


def groups(actor: User, **filters: Any) -> list[dict[str, Any]]:
    """How many pending letters there are by subscriber and error, the most first: what one replay may be about."""
    rows = letters(actor, **filters).filter(status=DeadLetter.Status.PENDING)
    counted = rows.values("subscriber_id", "error_code").annotate(count=Count("pk")).order_by("-count", "subscriber_id")
    found = list(counted[:100])
    names = names_of({row["subscriber_id"] for row in found})
    return [
        {
            "subscriberId": row["subscriber_id"],
            "subscriber": names[row["subscriber_id"]].label,
            "errorCode": row["error_code"],
            "count": row["count"],
        }
        for row in found
    ]


def tally(actor: User, **filters: Any) -> dict[str, int]:
    """How many are pending and how many are being replayed: {pending, reprocessing}. AccessDenied."""
    rows = letters(actor, **filters | {"status": _OPEN})
    counted = dict(rows.values_list("status").annotate(Count("pk")))
    return {status: counted.get(status, 0) for status in _OPEN}


def pending_up_to(actor: User, limit: int) -> int:
    """How many are pending, counted no further than to ``limit``. AccessDenied."""
    return letters(actor, status=[DeadLetter.Status.PENDING])[:limit].count()


def names_of(subscriber_ids: set[str]) -> dict[str, Named]:
    """How people call subscribers; one that is gone goes by its id."""
    found: dict[str, Named] = {}
    for name, kind in {**kinds(), **deferred_kinds()}.items():
        mine = {each for each in subscriber_ids if kind_of(each) == name}
        if (everybody := f"{name}:{EVERYBODY}") in mine:
            found[everybody] = Named(f"Every {name} it may concern")
            mine.remove(everybody)
        if mine:
            found |= kind.names(mine)
    return {each: found.get(each, Named(each)) for each in subscriber_ids}


def briefs(rows: QuerySet[DeadLetter] | Sequence[DeadLetter]) -> list[dict[str, Any]]:
    """Letters for a list: without the event and the history, which may be long."""
    names = names_of({row.subscriber_id for row in rows})
    return [
        {
            "id": str(row.id),
            "eventId": row.event_id,
            "pattern": row.pattern,
            "subscriberId": row.subscriber_id,
            "kind": row.kind,
            "subscriber": names[row.subscriber_id],
            "error": row.error,
            "retryCount": row.retry_count,
            "status": row.status,
            "replayAt": row.replay_at,
            "createdAt": row.created_at,
        }
        for row in rows
    ]


def shown(rows: Sequence[DeadLetter]) -> list[dict[str, Any]]:
    """Letters as schemas/deadLetter.json has them, with the subscriber's name."""
    names = names_of({row.subscriber_id for row in rows})
    return [
        {
            "id": str(row.id),
            "eventId": row.event_id,
            "pattern": row.pattern,
            "subscriberId": row.subscriber_id,
            "subscriber": {"label": names[row.subscriber_id].label, "href": names[row.subscriber_id].href},
            "originalEvent": row.original_event,
            "error": row.error,
            "retryHistory": row.retry_history,
            "retryCount": row.retry_count,
            "maxRetries": row.max_retries,
            "status": row.status,
            "replayAt": row.replay_at,
            "resolution": row.resolution,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
        }
        for row in rows
    ]
