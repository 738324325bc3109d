"""What waiting runs wait for, as rows that an event can be matched against: written and closed with the wait itself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.auth.identifiers import uuid7
from apps.events.matching import correlation_key, keep_shapes
from apps.events.sql import as_rows, run
from apps.workflows.engine.state import Subscribe, Unsubscribe

OWNER = "run"
"""Whose shapes those of subscriptions are (see apps.events.matching), and the kind of subscriber that runs are."""

_INSERT = """
INSERT INTO workflows_subscription (id, instance_id, execution_id, purpose, wait_step_id, event_pattern, filter_condition,
                                    correlation, correlation_key, timeout_at, timeout_handler_step_id, lookback, status,
                                    created_at)
SELECT id, instance_id, execution_id, purpose, wait_step_id, event_pattern, filter_condition, correlation, correlation_key,
       timeout_at, timeout_handler_step_id, make_interval(secs => lookback), 'active', now()
FROM json_to_recordset(%s::json) AS r(
  id uuid, instance_id uuid, execution_id uuid, purpose text, wait_step_id text, event_pattern text, filter_condition text,
  correlation jsonb, correlation_key text, timeout_at timestamptz, timeout_handler_step_id text, lookback float8)
"""

_CLOSE = """
UPDATE workflows_subscription s SET status = r.status, closed_at = now(), fulfilled_by_event_id = r.event_id
FROM json_to_recordset(%s::json) AS r(execution_id uuid, status text, event_id text)
WHERE s.execution_id = ANY(%s) AND s.execution_id = r.execution_id AND s.status = 'active'
"""

_CLOSE_ALL = """
UPDATE workflows_subscription SET status = 'cancelled', closed_at = now()
WHERE instance_id = ANY(%s) AND status = 'active'
"""

# A wait that rests has no end in sight; it gets a new one together with its timer.
_PAUSE = "UPDATE workflows_subscription SET timeout_at = NULL WHERE instance_id = %s AND status = 'active'"
_RESUME = """
UPDATE workflows_subscription s SET timeout_at = t.due_at FROM workflows_timer t
WHERE s.instance_id = %s AND s.status = 'active'
  AND t.instance_id = s.instance_id AND t.execution_id = s.execution_id AND t.purpose = 'event'
"""


def begin(found: Sequence[tuple[UUID, Subscribe]]) -> None:
    """Write down what runs begin to wait for."""
    if found:
        rows = [
            {
                "id": uuid7(),
                "instance_id": instance_id,
                "execution_id": each.execution_id,
                "purpose": "cancel" if each.step_id is None else "wait",
                "wait_step_id": each.step_id,
                "event_pattern": each.pattern,
                "filter_condition": each.condition,
                "correlation": each.correlation,
                "correlation_key": correlation_key(each.correlation),
                "timeout_at": each.timeout_at,
                "timeout_handler_step_id": each.timeout_handler,
                "lookback": None if each.lookback is None else each.lookback.total_seconds(),
            }
            for instance_id, each in found
        ]
        keep_shapes(OWNER, [(each.pattern, each.correlation) for _, each in found])
        run(_INSERT, as_rows(rows))


def close(found: Sequence[Unsubscribe]) -> None:
    """Note how waits ended; what is closed already stays as it is."""
    if found:
        rows = [{"execution_id": each.execution_id, "status": each.status, "event_id": each.event_id} for each in found]
        run(_CLOSE, as_rows(rows), [each.execution_id for each in found])


def close_all(instances: Sequence[UUID]) -> None:
    """Note that these runs wait for nothing any more."""
    if instances:
        run(_CLOSE_ALL, list(instances))


def pause(instance_id: UUID, *, resume: bool) -> None:
    """Take the end of a resting run's waits away, or give them the one that their timers have now."""
    run(_RESUME if resume else _PAUSE, instance_id)
