"""Looking back: a wait with ``lookback`` also takes an event that came before it began.

An event must not fall between what was looked through and what the router brings. So a wait looks back only in a later
transaction than the one that wrote its subscription: an event that was committed before the subscription is seen by the look
back, and one that was committed after it meets the subscription when it is routed, since the router looks for subscribers
once the event is committed. What came in between is brought by both: the first signal moves the run on, the second comes too
late. For the same reason there is no upper limit to the time that is looked through: an event may bear an earlier time than
the subscription and be committed after it, or the other way round.

Each turn looks through one page of events, the oldest first, and asks for the next. That request lies in the run's inbox
behind the events that were found, so it is void where one of those ended the wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from apps.events import doorbell
from apps.events.matching import correlation_key
from apps.events.queueing import queue_for
from apps.events.routing import event_of
from apps.events.rules import fits, value_at
from apps.events.services import deliveries
from apps.events.sql import as_rows, fetch
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled
from apps.workflows.engine.state import LookBack, Signal
from apps.workflows.engine.transitions import SignalKind

from . import inbox
from .refusals import subscriber_id

PAGE = 200
_BEGINNING = ("0001-01-01T00:00:00Z", str(UUID(int=0)))

# What the same step, in the same item, has taken at an earlier visit is not taken again. OFFSET 0 keeps each look-up one of
# an index: Postgres takes a JSON parameter for a hundred rows, and would rather read a table whole.
_PAGES = """
SELECT s.execution_id, s.event_pattern, s.correlation::text, s.correlation_key, s.wait_step_id, i.workflow_id,
  EXISTS (
    SELECT 1 FROM workflows_subscription t, LATERAL (
      SELECT scope FROM workflows_stepexecution WHERE id = t.execution_id OFFSET 0) x
    WHERE t.instance_id = s.instance_id AND t.fulfilled_by_event_id = e.event_id AND t.wait_step_id = s.wait_step_id
      AND x.scope = mine.scope OFFSET 0),
  e.id, e.event_id, e.pattern, e.version, e.source::text, e.payload::text, e.metadata::text, e.timestamp, e.recorded_at
FROM json_to_recordset(%s::json) AS r(execution_id uuid, after_at timestamptz, after_id uuid), LATERAL (
  SELECT * FROM workflows_subscription
  WHERE execution_id = r.execution_id AND status = 'active' AND lookback IS NOT NULL AND {which} OFFSET 0) s, LATERAL (
  SELECT workflow_id FROM workflows_workflowinstance WHERE id = s.instance_id OFFSET 0) i, LATERAL (
  SELECT scope FROM workflows_stepexecution WHERE id = s.execution_id OFFSET 0) mine, LATERAL (
  SELECT * FROM events_event
  WHERE {of_pattern} recorded_at >= s.created_at - s.lookback AND (recorded_at, id) > (r.after_at, r.after_id)
  ORDER BY recorded_at, id LIMIT {page}) e
ORDER BY s.execution_id, e.recorded_at, e.id
"""
_OF_A_PATTERN = _PAGES.format(
    which="strpos(event_pattern, '*') = 0", of_pattern="pattern = s.event_pattern AND", page=PAGE
)
# A pattern with a wildcard is held against every event of the time.
_OF_THE_TIME = _PAGES.format(which="strpos(event_pattern, '*') > 0", of_pattern="", page=PAGE)


def look(found: Sequence[tuple[UUID, LookBack]]) -> None:
    """Look through one page of events for each of these waits; two statements, and two more where there is something."""
    if not found:
        return
    instances = {each.execution_id: instance_id for instance_id, each in found}
    rows = as_rows([_row(each) for _, each in found])
    pages: dict[UUID, list[tuple[Any, ...]]] = {}
    for row in (*fetch(_OF_A_PATTERN, rows), *fetch(_OF_THE_TIME, rows)):
        pages.setdefault(row[0], []).append(row)
    signals: list[tuple[UUID, Signal]] = []
    brought: list[deliveries.Attempt] = []
    for execution_id, page in pages.items():
        instance_id = instances[execution_id]
        for row in page:
            event = event_of(row[7:])
            if not row[6] and _may_be_meant(event, row[1], orjson.loads(row[2]), row[3]):
                signals.append((instance_id, Signal(SignalKind.EVENT, execution_id, {"event": event.document})))
                brought.append(_delivery(event, instance_id, row))
        if len(page) == PAGE:
            after = [page[-1][15].isoformat(), str(page[-1][7])]
            signals.append((instance_id, Signal(SignalKind.LOOK_BACK, execution_id, {"after": after})))
    inbox.post(signals)
    deliveries.write(brought, first=True)
    if signals:
        doorbell.ring(doorbell.ORCHESTRATOR)


def _row(command: LookBack) -> dict[str, Any]:
    at, id_ = command.after or _BEGINNING
    return {"execution_id": command.execution_id, "after_at": at, "after_id": id_}


def _may_be_meant(event: StoredEvent, pattern: str, correlation: dict[str, Any], key: str) -> bool:
    """What the router finds by an index: the pattern fits, and what must be equal is."""
    if not fits(pattern, event.pattern):
        return False
    values = {path: value_at(event.document, path) for path in correlation}
    there = all(found for found, _ in values.values())
    return there and correlation_key({path: value for path, (_, value) in values.items()}) == key


def _delivery(event: StoredEvent, instance_id: UUID, row: tuple[Any, ...]) -> deliveries.Attempt:
    """That the event came to this run too, for its story; where the router was first, its own row stays."""
    queue = queue_for(event.pattern)
    attempt = deliveries.Attempt(event, subscriber_id(instance_id, row[0]), queue, None, 0)
    told = {"instanceId": str(instance_id), "workflowId": row[5], "stepId": row[4], "lookedBack": True}
    attempt.handled = Handled(told)
    return attempt
