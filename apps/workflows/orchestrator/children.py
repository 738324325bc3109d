"""Runs that other runs start and wait for. Whatever happens to one end of the tie reaches the other through its inbox.

So no transaction ever holds the locks of a parent and its child for each other's sake, and a thousand children of one wave
are as many statements as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.events import doorbell
from apps.events.sql import as_rows, run
from apps.workflows.engine.state import Instance, Signal, StartChild
from apps.workflows.engine.transitions import InstanceStatus, SignalKind

from . import births, inbox, slots


@dataclass(frozen=True, slots=True)
class Birth:
    """A child to be started, and what it has from its parent."""

    command: StartChild
    parent: Instance
    started_by_id: UUID | None

    @property
    def claimant(self) -> slots.Claimant | None:
        """Its claim to a slot, where its workflow limits how many runs may be under way."""
        claim = self.command.claim
        return None if claim is None else slots.Claimant(self.command.instance_id, self.command.workflow_id, claim)


def begin(found: Sequence[Birth], now: datetime) -> None:
    """Insert children, and let a worker begin them. The keys of their slots are locked."""
    births.insert([(_instance(each, now), _new(each)) for each in found])
    claimants = [each.claimant for each in found if each.claimant is not None]
    if claimants:
        slots.claim(claimants)
        if refusing := [each.instance_id for each in claimants if each.claim.on_conflict == "REJECT"]:
            slots.refuse_waiting(refusing)
    free = [each.command.instance_id for each in found if each.claimant is None]
    inbox.post([(instance_id, Signal(SignalKind.START)) for instance_id in free])
    doorbell.ring(doorbell.ORCHESTRATOR)


def _instance(birth: Birth, now: datetime) -> Instance:
    command, parent = birth.command, birth.parent
    return Instance(
        id=command.instance_id,
        status=InstanceStatus.CREATED,
        input=command.input,
        variables={},
        visits={},
        transitions=0,
        seq=0,
        definition={"workflowId": command.workflow_id, "version": command.version},
        started_at=now,
        correlation_id=parent.correlation_id,
        depth=parent.depth + 1,
    )


def _new(birth: Birth) -> births.NewInstance:
    command = birth.command
    return births.NewInstance(
        definition_id=command.definition_id,
        started_by_id=birth.started_by_id,
        parent_instance_id=birth.parent.id,
        parent_execution_id=command.execution_id,
        concurrency_key=None if command.claim is None else command.claim.key,
    )


# Children are found by the execution that waits for them: those without one are nobody's to cancel or to hold.
_POST_DOWN = """
INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
SELECT i.id, r.kind, NULL, r.data, false, now()
FROM json_to_recordset(%s::json) AS r(execution_id uuid, kind text, data jsonb)
JOIN workflows_workflowinstance i ON i.parent_execution_id = r.execution_id
WHERE i.parent_execution_id = ANY(%s) AND i.status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')
"""


def post_down(signals: Sequence[tuple[UUID, SignalKind, dict[str, Any]]]) -> None:
    """Send a signal to the children that each of these executions waits for; there may be none."""
    if signals:
        rows = [{"execution_id": id_, "kind": kind.value, "data": data} for id_, kind, data in signals]
        run(_POST_DOWN, as_rows(rows), [row["execution_id"] for row in rows])
        doorbell.ring(doorbell.ORCHESTRATOR)


def cancel(parent: Instance, execution_ids: Sequence[UUID], *, compensate: bool) -> list[Any]:
    """What ``post_down`` takes to cancel the children of executions that wait for them no more."""
    cancellation = parent.cancellation or {}
    workflow_id = parent.definition["workflowId"]
    data = {
        "reason": cancellation.get("reason") or f"The run of {workflow_id} that started it goes on without it.",
        "requestedBy": cancellation.get("requestedBy"),
        "source": "SYSTEM",
        "shouldCompensate": compensate,
    }
    return [(execution_id, SignalKind.CANCEL, data) for execution_id in execution_ids]


# Only an execution that is still open wants to know.
_TELL = """
INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
SELECT e.instance_id, r.kind, e.id, r.data, false, now()
FROM json_to_recordset(%s::json) AS r(execution_id uuid, kind text, data jsonb)
JOIN workflows_stepexecution e ON e.id = r.execution_id
WHERE e.id = ANY(%s) AND e.status IN ('PENDING', 'RUNNING', 'WAITING')
"""


def tell_parents(ended: Sequence[tuple[Instance, UUID]]) -> None:
    """Tell the executions that wait for these runs how they ended."""
    rows = [{"execution_id": execution_id, **_end_of(instance)} for instance, execution_id in ended]
    run(_TELL, as_rows(rows), [row["execution_id"] for row in rows])
    doorbell.ring(doorbell.ORCHESTRATOR)


def _end_of(child: Instance) -> dict[str, Any]:
    data: dict[str, Any] = {"instanceId": str(child.id)}
    if child.status is InstanceStatus.COMPLETED:
        return {"kind": SignalKind.CHILD_COMPLETED.value, "data": data | {"output": child.output}}
    if child.status is InstanceStatus.CANCELLED:
        reason = (child.cancellation or {}).get("reason")
        error: dict[str, Any] = {"type": "PERMANENT", "code": "CANCELLED", "message": reason or "It was cancelled."}
    else:
        error = child.error or {"type": "PERMANENT", "code": "FAILED", "message": "It failed."}
    failure = {
        "type": error["type"],
        "code": error["code"],
        "message": error["message"],
        # The child's own details name its own steps: they lie one level down.
        "details": data | {"workflowId": child.definition["workflowId"], "cause": error.get("details") or {}},
        "retryable": error["type"] in ("TRANSIENT", "TIMEOUT"),
    }
    return {"kind": SignalKind.CHILD_FAILED.value, "data": data | {"error": failure}}
