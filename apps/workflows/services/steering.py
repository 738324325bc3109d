"""Repairing a run: skip a step, move a position, retry from a step. Each verb: permission, checks, one change, audit.

``prepare_…`` says what a verb would tell the engine, or why it is refused; the preview asks the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.auth.models import User
from apps.validation.definitions.services import find_published
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.schemas import check_instance
from apps.validation.violations import Violation
from apps.workflows.engine.plan import Plan, Step
from apps.workflows.engine.state import Signal
from apps.workflows.engine.steering import Refused, place, place_of_retry
from apps.workflows.engine.transitions import InstanceStatus, SignalKind
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import load
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.selectors.step_schemas import readers_of, schemas_of, takes_input

from . import migration
from .acting import UNSET, act, allow, steerable, unprocessable

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the engine is to be told. ``target``: the version the run is to be pinned to first, from ``source``."""

    signal: Signal
    step: Step
    target: WorkflowDefinition | None = None
    source: str = ""
    warnings: tuple[Violation, ...] = ()


@transaction.atomic
def skip(
    *,
    actor: User,
    instance_id: UUID,
    step_id: str | None = None,
    execution_id: UUID | None = None,
    output: Any = UNSET,
    outcome: str | None = None,
    reason: str = "",
    bulk_id: UUID | None = None,
) -> None:
    """Pass over a step that the run stands at, or where it failed, and go on as that step would have.

    ``output`` becomes the step's result and must fit what its task, form or child gives. Conflict when the run's status
    does not allow it; Unprocessable when it stands nowhere, or in more than one place, of that name.
    """
    found = steerable(actor, instance_id, lock=True)
    prepared = prepare_skip(
        actor, found, step_id=step_id, execution_id=execution_id, output=output, outcome=outcome, reason=reason
    )
    # Not the data itself: audit entries cannot be removed.
    details = {"reason": reason, "stepId": prepared.step.step_id, "outputGiven": output is not UNSET}
    if outcome is not None:
        details["outcome"] = outcome
    act(actor, found, prepared.signal, details=details, bulk_id=bulk_id)


def prepare_skip(
    actor: User,
    found: WorkflowInstance,
    *,
    step_id: str | None = None,
    execution_id: UUID | None = None,
    output: Any = UNSET,
    outcome: str | None = None,
    reason: str = "",
) -> Prepared:
    allow(found, SignalKind.SKIP)
    plan = plan_for(found.definition_id)
    data: dict[str, Any] = {"reason": reason, "requestedBy": actor.username}
    position = None
    if found.status == InstanceStatus.FAILED:
        if execution_id is not None:
            step_id = _execution(found, execution_id, "/executionId").step_id
        if step_id is not None:
            data["stepId"] = step_id
        step = place(plan, load.head_of(found), step_id)
    else:
        position = _position(found, plan, step_id, execution_id, "/stepId")
        step = plan.steps[position.step_id]
    if output is not UNSET:
        data["output"] = output
        schema = schemas_of(plan, found.definition_id, step.step_id).output
        if schema is not None and (violations := check_instance(schema, output, "/output")):
            raise Unprocessable(f"The output does not fit what {step.name} gives.", violations=violations)
    if outcome is not None:
        data["outcome"] = outcome
    readers = readers_of(plan, step.step_id, None if output is UNSET else output)
    warnings = tuple(
        Violation(
            "read-later",
            f"{reader} reads {path}, which the step will not have given.",
            "/output",
            "warning",
            hint="Give an output that has it.",
        )
        for reader, path in readers.items()
    )
    signal = Signal(SignalKind.SKIP, None if position is None else position.id, data)
    return Prepared(signal, step, warnings=warnings)


