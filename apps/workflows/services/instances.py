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
from apps.validation.definitions.services import find_published
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.schemas import check_instance, is_valid
from apps.validation.violations import Violation
from apps.workflows.engine.state import Instance, Signal
from apps.workflows.engine.transitions import IllegalSignal, InstanceStatus, SignalKind, StepStatus
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import store, wave
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.selectors.instances import is_visible

BATCH_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. ``version`` None: the newest published."""

    workflow_id: str
    input: Any = None
    version: str | None = None
    correlation_id: str | None = None


@transaction.atomic
def start(*, actor: User, request: Start) -> UUID:
    """Start a run and let it go as far as it can at once; returns its id.

    NotFound, Conflict (nothing published) or Unprocessable (the input does not fit the inputSchema, pointers below
    /input).
    """
    require(actor, "start:workflow")
    definition = find_published(WORKFLOW, key=request.workflow_id, version=request.version)
    value = _conforming(definition, request.input, "/input")
    now = fetch("SELECT now()")[0][0]
    instance = _new(definition, value, request.correlation_id, now)
    wave.start(store.NewInstance(definition.id, actor.pk), instance, now)
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
    """Accept up to 1,000 starts in one commit; workers begin them. All or none: one bad input refuses the batch."""
    require(actor, "start:workflow")
    if len(requests) > BATCH_LIMIT:
        violation = Violation(
            "TOO_MANY", f"At most {BATCH_LIMIT} starts fit one batch.", "", hint="Send several batches."
        )
        raise Unprocessable("The batch is too large.", violations=[violation])
    definitions: dict[tuple[str, str | None], WorkflowDefinition] = {}
    now = fetch("SELECT now()")[0][0]
    rows: list[tuple[Instance, store.NewInstance]] = []
    for index, request in enumerate(requests):
        name = (request.workflow_id, request.version)
        if name not in definitions:
            definitions[name] = find_published(WORKFLOW, key=request.workflow_id, version=request.version)
        definition = definitions[name]
        value = _conforming(definition, request.input, f"/instances/{index}/input")
        instance = _new(definition, value, request.correlation_id, now)
        rows.append((instance, store.NewInstance(definition.id, actor.pk)))
    if rows:
        store.insert(rows)
        store.post([(instance.id, Signal(SignalKind.START)) for instance, _ in rows])
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


def _new(definition: WorkflowDefinition, value: Any, correlation_id: str | None, now: datetime) -> Instance:
    return Instance(
        id=uuid7(),
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


def cancel(*, actor: User, instance_id: UUID, reason: str, should_compensate: bool = False) -> None:
    """End a run; with ``should_compensate`` its completed work is undone first. Conflict when it is over already."""
    data = {"reason": reason, "requestedBy": actor.username, "source": "USER", "shouldCompensate": should_compensate}
    _steer(actor, instance_id, Signal(SignalKind.CANCEL, None, data), reason)


def suspend(*, actor: User, instance_id: UUID, reason: str) -> None:
    """Let a run rest: timers stop, tasks not yet begun wait, what comes in is kept. Conflict unless it is under way."""
    _steer(
        actor, instance_id, Signal(SignalKind.SUSPEND, None, {"reason": reason, "requestedBy": actor.username}), reason
    )


def resume(*, actor: User, instance_id: UUID, reason: str = "") -> None:
    """Let a suspended run go on where it was; its timers run on with the time they had left."""
    _steer(
        actor, instance_id, Signal(SignalKind.RESUME, None, {"reason": reason, "requestedBy": actor.username}), reason
    )
    doorbell.ring(doorbell.ORCHESTRATOR)


_UNCHANGED = object()


def retry(
    *, actor: User, instance_id: UUID, step_id: str | None = None, step_input: Any = _UNCHANGED, reason: str = ""
) -> None:
    """Go on with a run that failed or was cancelled, from ``step_id`` (default: where it failed).

    ``step_input`` replaces what the step would compute as its input. Conflict when the run is not at an end that can be
    retried; Unprocessable when its definition has no such step.
    """
    instance = _steerable(actor, instance_id)
    if step_id is not None:
        plan = plan_for(instance.definition_id)
        steps = plan.steps.keys() - set(plan.compensations.values())
        if step_id not in steps:
            hint = "Its steps are " + ", ".join(sorted(steps)) + "."
            violation = Violation("UNKNOWN_STEP", f"The definition has no step {step_id}.", "/stepId", hint=hint)
            raise Unprocessable("There is no such step to retry from.", violations=[violation])
    data: dict[str, Any] = {"reason": reason, "requestedBy": actor.username}
    if step_id is not None:
        data["stepId"] = step_id
    if step_input is not _UNCHANGED:
        data["input"] = step_input
    _steer(actor, instance_id, Signal(SignalKind.RETRY, None, data), reason)


@transaction.atomic
def signal(*, actor: User, instance_id: UUID, name: str, payload: Any) -> None:
    """Tell a run that something it waits for has happened: every EVENT_WAIT whose pattern ``name`` fits sees it.

    Conflict when none waits for it, or none of those that do takes it (their conditions are not true).
    """
    found = _steerable(actor, instance_id)
    waiting = StepExecution.objects.filter(
        instance_id=instance_id, status=StepStatus.WAITING.value, data__has_key="eventPattern"
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
    try:
        instance = wave.apply(instance_id, *(Signal(SignalKind.EVENT, id_, {"event": event}) for id_ in fitting))
    except IllegalSignal as error:
        raise Conflict(_refusal(error)) from error
    if instance is not None and instance.status is not InstanceStatus.SUSPENDED and instance.seq == found.seq:
        raise Conflict(f"The run waits for {name}, but under a condition that this event does not meet.")
    _audit_steering(actor, found, instance, "SIGNAL", {"name": name, "payload": payload})


_STEERED = ("id", "definition_id", "started_by_id", "status", "seq")


def _steerable(actor: User, instance_id: UUID) -> WorkflowInstance:
    """The run, if the actor may know of it and steer it. NotFound, AccessDenied."""
    found = WorkflowInstance.objects.filter(id=instance_id).only(*_STEERED).first()
    if found is None or not is_visible(actor, found):
        raise NotFound(f"There is no run {instance_id}.")
    require(actor, "steer:instance", owner_id=found.started_by_id)
    return found


@transaction.atomic
def _steer(actor: User, instance_id: UUID, signal: Signal, reason: str) -> None:
    found = _steerable(actor, instance_id)
    try:
        instance = wave.apply(instance_id, signal)
    except IllegalSignal as error:
        raise Conflict(_refusal(error)) from error
    data = {name: value for name, value in signal.data.items() if name in ("stepId", "shouldCompensate")}
    _audit_steering(actor, found, instance, signal.kind.value, {"reason": reason, **data})


def _audit_steering(
    actor: User, before: WorkflowInstance, after: Instance | None, verb: str, details: dict[str, Any]
) -> None:
    if after is None:
        raise NotFound(f"There is no run {before.pk}.")
    record_audit(
        actor=actor,
        action=f"workflow.{verb.lower()}",
        resource="instance",
        resource_id=str(before.pk),
        details={**details, "before": before.status, "after": after.status.value},
    )


def _refusal(error: IllegalSignal) -> str:
    verb = {
        SignalKind.CANCEL: "cancelled",
        SignalKind.SUSPEND: "suspended",
        SignalKind.RESUME: "resumed",
        SignalKind.RETRY: "retried",
    }.get(error.signal, "told of an event")
    return f"A run that is {error.status.value} cannot be {verb}."
