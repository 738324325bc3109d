"""Having subscribers find and handle, so that the failure of one is nobody else's.

All matches of a kind are handed over together, in a savepoint. Where that raises, each half is tried by itself, until what
cannot be handled stands alone. So a batch without trouble costs one call, and one bad match among n costs log n more.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import transaction

from .begun import Note, worker_lost
from .failures import Trouble, connection_is_lost, trouble_of, why_not_storable
from .queueing import Queue
from .services.deliveries import Attempt
from .sql import fetch
from .stored import StoredEvent
from .subscribers import EVERYBODY, Finder, Handled, Match, Subscriber, SubscriberGone, deferred_kinds, kind_of, kinds

log = structlog.get_logger(__name__)

Pair = tuple[Attempt, Match]
_Busy = set[tuple[str, str]]
"""(subscriber, partition) of deliveries that are still open: what comes after them waits its turn."""

Queued = tuple[int, str | None, StoredEvent]
"""A place in a queue, a partition key, and the event there."""


def everybody(kind: str) -> str:
    return f"{kind}:{EVERYBODY}"


def is_everybody(subscriber_id: str) -> bool:
    return subscriber_id.endswith(f":{EVERYBODY}")


# Events that come from their queue

_OPEN = """
SELECT DISTINCT subscriber_id, partition_key FROM events_delivery
WHERE partition_key = ANY(%s) AND next_attempt_at IS NOT NULL
"""


def deliver(queue: Queue, found: Sequence[Queued], note: Note, spoiled: dict[str, Trouble]) -> list[Attempt]:
    """Have everybody handle a batch.

    ``spoiled``: kinds that are not to be asked, and what to say instead; ``""`` stands for every kind.
    """
    events = [event for _, _, event in found]
    where = {event.id: (place, key) for place, key, event in found}
    keys = {key for _, key, _ in found if key is not None}
    busy = {(row[0], row[1]) for row in fetch(_OPEN, list(keys))} if keys else set()

    def attempt(match: Match) -> Attempt:
        place, key = where[match.event.id]
        return Attempt(match.event, match.subscriber_id, queue, key, place)

    attempts: list[Attempt] = []
    for kind in (*kinds().values(), *deferred_kinds().values()):
        trouble = spoiled.get(kind.kind) or spoiled.get("")
        if trouble is None and (note.is_lost(kind.kind) or note.is_lost()):
            trouble = worker_lost()
        note.at(kind.kind)
        matches, lost = ([], [(event, trouble) for event in events]) if trouble is not None else find(kind, events)
        distinct = {(match.event.id, match.subscriber_id): match for match in matches}
        # By event in the order of arrival; within one, as the kind wants it.
        ordered = sorted(distinct.values(), key=lambda match: where[match.event.id][0])
        pairs = [(attempt(match), match) for match in ordered]
        if (inline := kinds().get(kind.kind)) is not None:
            handle(inline, pairs, busy)
        attempts += [each for each, _ in pairs]
        for event, why in lost:
            unknown = attempt(Match(event, everybody(kind.kind)))
            unknown.failed(why)
            attempts.append(unknown)
    note.at("")
    for each in attempts:
        if each.handled is None and each.trouble is None:
            each.attempt = 0  # not tried yet: it waits its turn, or is to be sent
    return attempts


def handle(kind: Subscriber, pairs: Sequence[Pair], busy: _Busy) -> None:
    """Set ``handled`` or ``trouble`` on each attempt; those whose partition is busy are left as they are."""
    free = []
    for attempt, match in pairs:
        if attempt.partition_key is None or (attempt.subscriber_id, attempt.partition_key) not in busy:
            free.append((attempt, match))
    if not free:
        return
    try:
        with transaction.atomic():
            results = _results(kind, [match for _, match in free])
    except Exception as error:
        if connection_is_lost(error):
            raise
        if len(free) == 1:
            _failed(free[0][0], error, busy)
            return
        # Whatever shares a partition comes in order, so the first half is done with before the second begins.
        middle = len(free) // 2
        handle(kind, free[:middle], busy)
        handle(kind, free[middle:], busy)
        return
    for (attempt, _), result in zip(free, results, strict=True):
        attempt.handled = result


def _results(kind: Subscriber, matches: Sequence[Match]) -> list[Handled]:
    """What came of them. What a subscriber must not return is its own defect, and not the end of the whole batch."""
    results = kind.handle(matches)
    if len(results) != len(matches):
        raise ValueError(f"{kind.kind} was given {len(matches)} and returned {len(results)}.")
    if why := why_not_storable([dict(each.result) for each in results]):
        raise ValueError(f"What {kind.kind} returned cannot be kept: {why}")
    return results


def _failed(attempt: Attempt, error: Exception, busy: _Busy) -> None:
    trouble = trouble_of(error)
    if trouble.stack_trace is not None:
        log.error("subscriber.defect", subscriber_id=attempt.subscriber_id, exc_info=error)
    attempt.failed(trouble)
    if attempt.partition_key is not None and not attempt.is_over:
        busy.add((attempt.subscriber_id, attempt.partition_key))


def find(kind: Finder, events: Sequence[StoredEvent]) -> tuple[list[Match], list[tuple[StoredEvent, Trouble]]]:
    """Whom events concern; and the events for which that cannot be said, with why."""
    try:
        with transaction.atomic():
            return kind.find(events), []
    except Exception as error:
        if connection_is_lost(error):
            raise
        if len(events) == 1:
            log.exception("subscriber.not_found", kind=kind.kind, event_id=events[0].event_id)
            return [], [(events[0], trouble_of(error))]
    middle = len(events) // 2
    found, lost = find(kind, events[:middle])
    more_found, more_lost = find(kind, events[middle:])
    return found + more_found, lost + more_lost


# Deliveries that were tried before


def again(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Try deliveries anew, each kind's together. Returns further ones, of subscribers that are found only now."""
    found: list[Attempt] = []
    known = []
    for each in attempts:
        if each.trouble is not None:
            continue
        if is_everybody(each.subscriber_id):
            found += _find_again(each)
        else:
            known.append(each)
    pairs: dict[str, list[Pair]] = {}
    for each, match in _matches(known):
        pairs.setdefault(kind_of(each.subscriber_id), []).append((each, match))
    for name, mine in pairs.items():
        handle(kinds()[name], mine, set())
    return found


