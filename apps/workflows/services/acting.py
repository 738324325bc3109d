"""What every act on a run shares: may the person, does the run's state allow it, and who did it and why."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.violations import Violation
from apps.workflows.engine.state import Instance, Signal
from apps.workflows.engine.steering import Refused
from apps.workflows.engine.transitions import INSTANCE, IllegalSignal, InstanceStatus, Rule, SignalKind
from apps.workflows.models import WorkflowInstance
from apps.workflows.orchestrator import wave
from apps.workflows.selectors.instances import is_visible

UNSET: Final = object()
"""A value that was not given, where None is one that can be."""


def steerable(actor: User, instance_id: UUID, *, lock: bool = False) -> WorkflowInstance:
    """The run, if the actor may know of it and steer it. NotFound, AccessDenied."""
    rows = WorkflowInstance.objects.select_for_update() if lock else WorkflowInstance.objects
    found = rows.filter(id=instance_id).first()
    if found is None or not is_visible(actor, found):
        raise NotFound(f"There is no run {instance_id}.")
    require(actor, "steer:instance", owner_id=found.started_by_id)
    return found


def allow(found: WorkflowInstance, kind: SignalKind) -> None:
    """Conflict, with what would have to be different, when the run's status refuses this."""
    status = InstanceStatus(found.status)
    if INSTANCE[status, kind] is Rule.REFUSE:
        raise Conflict(refusal(status, kind))


def act(
    actor: User, found: WorkflowInstance, *signals: Signal, details: dict[str, Any], bulk_id: UUID | None = None
) -> Instance:
    """Give signals to the run in the caller's transaction, and put them on record. Conflict, Unprocessable."""
    before, kind = found.status, signals[0].kind
    try:
        instance = wave.apply(found.pk, *signals)
    except IllegalSignal as error:
        raise Conflict(refusal(error.status, error.signal)) from error
    except (Refused, wave.EventRefused) as error:
        raise unprocessable(error) from error
    if instance is None:
        raise NotFound(f"There is no run {found.pk}.")
    verb = "signal" if kind is SignalKind.EVENT else kind.value.lower()
    record_audit(
        actor=actor,
        action=f"workflow.{verb}",
        resource="instance",
        resource_id=str(found.pk),
        details={**details, "before": before, "after": instance.status.value, **within(bulk_id)},
    )
    return instance


_SIGNAL_HINT = "Give the payload what the condition reads, in the type that it asks for."


def within(bulk_id: UUID | None) -> dict[str, Any]:
    """What an audit entry says of the bulk operation that an act belongs to."""
    return {} if bulk_id is None else {"bulkId": str(bulk_id)}


def unprocessable(error: Refused | wave.EventRefused) -> Unprocessable:
    if isinstance(error, wave.EventRefused):
        message = f"The condition of what the run waits for cannot be told by this event: {error.failure.message}"
        violation = Violation(error.failure.code or "EVENT_REFUSED", message, "/payload", hint=_SIGNAL_HINT)
        return Unprocessable(message, violations=[violation])
    violation = Violation("does-not-fit-the-run", error.message, error.pointer, hint=error.hint)
    return Unprocessable(error.message, violations=[violation])


# Why not, and what would have to be different

_VERBS = {
    SignalKind.CANCEL: "be cancelled",
    SignalKind.SUSPEND: "be suspended",
    SignalKind.RESUME: "be resumed",
    SignalKind.RETRY: "be retried",
    SignalKind.SKIP: "have a step skipped",
    SignalKind.MOVE: "be moved to another step",
    SignalKind.EVENT: "be told of an event",
}
_OVER = "It is over and stays as it is."
_REMEDIES = {
    InstanceStatus.CREATED: "It begins in a moment.",
    InstanceStatus.RUNNING: "It is under way.",
    InstanceStatus.WAITING_FOR_EVENT: "It is under way.",
    InstanceStatus.SUSPENDED: "Resume it first.",
    InstanceStatus.COMPENSATING: "What it has done is being undone; wait for the end of that.",
    InstanceStatus.COMPLETED: _OVER,
    InstanceStatus.FAILED: _OVER,
    InstanceStatus.CANCELLED: _OVER,
}


def refusal(status: InstanceStatus, kind: SignalKind) -> str:
    """Why a run in this status cannot take this, and what could be done instead."""
    remedy = _REMEDIES[status]
    ended = status in (InstanceStatus.FAILED, InstanceStatus.CANCELLED)
    if ended and kind in (SignalKind.MOVE, SignalKind.SKIP):
        remedy = "Retry it from the step where it shall go on."
    elif ended:
        remedy = "It is over; retry it to go on after all."
    elif kind is SignalKind.RETRY and status in (InstanceStatus.RUNNING, InstanceStatus.WAITING_FOR_EVENT):
        remedy = "It is under way; skip the step it stands at, or move it to another."
    return f"A run that is {status.value} cannot {_VERBS.get(kind, 'take this')}. {remedy}"
