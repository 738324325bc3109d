"""Starting runs and steering them. Each verb: permission, one change in one transaction, audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.auth.access import require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events import doorbell
from apps.events.rules import fits
from apps.events.sql import fetch
from apps.validation.problems import Conflict, Unprocessable
from apps.validation.schemas import check_instance, is_valid
from apps.validation.violations import Violation
from apps.workflows.engine.state import Instance, Signal
from apps.workflows.engine.transitions import InstanceStatus, SignalKind, StepStatus
from apps.workflows.models import StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import births, inbox, slots, wave

from .acting import act, steerable
from .concurrency import claim_for, line_up
from .traffic import Starts

BATCH_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. ``version`` None: the newest published, or as new starts are split.

    ``trigger_event_id``: what asked for it.
    """

    workflow_id: str
    input: Any = None
    version: str | None = None
    correlation_id: str | None = None
    trigger_event_id: str | None = None


@transaction.atomic
def start(*, actor: User, request: Start) -> UUID:
    """Start a run and let it go as far as it can at once; returns its id.

    NotFound, Conflict (nothing published, or the workflow refuses more runs than it allows at once) or Unprocessable (the
    input does not fit the inputSchema, pointers below /input).
    """
    require(actor, "start:workflow")
    instance_id = uuid7()
    definition = Starts().definition_for(request, instance_id)
    value = _conforming(definition, request.input, "/input")
    now = fetch("SELECT now()")[0][0]
    instance = _new(instance_id, definition, value, request.correlation_id, now)
    claim = claim_for(definition, instance, "/input")
    if claim is None:
        wave.start(births.NewInstance(definition.id, actor.pk, request.trigger_event_id), instance, now)
    else:
        # A worker begins it: a transaction that takes a slot takes no run's lock afterwards.
        births.insert(
            [
                (
                    instance,
                    births.NewInstance(definition.id, actor.pk, request.trigger_event_id, concurrency_key=claim.key),
                )
            ]
        )
        line_up(actor, [slots.Claimant(instance.id, definition.key, claim)])
    record_audit(
        actor=actor,
        action="workflow.start",
        resource="instance",
        resource_id=str(instance.id),
        details={"workflowId": definition.key, "version": definition.version},
    )
    return instance.id


@transaction.atomic
def start_batch(*, actor: User, requests: Sequence[Start]) -> list[UUID]:
    """Accept up to 1,000 starts in one commit; workers begin them. All or none: one bad input refuses the batch.

    So does one run too many of a workflow that refuses them (Conflict); where they queue, they do so in the batch's order.
    """
    require(actor, "start:workflow")
    if len(requests) > BATCH_LIMIT:
        violation = Violation(
            "TOO_MANY", f"At most {BATCH_LIMIT} starts fit one batch.", "", hint="Send several batches."
        )
        raise Unprocessable("The batch is too large.", violations=[violation])
    starts = Starts()
    starts.prepare(requests)
    now = fetch("SELECT now()")[0][0]
    rows: list[tuple[Instance, births.NewInstance]] = []
    claimants: list[slots.Claimant] = []
    for index, request in enumerate(requests):
        instance_id = uuid7()
        definition = starts.definition_for(request, instance_id)
        value = _conforming(definition, request.input, f"/instances/{index}/input")
        instance = _new(instance_id, definition, value, request.correlation_id, now)
        claim = claim_for(definition, instance, f"/instances/{index}/input")
        if claim is not None:
            claimants.append(slots.Claimant(instance.id, definition.key, claim))
        key = None if claim is None else claim.key
        rows.append(
            (instance, births.NewInstance(definition.id, actor.pk, request.trigger_event_id, concurrency_key=key))
        )
    if rows:
        births.insert(rows)
        free = [instance.id for instance, new in rows if new.concurrency_key is None]
        inbox.post([(instance_id, Signal(SignalKind.START)) for instance_id in free])
        if claimants:
            line_up(actor, claimants)
        doorbell.ring(doorbell.ORCHESTRATOR)
        record_audit(
            actor=actor,
            action="workflow.start_batch",
            resource="instance",
            resource_id=str(rows[0][0].id),
            details={"count": len(rows), "last": str(rows[-1][0].id)},
        )
    return [instance.id for instance, _ in rows]


