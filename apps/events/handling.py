"""Having subscribers handle what was found for them, so that the failure of one is nobody else's.

All matches of a kind are handed over together, in a savepoint. Where that raises, each half is tried by itself, until what
cannot be handled stands alone. So a batch without trouble costs one call, and one bad match among n costs log n more.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import transaction

from .failures import Trouble, connection_is_lost, trouble_of
from .services.deliveries import Attempt
from .stored import StoredEvent
from .subscribers import Finder, Match, Subscriber

log = structlog.get_logger(__name__)

Pair = tuple[Attempt, Match]
_Busy = set[tuple[str, str]]
"""(subscriber, partition) of deliveries that are still open: what comes after them waits its turn."""


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
            results = kind.handle([match for _, match in free])
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