@transaction.atomic
def move(
    *,
    actor: User,
    instance_id: UUID,
    to: str,
    step_id: str | None = None,
    execution_id: UUID | None = None,
    step_input: Any = UNSET,
    reason: str = "",
    bulk_id: UUID | None = None,
) -> None:
    """Take a run from where it stands to another step of the same path; what it stood at is cancelled.

    ``step_input`` replaces what the step would compute as its input. Conflict when the run is not under way;
    Unprocessable when there is no such place to go from or to.
    """
    found = steerable(actor, instance_id, lock=True)
    prepared = prepare_move(
        actor, found, to=to, step_id=step_id, execution_id=execution_id, step_input=step_input, reason=reason
    )
    details = {"reason": reason, "from": prepared.step.step_id, "to": to, "inputGiven": step_input is not UNSET}
    act(actor, found, prepared.signal, details=details, bulk_id=bulk_id)


def prepare_move(
    actor: User,
    found: WorkflowInstance,
    *,
    to: str,
    step_id: str | None = None,
    execution_id: UUID | None = None,
    step_input: Any = UNSET,
    reason: str = "",
) -> Prepared:
    allow(found, SignalKind.MOVE)
    plan = plan_for(found.definition_id)
    position = _position(found, plan, step_id, execution_id, "/from")
    data = {"to": to, "reason": reason, "requestedBy": actor.username}
    if step_input is not UNSET and to in plan.steps:
        _check_input(plan, found.definition_id, plan.steps[to], step_input)
        data["input"] = step_input
    return Prepared(Signal(SignalKind.MOVE, position.id, data), plan.steps[position.step_id])


@transaction.atomic
def retry(
    *,
    actor: User,
    instance_id: UUID,
    step_id: str | None = None,
    step_input: Any = UNSET,
    version: str | None = None,
    reason: str = "",
    bulk_id: UUID | None = None,
) -> None:
    """Go on with a run that failed or was cancelled, from ``step_id`` (default: where it failed), on ``version``
    (a version, ``latest``, or None for the one it is on).

    What people have answered before that step, and in branches beside it, is kept. ``step_input`` replaces what the step
    would compute as its input. Conflict when the run is not at an end that can be retried; Unprocessable when its
    definition has no such step or version, or the input does not fit.
    """
    found = steerable(actor, instance_id, lock=True)
    prepared = prepare_retry(actor, found, step_id=step_id, step_input=step_input, version=version, reason=reason)
    details: dict[str, Any] = {"reason": reason, "stepId": prepared.step.step_id, "inputGiven": step_input is not UNSET}
    if prepared.target is not None:
        change = {"from": prepared.source, "to": prepared.target.version}
        data = {**change, "mapping": {}, "reason": reason, "requestedBy": actor.username}
        migration.save_repinned(found, data)
        details["version"] = change
    act(actor, found, prepared.signal, details=details, bulk_id=bulk_id)


def prepare_retry(
    actor: User,
    found: WorkflowInstance,
    *,
    step_id: str | None = None,
    step_input: Any = UNSET,
    version: str | None = None,
    reason: str = "",
) -> Prepared:
    """``found`` is pinned to the version it shall go on with, and not saved."""
    allow(found, SignalKind.RETRY)
    before, source = plan_for(found.definition_id), found.definition_version
    target = _version(found, version)
    plan = before if target is None else plan_for(target.id)
    wanted = step_id
    if wanted is None and target is not None:
        wanted = place(before, load.head_of(found), None).step_id
    known = plan.steps.keys() - set(plan.compensations.values())
    if wanted is not None and wanted not in known:
        message = f"{'The definition' if target is None else f'Version {target.version}'} has no step {wanted}."
        hint = "Its steps are " + ", ".join(sorted(known)) + "."
        raise _wrong("UNKNOWN_STEP", "There is no such step to retry from.", "/stepId", message, hint)
    if target is not None:
        migration.repin(found, target, {})
    try:
        step, _ = place_of_retry(plan, load.head_of(found), step_id)
    except Refused as refusal:
        raise unprocessable(refusal) from refusal
    data: dict[str, Any] = {"reason": reason, "requestedBy": actor.username}
    if step_id is not None:
        data["stepId"] = step_id
    if target is not None and (fork := _changed_fork(before, plan, step)) is not None:
        if step_id is not None:
            message = f"The branches of {fork} differ in version {target.version}; what they did cannot be kept."
            raise _wrong("BRANCHES_DIFFER", message, "/stepId", message, f"Retry {fork} itself.")
        data["whole"] = True
    if step_input is not UNSET:
        _check_input(plan, plan.definition_id, step, step_input)
        data["input"] = step_input
    return Prepared(Signal(SignalKind.RETRY, None, data), step, target, source)


