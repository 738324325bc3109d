"""The ready queue: put tasks in, claim them under a lease, settle their results, take back what a dead worker held.

Lock order: queue rows, then task rows, each taken in one statement; workflow instances are locked after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from apps.events import doorbell
from apps.events.services import NewEvent
from apps.events.sql import as_rows, fetch, run
from apps.tasks import live

from .outcomes import ClaimedTask, Lease, TaskOutcome
from .settings import lease_seconds, max_claims


@dataclass(frozen=True, slots=True)
class NewRun:
    """An automated task to be put into the queue. ``delay`` in seconds; ``again``: the task exists and ran before."""

    task_id: UUID
    definition_id: UUID
    workflow_instance_id: UUID | None
    step_id: str
    type: str
    input: Any
    priority: int = 1
    timeout: float | None = None
    delay: float = 0.0
    again: bool = False
    queue: str = doorbell.IO


@dataclass(frozen=True, slots=True)
class Finished:
    """The result a worker reports for a task it holds: COMPLETED, FAILED or TIMED_OUT."""

    task: ClaimedTask
    status: str
    output: Any = None
    outcome: str | None = None
    error: dict[str, Any] | None = None
    started_at: datetime | None = None
    attempts: int = 0
    """Runs of the task so far, this one included; known once the result is settled."""
    events: tuple[NewEvent, ...] = ()
    """What is to be recorded with it."""
    requested_by_id: UUID | None = None
    """Who asked for the task; known once the result is settled."""


_PUT = """
WITH rows AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(
    task_id uuid, definition_id uuid, workflow_instance_id uuid, step_id text, type text, input jsonb,
    priority smallint, timeout float8, delay float8, queue text, worker text)
), queued AS (
  INSERT INTO tasks_readytask (task_id, queue, priority, ready_at, attempt, worker, leased_until)
  SELECT task_id, queue, priority, now() + make_interval(secs => delay), CASE WHEN worker IS NULL THEN 0 ELSE 1 END,
         worker, CASE WHEN worker IS NOT NULL THEN now() + make_interval(secs => %s) END
  FROM rows
)
INSERT INTO tasks_task (id, definition_id, workflow_instance_id, step_id, type, status, priority, input, attempt,
                        timeout, created_at, title, description, candidate_users, candidate_groups, version)
SELECT task_id, definition_id, workflow_instance_id, step_id, type, 'PENDING', priority, input, 0,
       timeout, now(), '', '', '{}', '{}', 1