def _matches(attempts: Sequence[Attempt]) -> list[Pair]:
    """The matches anew; the attempts for which there is none have failed. By halves, as in ``handle``."""
    if not attempts:
        return []
    try:
        with transaction.atomic():
            return [(each, _match(each)) for each in attempts]
    except Exception as error:
        if connection_is_lost(error):
            raise
        if len(attempts) == 1:
            attempts[0].failed(trouble_of(error))
            return []
    middle = len(attempts) // 2
    return _matches(attempts[:middle]) + _matches(attempts[middle:])


def _match(attempt: Attempt) -> Match:
    name = kind_of(attempt.subscriber_id)
    if (kind := kinds().get(name)) is not None:
        return kind.again(attempt.event, attempt.subscriber_id)
    if name in deferred_kinds():
        raise SubscriberGone("The event is older than the store keeps, so it cannot be sent any more.")
    raise _no_such_kind(name)


def _no_such_kind(name: str) -> SubscriberGone:
    return SubscriberGone(f"This installation has no subscribers of the kind {name}.")


_KNOWN = "SELECT subscriber_id FROM events_delivery WHERE event = %s AND recorded_at = %s"


def _find_again(lost: Attempt) -> list[Attempt]:
    """Handle an event of which it could not be said whom it concerns; of kinds that are sent, have it sent."""
    name = kind_of(lost.subscriber_id)
    kind: Finder | None = kinds().get(name) or deferred_kinds().get(name)
    if kind is None:
        lost.failed(trouble_of(_no_such_kind(name)))
        return []
    matches, unknown = find(kind, [lost.event])
    if unknown:
        lost.failed(unknown[0][1])
        return []
    known = {row[0] for row in fetch(_KNOWN, lost.event.id, lost.event.recorded_at)}
    fresh = {match.subscriber_id: match for match in matches if match.subscriber_id not in known}
    pairs = [(Attempt(lost.event, id_, lost.queue, None, lost.place), match) for id_, match in fresh.items()]
    if (inline := kinds().get(name)) is not None:
        handle(inline, pairs, set())
    for attempt, _ in pairs:
        if attempt.handled is None and attempt.trouble is None:
            attempt.attempt = 0  # to be sent
    lost.handled = Handled({"subscribers": [attempt.subscriber_id for attempt, _ in pairs][:100]})
    return [attempt for attempt, _ in pairs]
