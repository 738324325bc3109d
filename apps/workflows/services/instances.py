"""Starting runs and steering them. Each verb: permission, one change in one transaction, audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.auth.access import allowed, require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events import doorbell
from apps.events.sql import fetch
from apps.validation.definitions.services import find_published
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.schemas import check_instance, is_valid
from apps.validation.violations import Violation
from apps.workflows.engine.state import Instance, Signal
from apps.workflows.engine.transitions import IllegalSignal, InstanceStatus, SignalKind
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import WorkflowDefinition, WorkflowInstance
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
    _steer(actor, instance_id, Signal(SignalKind.SUSPEND, None, {"reason": reason}), reason)


def resume(*, actor: User, instance_id: UUID, reason: str = "") -> None:
    """Let a suspended run go on where it was; its timers run on with the time they had left."""
    _steer(actor, instance_id, Signal(SignalKind.RESUME, None, {"reason": reason}), reason)
    doorbell.ring(doorbell.ORCHESTRATOR)


_UNCHANGED = object()


def retry(
    *, actor: User, instance_id: UUID, step_id: str | None = None, step_input: Any = _UNCHANGED, reason: str = ""
) -> None:
    """Go on with a run that failed or was cancelled, from ``step_id`` (default: where it failed).

    ``step_input`` replaces what the step would compute as its input. Conflict when the run is not at an end that can be
    retried; Unprocessable when its definition has no such step.
    """
    instance = WorkflowInstance.objects.filter(id=instance_id).only("definition_id").first()
    if instance is not None and step_id is not None:
        plan = plan_for(instance.definition_id)
        steps = plan.steps.keys() - set(plan.compensations.values())
        if step_id not in steps:
            hint = "Its steps are " + ", ".join(sorted(steps)) + "."
            violation = Violation("UNKNOWN_STEP", f"The definition has no step {step_id}.", "/stepId", hint=hint)
            raise Unprocessable("There is no such step to retry from.", violations=[violation])
    data: dict[str, Any] = {"reason": reason}
    if step_id is not None:
        data["stepId"] = step_id
    if step_input is not _UNCHANGED:
        data["input"] = step_input
    _steer(actor, instance_id, Signal(SignalKind.RETRY, None, data), reason)


@transaction.atomic
def _steer(actor: User, instance_id: UUID, signal: Signal, reason: str) -> None:
    found = WorkflowInstance.objects.filter(id=instance_id).only("id", "started_by_id", "status").first()
    if found is None or not is_visible(actor, found):
        raise NotFound(f"There is no run {instance_id}.")
    if not allowed(actor, "steer:instance", owner_id=found.started_by_id):
        require(actor, "steer:instance")
    try:
        instance = wave.apply(instance_id, signal)
    except IllegalSignal as error:
        raise Conflict(_refusal(error)) from error
    if instance is None:
        raise NotFound(f"There is no run {instance_id}.")
    record_audit(
        actor=actor,
        action=f"workflow.{signal.kind.lower()}",
        resource="instance",
        resource_id=str(instance_id),
        details={
            "reason": reason,
            "before": found.status,
            "after": instance.status.value,
            **{name: value for name, value in signal.data.items() if name in ("stepId", "shouldCompensate")},
        },
    )


def _refusal(error: IllegalSignal) -> str:
    verb = {"CANCEL": "cancelled", "SUSPEND": "suspended", "RESUME": "resumed", "RETRY": "retried"}[error.signal.value]
    return f"A run that is {error.status.value} cannot be {verb}."