FROM rows
"""

_PUT_AGAIN = """
WITH rows AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(task_id uuid, delay float8, queue text)
), reset AS (
  UPDATE tasks_task t SET status = 'PENDING', completed_at = NULL FROM rows
  WHERE t.id = ANY(%s) AND t.id = rows.task_id
  RETURNING t.id, t.priority
)
INSERT INTO tasks_readytask (task_id, queue, priority, ready_at, attempt)
SELECT rows.task_id, rows.queue, reset.priority, now() + make_interval(secs => rows.delay), 0
FROM rows JOIN reset ON reset.id = rows.task_id
"""


def put(runs: Sequence[NewRun], lease: Lease | None = None) -> list[ClaimedTask]:
    """Put tasks into the queue; up to ``lease.room`` new ones that are ready now are leased to that worker at once.

    Returns those. Rings for the others when the transaction commits.
    """
    new = [each for each in runs if not each.again]
    claimed: list[ClaimedTask] = []
    rows = []
    left = False
    for each in new:
        mine = lease is not None and len(claimed) < lease.room and each.delay <= 0 and each.queue in lease.queues
        if mine:
            claimed.append(
                ClaimedTask(
                    each.task_id,
                    each.definition_id,
                    each.workflow_instance_id,
                    each.step_id,
                    each.input,
                    1,
                    each.timeout,
                )
            )
        elif each.delay <= 0:
            left = True
        rows.append(
            {
                "task_id": each.task_id,
                "definition_id": each.definition_id,
                "workflow_instance_id": each.workflow_instance_id,
                "step_id": each.step_id,
                "type": each.type,
                "input": each.input,
                "priority": each.priority,
                "timeout": each.timeout,
                "delay": each.delay,
                "queue": each.queue,
                "worker": lease.worker if mine and lease else None,
            }
        )
    if rows:
        run(_PUT, as_rows(rows), lease_seconds())
    if again := [{"task_id": e.task_id, "delay": e.delay, "queue": e.queue} for e in runs if e.again]:
        run(_PUT_AGAIN, as_rows(again), [row["task_id"] for row in again])
        left = left or any(each.again and each.delay <= 0 for each in runs)
    if left:
        doorbell.ring(doorbell.IO)
    return claimed


_CLAIM = """
WITH picked AS (
  SELECT task_id FROM tasks_readytask
  WHERE queue = %s AND worker IS NULL AND ready_at <= now()
  ORDER BY priority DESC, ready_at LIMIT %s FOR UPDATE SKIP LOCKED
), leased AS (
  UPDATE tasks_readytask q
  SET worker = %s, leased_until = now() + make_interval(secs => %s), attempt = q.attempt + 1
  FROM picked WHERE q.task_id = picked.task_id
  RETURNING q.task_id, q.attempt
)
SELECT t.id, t.definition_id, t.workflow_instance_id, t.step_id, t.input::text, leased.attempt, t.timeout
FROM leased, LATERAL (SELECT * FROM tasks_task WHERE id = leased.task_id OFFSET 0) t
"""


def claim(worker: str, queues: Sequence[str], limit: int) -> list[ClaimedTask]:
    """Lease up to ``limit`` ready tasks to ``worker``, the most urgent and then the oldest first."""
    claimed: list[ClaimedTask] = []
    for queue in queues:
        if (room := limit - len(claimed)) <= 0:
            break
        for row in fetch(_CLAIM, queue, room, worker, lease_seconds()):
            value = None if row[4] is None else orjson.loads(row[4])
            claimed.append(ClaimedTask(row[0], row[1], row[2], row[3], value, row[5], row[6]))
    return claimed


_ALONE = "alone."
"""Before a queue's name: the queue of those of its tasks that must run with nothing beside them."""


def claim_alone(worker: str, queues: Sequence[str]) -> list[ClaimedTask]:
    """Lease one task that is on its last attempt, to a worker that has nothing in flight and takes nothing else meanwhile."""
    return claim(worker, [_ALONE + queue for queue in queues], 1)


_SETTLE = """
WITH rows AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(
    task_id uuid, attempt int, status text, output jsonb, outcome text, error jsonb, started_at timestamptz)
), gone AS (
  DELETE FROM tasks_readytask q USING rows
  WHERE q.task_id = ANY(%s) AND q.task_id = rows.task_id AND q.worker = %s AND q.attempt = rows.attempt
  RETURNING q.task_id
)
UPDATE tasks_task t
SET status = rows.status, output = rows.output, outcome = rows.outcome, error = rows.error, attempt = t.attempt + 1,
    executor_id = %s, started_at = coalesce(t.started_at, rows.started_at), completed_at = now()
FROM rows JOIN gone ON gone.task_id = rows.task_id
WHERE t.id = ANY(%s) AND t.id = rows.task_id
RETURNING t.id, t.attempt, t.requested_by_id
"""


def settle(worker: str, results: Sequence[Finished]) -> list[Finished]:
    """Record results and return those that were taken.

    A result is refused when the worker no longer holds that attempt: its lease ran out and the task is somebody else's
    now, or the task was cancelled.
    """
    if not results:
        return []
    rows = [
        {
            "task_id": each.task.task_id,
            "attempt": each.task.attempt,
            "status": each.status,
            "output": each.output,
            "outcome": each.outcome,
            "error": each.error,
            "started_at": each.started_at,
        }
        for each in results
    ]
    ids = [each.task.task_id for each in results]
    taken = {row[0]: row for row in fetch(_SETTLE, as_rows(rows), ids, worker, worker, ids)}
    return [
        replace(each, attempts=row[1], requested_by_id=row[2])
        for each in results
        if (row := taken.get(each.task.task_id)) is not None
    ]


def as_outcome(result: Finished) -> TaskOutcome:
    """What whoever asked for the task is told."""
    return TaskOutcome(
        task_id=result.task.task_id,
        workflow_instance_id=result.task.workflow_instance_id,
        status=result.status,
        output=result.output,
        outcome=result.outcome,
        error=result.error,
    )


