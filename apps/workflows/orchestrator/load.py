"""Reading what the engine needs of a run: its head, the executions that signals address, the results that will be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from apps.events.sql import fetch, fetch_each
from apps.workflows.engine.state import Execution, Instance
from apps.workflows.engine.transitions import InstanceStatus, StepStatus
from apps.workflows.models import WorkflowInstance

ByInstance = dict[UUID, dict[UUID, Execution]]


@dataclass(slots=True)
class Loaded:
    """A locked instance, and what the engine does not need to know of it."""

    instance: Instance
    definition_id: UUID
    started_by_id: UUID | None
    parent_execution_id: UUID | None = None
    concurrency_key: str | None = None


_HEAD = """
SELECT now(), id, definition_id, workflow_id, definition_version, status, input::text, output::text, variables::text,
       visits::text, transitions, seq, started_by_id, current_step_id, resume_to, correlation_id, cancellation::text,
       compensation::text, error::text, started_at, completed_at, aliases::text, depth, parent_execution_id, concurrency_key,
       trigger_event_id
FROM workflows_workflowinstance WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """Locked instances by id, their addressed executions, and the transaction's time (None when none was locked)."""

    instances: dict[UUID, Loaded]
    addressed: ByInstance
    now: datetime | None


def lock(ids: Iterable[UUID], addressed: Sequence[UUID], *, wait: bool) -> Locked:
    """Lock instances, in the order of their ids, and read the executions that signals address, once they are locked.

    ``wait`` False: instances that another transaction holds are left out.
    """
    head = _HEAD if wait else _HEAD + " SKIP LOCKED"
    if addressed:
        heads, rows = fetch_each((head, [list(ids)]), (_EXECUTIONS, [addressed]))
    else:
        heads, rows = fetch(head, list(ids)), []
    found = {row[1]: _loaded(row) for row in heads}
    return Locked(found, _with_parents(rows), heads[0][0] if heads else None)


def head_of(row: WorkflowInstance) -> Instance:
    """The engine's view of an instance that was read through the ORM."""
    return Instance(
        id=row.id,
        status=InstanceStatus(row.status),
        input=row.input,
        output=row.output,
        variables=row.variables,
        visits=row.visits,
        transitions=row.transitions,
        seq=row.seq,
        definition={"workflowId": row.workflow_id, "version": row.definition_version},
        started_at=row.started_at,
        correlation_id=row.correlation_id,
        error=row.error,
        cancellation=row.cancellation,
        compensation=row.compensation,
        current_step_id=row.current_step_id,
        resume_to=None if row.resume_to is None else InstanceStatus(row.resume_to),
        completed_at=row.completed_at,
        aliases=row.aliases,
        trigger_event_id=row.trigger_event_id,
        depth=row.depth,
    )


def _loaded(row: Sequence[Any]) -> Loaded:
    instance = Instance(
        id=row[1],
        status=InstanceStatus(row[5]),
        input=_json(row[6]),
        output=_json(row[7]),
        variables=_json(row[8]),
        visits=_json(row[9]),
        transitions=row[10],
        seq=row[11],
        definition={"workflowId": row[3], "version": row[4]},
        current_step_id=row[13],
        resume_to=None if row[14] is None else InstanceStatus(row[14]),
        correlation_id=row[15],
        cancellation=_json(row[16]),
        compensation=_json(row[17]),
        error=_json(row[18]),
        started_at=row[19],
        completed_at=row[20],
        aliases=_json(row[21]),
        depth=row[22],
        trigger_event_id=row[25],
    )
    return Loaded(instance, row[2], row[12], row[23], row[24])


_EXECUTIONS = """
SELECT instance_id, id, step_id, visit, scope, parent_id, branch, status, attempt, seq, output::text, outcome, error::text,
       data::text, started_at, completed_at, CASE WHEN visit = 0 THEN input::text END
FROM workflows_stepexecution WHERE id = ANY(%s)
"""


def executions(ids: Iterable[UUID]) -> ByInstance:
    """Executions by run and id."""
    found: ByInstance = defaultdict(dict)
    for row in fetch(_EXECUTIONS, list(ids)):
        found[row[0]][row[1]] = _execution(row)
    return found


def addressed(ids: Sequence[UUID]) -> ByInstance:
    """Executions with every execution they are nested in, as they are now, without a lock on their runs."""
    return _with_parents(fetch(_EXECUTIONS, list(ids))) if ids else {}


def _with_parents(rows: Sequence[Sequence[Any]]) -> ByInstance:
    """Executions with every execution they are nested in."""
    found: ByInstance = defaultdict(dict)
    while rows:
        for row in rows:
            found[row[0]][row[1]] = _execution(row)
        parents = {(row[0], row[5]) for row in rows if row[5] is not None}
        missing = [parent for instance_id, parent in parents if parent not in found[instance_id]]
        rows = fetch(_EXECUTIONS, missing) if missing else []
    return found


def _execution(row: Sequence[Any]) -> Execution:
    return Execution(
        id=row[1],
        step_id=row[2],
        visit=row[3],
        scope=row[4],
        parent_id=row[5],
        branch=row[6],
        status=StepStatus(row[7]),
        attempt=row[8],
        seq=row[9],
        output=_json(row[10]),
        outcome=row[11],
        error=_json(row[12]),
        data=_json(row[13]),
        started_at=row[14],
        completed_at=row[15],
        input=_json(row[16]),  # of an item; nothing else is looked at again
    )


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
