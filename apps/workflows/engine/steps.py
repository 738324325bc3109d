"""What entering a step does, one function per step type. Each ends the step, fails it, or leaves it waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from . import items, told
from .concurrency import claim_of
from .flow import complete, end_path, fail, finish_well, go_on_with_items
from .plan import Step, TaskFailed
from .run import Move, Run
from .state import ArmTimer, Execution, Failure, OpenHumanTask, RunTask, StartChild, Subscribe, child_id, items_of
from .transitions import InstanceStatus, StepStatus
from .waiting import correlate


def _input(run: Run, step: Step, move: Move) -> Any:
    if move.edited:
        return move.input
    return {} if step.input is None else run.evaluate(step.input)


def task(run: Run, step: Step, execution: Execution, move: Move) -> None:
    binding = step.task
    assert binding is not None
    value = _input(run, step, move)
    if binding.manual is not None:
        # Written in the task's own definition, the parameters see the task's input, not the run's.
        manual = run.evaluate(step.manual, {"input": value}) if step.manual else {}
        _open_human_task(run, step, execution, value, manual)
        told.begin(execution, binding, value)
        return
    if binding.evaluate is None:
        run.set_status(execution, StepStatus.PENDING)
        execution.data = {"attempt": execution.attempt}
        told.begin(execution, binding, value)
        run.command(
            RunTask(
                execution.id, step.step_id, binding.definition_id, binding.type, value, execution.attempt, step.timeout
            )
        )
        return
    execution.input = value
    told.begin(execution, binding, value)
    try:
        output, outcome = binding.evaluate(value)
    except TaskFailed as failure:
        fail(run, step, execution, Failure(failure.type, failure.code, failure.message, failure.details))
    else:
        complete(run, step, execution, output, outcome)


def human_task(run: Run, step: Step, execution: Execution, move: Move) -> None:
    assert step.manual is not None
    _open_human_task(run, step, execution, _input(run, step, move), run.evaluate(step.manual))


def _open_human_task(run: Run, step: Step, execution: Execution, value: Any, manual: dict[str, Any]) -> None:
    definition_id = step.task.definition_id if step.task else None
    run.set_status(execution, StepStatus.WAITING)
    execution.data = {"title": manual.get("title") or step.name}
    run.command(OpenHumanTask(execution.id, step.step_id, definition_id, value, {"title": step.name, **manual}))
    if step.timeout is not None:
        run.arm_timeout(step, execution, run.now + timedelta(seconds=step.timeout))


def decision(run: Run, step: Step, execution: Execution, move: Move) -> None:
    for condition, target in step.choices:
        if run.is_true(condition):
            complete(run, step, execution, {"nextStep": target}, None, target=target)
            return
    if not step.next:
        message = "No choice was true and the step has no default."
        fail(run, step, execution, Failure("PERMANENT", "NO_CHOICE", message))
        return
    complete(run, step, execution, {"nextStep": step.next[0][1]}, None)


def transform(run: Run, step: Step, execution: Execution, move: Move) -> None:
    complete(run, step, execution, None if step.output is None else run.evaluate(step.output), None)


def emit_event(run: Run, step: Step, execution: Execution, move: Move) -> None:
    payload = {} if step.payload is None else run.evaluate(step.payload)
    key = run.emit(execution, step.pattern, payload)
    complete(run, step, execution, {"eventId": key, "pattern": step.pattern, "payload": payload}, None)


def end(run: Run, step: Step, execution: Execution, move: Move) -> None:
    output = None if step.output is None else run.evaluate(step.output)
    complete(run, step, execution, output, None, route=False)
    if execution.parent_id is not None:
        run.cancel_below(None)
    message = output.get("message") if isinstance(output, dict) else None
    if step.status == "FAILED":
        failure = Failure(
            "PERMANENT", "END_FAILED", message or f"The run ended at {step.name}, which ends it as failed."
        )
        run.finish(InstanceStatus.FAILED, output=output, failure=failure)
    elif step.status == "CANCELLED":
        run.instance.cancellation = {
            "reason": message or f"The run ended at {step.name}, which ends it as cancelled.",
            "requestedBy": None,
            "requestedAt": run.now.isoformat(),
            "source": "SYSTEM",
            "eventId": None,
        }
        run.finish(InstanceStatus.CANCELLED, output=output)
    elif step.output is None:
        end_path(run, execution, root=True)
    else:
        finish_well(run, output)


def parallel(run: Run, step: Step, execution: Execution, move: Move) -> None:
    """Fork the branches whose condition holds. The join is over those: ALL of them, ANY one, or N."""
    active = [
        index for index, branch in enumerate(step.branches) if branch.condition is None or run.is_true(branch.condition)
    ]
    need = {"ALL": len(active), "ANY": min(1, len(active))}.get(step.join, step.count)
    if need > len(active):
        message = f"The join needs {need} branches and the conditions of only {len(active)} hold."
        fail(run, step, execution, Failure("PERMANENT", "JOIN_NOT_MET", message))
        return
    if not active:
        complete(run, step, execution, {}, None)
        return
    execution.data = {"need": need, "left": len(active), "done": 0, "output": {}}
    if step.timeout is not None:
        run.arm_timeout(step, execution, run.now + timedelta(seconds=step.timeout))
    for index in active:
        run.moves.append(Move(step.branches[index].start_at, move.scope, execution.id, index))


def for_each(run: Run, step: Step, execution: Execution, move: Move) -> None:
    """Create the items and begin the first. Done again, it keeps what its last attempt has completed."""
    assert step.items is not None
    values = move.input if move.edited else run.evaluate(step.items)
    items.create(run, execution, values, _last_attempt(run, execution, move))
    if step.timeout is not None:
        run.arm_timeout(step, execution, run.now + timedelta(seconds=step.timeout))
    go_on_with_items(run, step, execution)


def _last_attempt(run: Run, execution: Execution, move: Move) -> str | None:
    """Where the items of the attempt or visit before this one are, when not all of them had ended well."""
    if execution.attempt > 1:
        return items_of(run.instance, replace(execution, attempt=execution.attempt - 1))
    before = run.results.get(execution.step_id) if move.again else None
    if (
        before is None
        or before.status is StepStatus.COMPENSATED
        or (before.status is StepStatus.COMPLETED and before.error is None)
    ):
        return None
    return items_of(run.instance, before)


def event_wait(run: Run, step: Step, execution: Execution, move: Move) -> None:
    run.set_status(execution, StepStatus.WAITING)
    execution.data = {"eventPattern": step.pattern}
    due = None
    if step.duration is not None or step.until is not None:
        due = _due(run, step)
        execution.data |= {"timer": True, "dueAt": due.isoformat()}
        run.command(ArmTimer(execution.id, "event", due))
    correlation = correlate(run, step.correlation)
    run.command(
        Subscribe(
            execution.id,
            step.step_id,
            step.pattern,
            step.condition_text,
            correlation,
            due,
            step.timeout_handler,
            step.lookback,
        )
    )
    run.record("EVENT_AWAITED", execution, {"pattern": step.pattern})
    if execution.parent_id is None:
        run.instance.status = InstanceStatus.WAITING_FOR_EVENT


MAX_DEPTH = 16
"""How deep workflows may start each other."""


def sub_workflow(run: Run, step: Step, execution: Execution, move: Move) -> None:
    child = step.child
    assert child is not None
    execution.input = value = _input(run, step, move)
    if run.instance.depth >= MAX_DEPTH:
        message = f"Workflows start each other more than {MAX_DEPTH} deep."
        fail(run, step, execution, Failure("PERMANENT", "CHILD_TOO_DEEP", message))
        return
    if problems := child.problems(value):
        message = f"The input does not fit what {child.workflow_id} {child.version} asks for."
        fail(run, step, execution, Failure("VALIDATION", "CHILD_INPUT_INVALID", message, {"violations": problems}))
        return
    instance_id = child_id(execution, run.instance)
    claim = None
    if child.concurrency is not None:
        shown = {
            "id": str(instance_id),
            "startedAt": run.now.isoformat(),
            "correlationId": run.instance.correlation_id,
            "definition": {"workflowId": child.workflow_id, "version": child.version},
        }
        claim = claim_of(child.concurrency, value, shown, run.now)
    run.command(
        StartChild(
            execution.id,
            step.step_id,
            instance_id,
            child.definition_id,
            child.workflow_id,
            child.version,
            value,
            step.wait,
            claim,
        )
    )
    run.record("CHILD_STARTED", execution, {"instanceId": str(instance_id), "workflowId": child.workflow_id})
    if not step.wait:
        complete(run, step, execution, {"instanceId": str(instance_id)}, None)
        return
    run.set_status(execution, StepStatus.WAITING)
    execution.data = {"instanceId": str(instance_id), "workflowId": child.workflow_id}
    if step.timeout is not None:
        run.arm_timeout(step, execution, run.now + timedelta(seconds=step.timeout))


def delay(run: Run, step: Step, execution: Execution, move: Move) -> None:
    due = _due(run, step)
    if due <= run.now:
        complete(run, step, execution, {"until": due.isoformat()}, None)
        return
    run.set_status(execution, StepStatus.WAITING)
    execution.data = {"timer": True, "dueAt": due.isoformat()}
    run.command(ArmTimer(execution.id, "delay", due))


def _due(run: Run, step: Step) -> datetime:
    language = run.plan.language
    if step.duration is not None:
        value = step.duration if isinstance(step.duration, timedelta) else run.evaluate(step.duration)
        if step.calendar is not None:
            return language.working_time(step.calendar, run.now, str(value))
        return run.now + (value if isinstance(value, timedelta) else language.duration(str(value)))
    value = step.until if isinstance(step.until, datetime) or step.until is None else run.evaluate(step.until)
    instant = value if isinstance(value, datetime) else language.instant(str(value))
    return instant if step.calendar is None else language.working_moment(step.calendar, instant)


STEP_TYPES: dict[str, Callable[[Run, Step, Execution, Move], None]] = {
    "TASK": task,
    "HUMAN_TASK": human_task,
    "DECISION": decision,
    "TRANSFORM": transform,
    "EMIT_EVENT": emit_event,
    "END": end,
    "PARALLEL": parallel,
    "FOR_EACH": for_each,
    "DELAY": delay,
    "EVENT_WAIT": event_wait,
    "SUB_WORKFLOW": sub_workflow,
}
