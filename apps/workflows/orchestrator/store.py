"""Writing what a wave decided: a handful of statements, whatever the number of runs and steps in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.events import doorbell
from apps.events.services import NewEvent, record_events
from apps.events.sql import as_rows, fetch, pipeline, run
from apps.tasks.runtime import queue
from apps.tasks.runtime.manual import NewManualTask, open_tasks
from apps.tasks.runtime.outcomes import ClaimedTask, Lease
from apps.workflows.engine.state import (
    ITEM,
    AnotherTurn,
    ArmTimer,
    CancelBelow,
    CancelChild,
    CancelWork,
    Command,
    Decision,
    DisarmTimers,
    EmitEvent,
    Execution,
    Instance,
    LookBack,
    OpenHumanTask,
    PauseWork,
    RefuseEvent,
    RunTask,
    Signal,
    StartChild,
    Subscribe,
    Unsubscribe,
)
from apps.workflows.engine.transitions import SignalKind

from . import children, endings, lookback, refusals, subscriptions
from .births import NewInstance, head_row, insert
from .inbox import post

__all__ = ["Decided", "NewInstance", "insert", "post", "roll_back", "save", "save_first"]

ENTRIES = 500
"""How many history entries a record holds at most."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision to be written. ``started_by``: who a task opened for a person was asked for by.

    ``types``: the types of the steps that its definition has; None when that is not known.
    """

    decision: Decision
    started_by_id: UUID | None = None
    ties: endings.Ties = endings.NO_TIES
    types: frozenset[str] | None = None

    def may_have(self, step_type: str) -> bool:
        return self.types is None or step_type in self.types


# Rows are updated by `id = ANY(ids)` as well as by the join: Postgres takes a JSON parameter for a hundred rows, and would
# rather read a table of some thousand rows whole than look each of them up.
_STEPS = """
new AS (
  INSERT INTO workflows_stepexecution (id, instance_id, step_id, visit, scope, parent_id, branch, status, attempt, seq, input,
                                       output, outcome, error, data, started_at, completed_at)
  SELECT id, instance_id, step_id, visit, scope, parent_id, branch, status, attempt, seq, input,
         output, outcome, error, data, started_at, completed_at
  FROM json_to_recordset(%s::json) AS r(
    id uuid, instance_id uuid, step_id text, visit int, scope text, parent_id uuid, branch int, status text, attempt int,
    seq int, input jsonb, output jsonb, outcome text, error jsonb, data jsonb, started_at timestamptz,
    completed_at timestamptz)
), changed AS (
  UPDATE workflows_stepexecution e SET
    status = r.status, attempt = r.attempt, seq = r.seq, input = coalesce(r.input, e.input), output = r.output,
    outcome = r.outcome, error = r.error, data = r.data, started_at = r.started_at,
    completed_at = r.completed_at
  FROM json_to_recordset(%s::json) AS r(
    id uuid, status text, attempt int, seq int, input jsonb, output jsonb, outcome text, error jsonb, data jsonb,
    started_at timestamptz, completed_at timestamptz)
  WHERE e.id = ANY(%s) AND e.id = r.id
)
INSERT INTO workflows_historyrecord (instance_id, first_seq, last_seq, at, entries)
SELECT instance_id, first_seq, last_seq, now(), entries
FROM json_to_recordset(%s::json) AS r(instance_id uuid, first_seq int, last_seq int, entries jsonb)
"""

_SAVE = (
    """