def renew(worker: str, task_ids: Sequence[UUID]) -> None:
    """Hold on to tasks that are still being worked on."""
    run(
        "UPDATE tasks_readytask SET leased_until = now() + make_interval(secs => %s)"
        " WHERE worker = %s AND task_id = ANY(%s)",
        lease_seconds(),
        worker,
        list(task_ids),
    )


def withdraw(task_ids: Sequence[UUID]) -> None:
    """Cancel open tasks; a worker that is at one will find its result refused."""
    ids = list(task_ids)
    run("DELETE FROM tasks_readytask WHERE task_id = ANY(%s)", ids)
    cancelled = fetch(
        "UPDATE tasks_task SET status = 'CANCELLED', completed_at = now(), version = version + 1"
        " WHERE id = ANY(%s) AND status IN ('PENDING', 'ASSIGNED', 'RUNNING')"
        " RETURNING type, assignee_id, candidate_users, candidate_groups",
        ids,
    )
    for kind, assignee_id, names, teams in cancelled:
        if kind == "MANUAL":
            live.hint(live.channels_for(people=[assignee_id] if assignee_id else [], names=names, teams=teams))


# A paused task is ready so long after the year 4000 as it had still to wait. Not at 'infinity', which Python cannot read.
_PAUSE = """
UPDATE tasks_readytask SET ready_at = timestamptz '4000-01-01Z' + (greatest(ready_at, now()) - now())
WHERE task_id = ANY(%s) AND worker IS NULL AND ready_at < '4000-01-01Z'
"""
_RESUME = """
UPDATE tasks_readytask SET ready_at = now() + (ready_at - timestamptz '4000-01-01Z')
WHERE task_id = ANY(%s) AND worker IS NULL AND ready_at >= '4000-01-01Z'
"""


def pause(task_ids: Sequence[UUID], *, resume: bool) -> None:
    """Keep tasks that nobody has begun from being begun, or let them wait for what was left of their delay."""
    run(_RESUME if resume else _PAUSE, list(task_ids))
    if resume:
        doorbell.ring(doorbell.IO)


_EXPIRED = """
SELECT q.task_id, t.definition_id, t.workflow_instance_id, t.step_id, q.attempt, q.worker,
       CASE WHEN q.attempt >= %s THEN t.input::text END
FROM tasks_readytask q JOIN tasks_task t ON t.id = q.task_id
WHERE q.worker IS NOT NULL AND q.leased_until < now()
ORDER BY q.leased_until LIMIT 1000 FOR UPDATE OF q SKIP LOCKED
"""


_FREE = """
UPDATE tasks_readytask
SET worker = NULL, leased_until = NULL,
    queue = CASE WHEN attempt >= %s AND NOT starts_with(queue, %s) THEN %s || queue ELSE queue END
WHERE task_id = ANY(%s)
"""


def take_back() -> tuple[int, list[Finished]]:
    """Free the tasks whose lease has run out.

    Returns how many were freed, and as failed those that were claimed so often without a result that they seem to kill
    their workers. A worker takes everything with it that it has in flight, so whoever is about to fail for that has its
    last attempt alone (see :func:`claim_alone`).
    """
    free: list[UUID] = []
    lost: list[Finished] = []
    for task_id, definition_id, instance_id, step_id, attempt, worker, given in fetch(_EXPIRED, max_claims()):
        if attempt < max_claims():
            free.append(task_id)
            continue
        error = {
            "type": "PERMANENT",
            "code": "WORKER_LOST",
            "message": f"The task was begun {attempt} times and every worker that ran it went away without a result.",
            "details": {"attempts": attempt, "lastWorker": worker},
        }
        value = None if given is None else orjson.loads(given)
        task = ClaimedTask(task_id, definition_id, instance_id, step_id, value, attempt)
        lost += settle(worker, [Finished(task, "FAILED", error=error)])
    if free:
        run(_FREE, max_claims() - 1, _ALONE, _ALONE, free)
    return len(free), lost


def has_ready() -> bool:
    """Whether a task lies ready that no worker has taken."""
    return bool(fetch("SELECT 1 FROM tasks_readytask WHERE worker IS NULL AND ready_at <= now() LIMIT 1"))