def _conforming(definition: WorkflowDefinition, value: Any, pointer: str) -> Any:
    schema = definition.document.get("inputSchema")
    value = {} if value is None else value
    if schema is not None and not is_valid(schema, value):
        violations = check_instance(schema, value, pointer)
        raise Unprocessable(
            f"The input does not fit what {definition.key} {definition.version} asks for.", violations=violations
        )
    return value


def _new(
    instance_id: UUID, definition: WorkflowDefinition, value: Any, correlation_id: str | None, now: datetime
) -> Instance:
    return Instance(
        id=instance_id,
        status=InstanceStatus.CREATED,
        input=value,
        variables={},
        visits={},
        transitions=0,
        seq=0,
        definition={"workflowId": definition.key, "version": definition.version},
        started_at=now,
        correlation_id=correlation_id,
    )


# Steering


@transaction.atomic
def cancel(
    *,
    actor: User,
    instance_id: UUID,
    reason: str,
    should_compensate: bool = False,
    bulk_id: UUID | None = None,
) -> None:
    """End a run; with ``should_compensate`` its completed work is undone first. Conflict when it is over already."""
    found = steerable(actor, instance_id)
    details = {"reason": reason, "shouldCompensate": should_compensate}
    act(actor, found, cancel_signal(actor, reason, should_compensate), details=details, bulk_id=bulk_id)


@transaction.atomic
def suspend(*, actor: User, instance_id: UUID, reason: str, bulk_id: UUID | None = None) -> None:
    """Let a run rest: timers stop, tasks not yet begun wait, what comes in is kept. Conflict unless it is under way."""
    found = steerable(actor, instance_id)
    signal = Signal(SignalKind.SUSPEND, None, {"reason": reason, "requestedBy": actor.username})
    act(actor, found, signal, details={"reason": reason}, bulk_id=bulk_id)


@transaction.atomic
def resume(*, actor: User, instance_id: UUID, reason: str = "", bulk_id: UUID | None = None) -> None:
    """Let a suspended run go on where it was; its timers run on with the time they had left."""
    found = steerable(actor, instance_id)
    signal = Signal(SignalKind.RESUME, None, {"reason": reason, "requestedBy": actor.username})
    act(actor, found, signal, details={"reason": reason}, bulk_id=bulk_id)
    doorbell.ring(doorbell.ORCHESTRATOR)


@transaction.atomic
def signal(
    *,
    actor: User,
    instance_id: UUID,
    name: str,
    payload: Any,
    reason: str = "",
    bulk_id: UUID | None = None,
) -> None:
    """Tell a run that something it waits for has happened: every EVENT_WAIT whose pattern ``name`` fits sees it.

    Conflict when none waits for it, or none of those that do takes it (their conditions are not true).
    """
    found = steerable(actor, instance_id)
    signals = event_signals(actor, found, name, payload)
    details = {"name": name, "payload": payload, **({"reason": reason} if reason else {})}
    instance = act(actor, found, *signals, details=details, bulk_id=bulk_id)
    if instance.status is not InstanceStatus.SUSPENDED and instance.seq == found.seq:
        raise Conflict(not_taken(name))


def cancel_signal(actor: User, reason: str, should_compensate: bool) -> Signal:
    data = {"reason": reason, "requestedBy": actor.username, "source": "USER", "shouldCompensate": should_compensate}
    return Signal(SignalKind.CANCEL, None, data)


def event_signals(actor: User, found: WorkflowInstance, name: str, payload: Any) -> list[Signal]:
    """An event for every position that waits for one of this name. Conflict when none does."""
    waiting = StepExecution.objects.filter(
        instance_id=found.pk, status=StepStatus.WAITING.value, data__has_key="eventPattern"
    )
    patterns = {each.id: (each.data or {})["eventPattern"] for each in waiting}
    fitting = [id_ for id_, pattern in patterns.items() if fits(pattern, name)]
    if not fitting:
        awaited = ", ".join(sorted(set(patterns.values()))) or "no event"
        raise Conflict(f"The run does not wait for {name}; it waits for {awaited}.")
    event = {
        "eventId": str(uuid7()),
        "pattern": name,
        "payload": payload,
        "source": {"type": "external", "id": str(actor.pk), "name": actor.username},
        "metadata": {"userId": str(actor.pk)},
        "timestamp": timezone.now().isoformat(),
        "version": "1.0.0",
    }
    return [Signal(SignalKind.EVENT, id_, {"event": event}) for id_ in fitting]


def not_taken(name: str) -> str:
    return f"The run waits for {name}, but under a condition that this event does not meet."