WITH heads AS (
  UPDATE workflows_workflowinstance i SET
    status = r.status, output = r.output, variables = r.variables, visits = r.visits, transitions = r.transitions,
    seq = r.seq, version = i.version + 1, current_step_id = r.current_step_id, resume_to = r.resume_to,
    cancellation = r.cancellation, compensation = r.compensation, error = r.error, updated_at = now(),
    completed_at = r.completed_at
  FROM json_to_recordset(%s::json) AS r(
    id uuid, status text, output jsonb, variables jsonb, visits jsonb, transitions int, seq int, current_step_id text,
    resume_to text, cancellation jsonb, compensation jsonb, error jsonb, completed_at timestamptz)
  WHERE i.id = ANY(%s) AND i.id = r.id
), """
    + _STEPS
)
_SAVE_FIRST = "WITH " + _STEPS

_INSERT_TIMERS = """
INSERT INTO workflows_timer (instance_id, execution_id, purpose, due_at)
SELECT instance_id, execution_id, purpose, due_at
FROM json_to_recordset(%s::json) AS r(instance_id uuid, execution_id uuid, purpose text, due_at timestamptz)
"""

_DELETE_TIMERS = "DELETE FROM workflows_timer WHERE instance_id = ANY(%s) AND execution_id = ANY(%s)"

_CANCEL_BELOW = """
WITH RECURSIVE below AS (
  SELECT e.id FROM workflows_stepexecution e
  WHERE e.parent_id = %s AND e.status IN ('PENDING', 'RUNNING', 'WAITING')
  UNION ALL
  SELECT e.id FROM below, LATERAL (
    SELECT id FROM workflows_stepexecution
    WHERE parent_id = below.id AND status IN ('PENDING', 'RUNNING', 'WAITING') OFFSET 0) e
)
UPDATE workflows_stepexecution e SET status = 'CANCELLED', completed_at = now(), data = NULL
WHERE e.id = ANY(ARRAY(SELECT id FROM below))
RETURNING e.id
"""

_CANCEL_ALL = """
UPDATE workflows_stepexecution SET status = 'CANCELLED', completed_at = now(), data = NULL
WHERE instance_id = %s AND status IN ('PENDING', 'RUNNING', 'WAITING')
RETURNING id
"""

_PAUSE_TIMERS = """
UPDATE workflows_timer SET due_at = NULL, remaining = due_at - now() WHERE instance_id = %s AND due_at IS NOT NULL
"""

_RESUME_TIMERS = """
UPDATE workflows_timer SET due_at = now() + remaining, remaining = NULL WHERE instance_id = %s AND due_at IS NULL
"""


def save(decided: Sequence[Decided], *, now: datetime, lease: Lease | None) -> list[ClaimedTask]:
    """Write decisions about locked instances. Returns the tasks that ``lease`` got."""
    decisions = [each.decision for each in decided]
    with pipeline():
        run("SAVEPOINT wave")
        _cancel(decided)
        heads = [head_row(decision.instance) for decision in decisions]
        run(_SAVE, as_rows(heads), [row["id"] for row in heads], *_step_rows(decided))
        return _carry_out(decided, now=now, lease=lease)


def roll_back() -> None:
    """Undo a ``save`` that the database refused, and nothing before it."""
    run("ROLLBACK TO SAVEPOINT wave")
    # Where the ORM met the error it holds the whole transaction for lost, which it is not any more.
    transaction.set_rollback(False)


def save_first(decided: Decided, new: NewInstance, *, now: datetime) -> None:
    """Insert an instance together with its first decision."""
    with pipeline():
        insert([(decided.decision.instance, new)])
        run(_SAVE_FIRST, *_step_rows([decided]))
        _carry_out([decided], now=now, lease=None)


def _step_rows(decided: Sequence[Decided]) -> tuple[str, str, list[UUID], str]:
    """The parameters of _STEPS: executions to insert, executions to update with their ids, history."""
    decisions = [each.decision for each in decided]
    new = [_execution_row(d.instance.id, each) for d in decisions for each in d.new]
    changed = [_execution_row(d.instance.id, each) for d in decisions for each in d.changed]
    for row in changed:
        if row["visit"] == ITEM:
            row["input"] = None  # which leaves it as it is
    history = [
        {
            "instance_id": d.instance.id,
            "first_seq": entries[0]["seq"],
            "last_seq": entries[-1]["seq"],
            "entries": entries,
        }
        for d in decisions
        for entries in _records(d.history)
    ]
    return as_rows(new), as_rows(changed), [row["id"] for row in changed], as_rows(history)


def _records(history: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, len(history), ENTRIES):
        yield history[first : first + ENTRIES]


def _carry_out(decided: Sequence[Decided], *, now: datetime, lease: Lease | None) -> list[ClaimedTask]:
    """Do what the commands say, together for the whole wave."""
    runs: list[queue.NewRun] = []
    manual: list[NewManualTask] = []
    timers: list[dict[str, Any]] = []
    events: list[NewEvent] = []
    disarm: list[UUID] = []
    withdraw: list[UUID] = []
    pauses: list[tuple[Decided, bool]] = []
    turns: list[tuple[UUID, Signal]] = []
    born: list[children.Birth] = []
    down: list[Any] = []
    begun: list[tuple[UUID, Subscribe]] = []
    over: list[Unsubscribe] = []
    silent: list[UUID] = []
    refused: list[tuple[UUID, RefuseEvent]] = []
    looks: list[tuple[UUID, LookBack]] = []
    for each in decided:
        instance = each.decision.instance
        for command in _in_effect(each.decision.commands):
            match command:
                case RunTask():
                    runs.append(_new_run(instance, command))
                case OpenHumanTask():
                    manual.append(
                        NewManualTask(
                            command.execution_id,
                            command.definition_id,
                            instance.id,
                            command.step_id,
                            command.input,
                            command.manual,
                            each.started_by_id,
                        )
                    )
                case ArmTimer():
                    timers.append(
                        {
                            "instance_id": instance.id,
                            "execution_id": command.execution_id,
                            "purpose": command.purpose,
                            "due_at": command.due,
                        }
                    )
                case EmitEvent():
                    events.append(_new_event(instance, command))
                case DisarmTimers():
                    disarm += command.execution_ids
                case CancelWork():
                    withdraw += command.execution_ids
                    if each.may_have("EVENT_WAIT"):
                        over += [Unsubscribe(execution_id, "cancelled") for execution_id in command.execution_ids]
                case PauseWork():
                    pauses.append((each, command.resume))
                case AnotherTurn():
                    turns.append((instance.id, Signal(SignalKind.CONTINUE, command.execution_id)))
                case StartChild():
                    born.append(children.Birth(command, instance, each.started_by_id))
                case CancelChild():
                    down += children.cancel(instance, command.execution_ids, compensate=command.compensate)
                case Subscribe():
                    begun.append((instance.id, command))
                    if command.lookback is not None:
                        turns.append((instance.id, Signal(SignalKind.LOOK_BACK, command.execution_id)))
                case LookBack():
                    looks.append((instance.id, command))
                case Unsubscribe(execution_id=None):
                    silent.append(instance.id)
                case Unsubscribe():
                    over.append(command)
                case RefuseEvent():
                    refused.append((instance.id, command))
    # Before anything is begun: an execution that is tried again lets go of its old task and timer, and keeps the new.
    _withdraw([each.decision.instance.id for each in decided], withdraw, disarm)
    claimed = queue.put(runs, lease)
    open_tasks(manual, now)
    if timers:
        run(_INSERT_TIMERS, as_rows(timers))
    record_events(events)
    subscriptions.close(over)
    subscriptions.close_all(silent)
    subscriptions.begin(begun)
    refusals.refuse(refused)
    lookback.look(looks)
    for paused, resume in pauses:
        _pause(paused, resume=resume)
    if turns:
        post(turns)
        doorbell.ring(doorbell.ORCHESTRATOR)
    children.post_down(down)
    endings.follow([(each.decision, each.ties) for each in decided], born, now)
    return claimed


def _in_effect(commands: Sequence[Command]) -> Sequence[Command]:
    """The commands without what a later one of them takes back."""
    if not any(isinstance(each, DisarmTimers | CancelWork) for each in commands):
        return commands
    left: list[Command] = []
    for command in commands:
        if isinstance(command, DisarmTimers | CancelWork):
            begun = (
                ArmTimer
                if isinstance(command, DisarmTimers)
                else ArmTimer | RunTask | OpenHumanTask | StartChild | Subscribe
            )
            gone = command.execution_ids
            left = [each for each in left if not (isinstance(each, begun) and each.execution_id in gone)]
        left.append(command)
    return left


def _cancel(decided: Sequence[Decided]) -> None:
    """End what the decisions cancel, among what there was before them."""
    ended: list[UUID] = []
    waits: list[UUID] = []
    down: list[Any] = []
    for each in decided:
        decision = each.decision
        for command in decision.commands:
            if isinstance(command, CancelBelow):
                gone = _cancel_below(decision.instance.id, command.execution_id)
                ended += gone
                if each.may_have("EVENT_WAIT"):
                    waits += gone
                if each.may_have("SUB_WORKFLOW"):
                    down += children.cancel(decision.instance, gone, compensate=command.compensate)
                if command.execution_id is None and decision.instance.resume_to is not None:
                    # It was suspended: what was kept for later comes too late.
                    run("DELETE FROM workflows_inboxsignal WHERE instance_id = %s AND held", decision.instance.id)
    _withdraw([each.decision.instance.id for each in decided], ended, [])
    subscriptions.close([Unsubscribe(execution_id, "cancelled") for execution_id in waits])
    children.post_down(down)


def _withdraw(instances: list[UUID], work: list[UUID], timers: list[UUID]) -> None:
    if work or timers:
        # Timers are found by their runs: there may be a great many of others.
        run(_DELETE_TIMERS, instances, work + timers)
    if work:
        queue.withdraw(work)


def _cancel_below(instance_id: UUID, parent_id: UUID | None) -> list[UUID]:
    if parent_id is None:
        run("DELETE FROM workflows_timer WHERE instance_id = %s", instance_id)
        return [row[0] for row in fetch(_CANCEL_ALL, instance_id)]
    return [row[0] for row in fetch(_CANCEL_BELOW, parent_id)]


def _pause(paused: Decided, *, resume: bool) -> None:
    instance_id = paused.decision.instance.id
    run(_RESUME_TIMERS if resume else _PAUSE_TIMERS, instance_id)
    active = fetch(
        "SELECT id FROM workflows_stepexecution WHERE instance_id = %s AND status IN ('PENDING', 'RUNNING', 'WAITING')"
        " AND visit > 0",  # an item has no task of its own
        instance_id,
    )
    queue.pause([row[0] for row in active], resume=resume)
    if paused.may_have("EVENT_WAIT"):
        subscriptions.pause(instance_id, resume=resume)
    if paused.may_have("SUB_WORKFLOW"):
        kind = SignalKind.RESUME if resume else SignalKind.SUSPEND
        reason = "The run that waits for it was " + ("resumed." if resume else "suspended.")
        children.post_down([(row[0], kind, {"reason": reason}) for row in active])
    if resume:
        run("UPDATE workflows_inboxsignal SET held = false WHERE instance_id = %s AND held", instance_id)
        doorbell.ring(doorbell.ORCHESTRATOR)


def _new_run(instance: Instance, command: RunTask) -> queue.NewRun:
    return queue.NewRun(
        task_id=command.execution_id,
        definition_id=command.definition_id,
        workflow_instance_id=instance.id,
        step_id=command.step_id,
        type=command.type,
        input=command.input,
        timeout=command.timeout,
        delay=command.delay,
        again=command.again,
    )


def _new_event(instance: Instance, command: EmitEvent) -> NewEvent:
    source = {"type": "workflow", "id": str(instance.id), "name": instance.definition["workflowId"]}
    if command.task is not None:
        source = {"type": "task", "id": command.task["id"], "name": command.task["taskId"]}
    cause = command.cause or {"eventId": instance.trigger_event_id}
    kept = cause.get("metadata") or {}
    metadata = {
        "correlationId": instance.correlation_id,
        "causationId": cause.get("eventId"),
        "traceId": kept.get("traceId"),
        "userId": command.by or kept.get("userId"),
    }
    metadata = {name: value for name, value in metadata.items() if value is not None}
    return NewEvent(command.key, command.pattern, command.payload, source, command.version, metadata)


def _execution_row(instance_id: UUID, execution: Execution) -> dict[str, Any]:
    return {
        "id": execution.id,
        "instance_id": instance_id,
        "step_id": execution.step_id,
        "visit": execution.visit,
        "scope": execution.scope,
        "parent_id": execution.parent_id,
        "branch": execution.branch,
        "status": execution.status,
        "attempt": execution.attempt,
        "seq": execution.seq,
        "input": execution.input,
        "output": execution.output,
        "outcome": execution.outcome,
        "error": execution.error,
        "data": execution.data,
        "started_at": execution.started_at,
        "completed_at": execution.completed_at,
    }