def _version(found: WorkflowInstance, version: str | None) -> WorkflowDefinition | None:
    """The version to go on with, None when it is the one the run is on."""
    if version is None:
        return None
    try:
        wanted = None if version == LATEST else version
        target = find_published(WORKFLOW, key=found.workflow_id, version=wanted)
    except (NotFound, Conflict) as error:
        hint = f"Give a published version, or {LATEST}."
        raise _wrong("UNKNOWN_VERSION", error.detail, "/version", error.detail, hint) from error
    return None if target.id == found.definition_id else target


def _changed_fork(before: Plan, after: Plan, step: Step) -> str | None:
    """The outermost step around ``step`` (itself included) whose branches are others than they were."""
    changed = None
    inner: Step | None = step
    while inner is not None:
        old = before.steps.get(inner.step_id)
        if inner.branches and (
            old is None or [each.name for each in old.branches] != [each.name for each in inner.branches]
        ):
            changed = inner.step_id
        inner = None if inner.parent is None else after.steps[inner.parent]
    return changed


def _position(
    found: WorkflowInstance, plan: Plan, step_id: str | None, execution_id: UUID | None, pointer: str
) -> StepExecution:
    """The position that is meant: by its id, by its step, or the only one there is."""
    if execution_id is not None:
        return _execution(found, execution_id, "/executionId")
    rows = StepExecution.objects.filter(instance_id=found.pk, status__in=StepExecution.ACTIVE).order_by("seq")
    active = list((rows.filter(step_id=step_id) if step_id is not None else rows)[:200])
    parents = {each.parent_id for each in active}
    items = {each.id for each in active if each.parent_id in {other.id for other in active}}
    if step_id is None:
        # Where only one thing is under way, nobody needs to say what.
        active = [each for each in active if each.id not in parents]
    else:
        active = [each for each in active if each.id not in items]  # rows of a step's items bear its name
    if len(active) == 1:
        return active[0]
    if step_id is not None and not active:
        others = sorted({each.step_id for each in rows[:200]})
        hint = f"It stands at {', '.join(others)}." if others else "It stands nowhere."
        message = f"The run does not stand at {step_id}."
        if step_id not in plan.steps:
            message = f"The definition has no step {step_id}."
        raise _wrong("NOT_THERE", message, pointer, message, hint)
    message = "The run stands at more than one place." if active else "The run stands nowhere at the moment."
    hint = ""
    if active:
        shown = [f"{each.step_id} ({each.id})" for each in active[:10]]
        hint = "Say which by stepId or executionId: " + ", ".join(shown) + "."
    raise _wrong("WHICH_POSITION", message, pointer, message, hint)


def _execution(found: WorkflowInstance, execution_id: UUID, pointer: str) -> StepExecution:
    row = StepExecution.objects.filter(id=execution_id, instance_id=found.pk).first()
    if row is None:
        message = f"The run has no execution {execution_id}."
        raise _wrong("NOT_THERE", message, pointer, message, "")
    return row


def _check_input(plan: Plan, definition_id: UUID, step: Step, value: Any) -> None:
    if not takes_input(plan, step.step_id):
        message = f"{step.name} is a {step.type}, which takes no input."
        raise _wrong("NO_INPUT", message, "/input", message, "Leave the input out.")
    schema = schemas_of(plan, definition_id, step.step_id).input
    if schema is not None and (violations := check_instance(schema, value, "/input")):
        raise Unprocessable(f"The input does not fit what {step.name} asks for.", violations=violations)


def _wrong(code: str, detail: str, pointer: str, message: str, hint: str) -> Unprocessable:
    return Unprocessable(detail, violations=[Violation(code, message, pointer, hint=hint)])
