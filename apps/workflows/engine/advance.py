"""``advance``: apply signals to a run and go on until everything that is left waits for the outside world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from . import cancelling, items, steering, told, transitions, undoing
from .flow import complete, fail, fail_run, go_on, go_on_with_items, guarded, skip
from .plan import Plan, Step
from .run import Move, Run, Unusable, failure_of
from .state import ArmTimer, Decision, Execution, Failure, LookBack, PauseWork, Signal, State, Unsubscribe
from .steps import STEP_TYPES
from .transitions import IllegalSignal, InstanceStatus, Rule, SignalKind, StepStatus


def advance(plan: Plan, state: State, signals: Sequence[Signal], now: datetime) -> Decision:
    """Apply ``signals`` in order and run on. Pure: the same arguments give the same decision, ``state`` stays as it was.

    Raises IllegalSignal when the run's status refuses one of the signals; then nothing is decided.
    """
    run = Run(plan, state, now)
    for position, signal in enumerate(signals):
        rule = transitions.INSTANCE[run.instance.status, signal.kind]
        if rule is Rule.REFUSE:
            raise IllegalSignal(run.instance.status, signal.kind, position)
        if rule is Rule.HOLD:
            run.held.append(signal)
        elif rule is Rule.APPLY:
            run.cause = None
            _SIGNALS[signal.kind](run, signal)
            _go(run)
    return run.decision()


def _go(run: Run) -> None:
    while run.moves:
        move = run.moves.popleft()
        if run.over:
            return
        if not run.may_enter(move):
            _out_of_budget(run)
            return
        step = run.plan.steps[move.step_id]
        execution = run.open(move)
        guarded(run, step, execution, partial(_enter, run, step, execution, move))


def _enter(run: Run, step: Step, execution: Execution, move: Move) -> None:
    if step.condition is not None and not run.is_true(step.condition):
        skip(run, step, execution)
    else:
        STEP_TYPES[step.type](run, step, execution, move)


def _out_of_budget(run: Run) -> None:
    run.cancel_below(None)
    message = f"The run was ended after {run.plan.max_transitions} steps; it seems never to stop by itself."
    run.finish(InstanceStatus.FAILED, failure=Failure("ENGINE", "TRANSITION_BUDGET", message))


# Signals


def _start(run: Run, signal: Signal) -> None:
    run.instance.status = InstanceStatus.RUNNING
    run.record("INSTANCE_STARTED", None, {"input": run.instance.input})
    cancelling.subscribe(run)
    _begin(run, Move(run.plan.start_at))


def _begin(run: Run, move: Move) -> None:
    """Give the variables their initial values and make the first move."""
    try:
        initial = {name: run.evaluate(value) for name, value in run.plan.variables.items()}
    except (run.plan.language.error, Unusable) as error:
        failure = failure_of(error, "A variable's initial value: ")
        run.finish(InstanceStatus.FAILED, failure=failure)
        return
    if initial:
        run.instance.variables.update(initial)
        run.record("VARIABLES_SET", None, {"variables": initial})
    if run.plan.timeout is not None:
        run.command(ArmTimer(None, "timeout", run.now + timedelta(seconds=run.plan.timeout)))
    run.moves.append(move)


def _position(run: Run, signal: Signal) -> tuple[Step, Execution] | None:
    """The execution a signal is about, if it is still a position of the run (a late result is not)."""
    execution = run.executions.get(signal.execution_id) if signal.execution_id else None
    if execution is None or not execution.active:
        return None
    return run.plan.steps[execution.step_id], run.touch(execution)


def _task_completed(run: Run, signal: Signal) -> None:
    if (found := _position(run, signal)) is None:
        return
    step, execution = found
    run.withdraw(execution, work=False)
    data = signal.data
    told.note_who(execution, data.get("by"))
    guarded(run, step, execution, lambda: complete(run, step, execution, data.get("output"), data.get("outcome")))


def _task_failed(run: Run, signal: Signal) -> None:
    if (found := _position(run, signal)) is None:
        return
    step, execution = found
    error = signal.data["error"]
    failure = Failure(
        error.get("type", "PERMANENT"),
        error.get("code", "FAILED"),
        error.get("message", ""),
        error.get("details") or {},
        bool(error.get("retryable")),
    )
    run.withdraw(execution, work=False)
    told.note_who(execution, signal.data.get("by"))
    status = StepStatus.TIMED_OUT if failure.type == "TIMEOUT" else StepStatus.FAILED
    guarded(run, step, execution, lambda: fail(run, step, execution, failure, status))


def _timer_due(run: Run, signal: Signal) -> None:
    purpose = signal.data["purpose"]
    if signal.execution_id is None:
        if run.instance.status is InstanceStatus.COMPENSATING:
            return  # what was done is undone to the end, however long that takes
        run.cancel_below(None)
        message = f"The run took longer than its limit of {run.plan.timeout:g} s."
        fail_run(run, Failure("TIMEOUT", "WORKFLOW_TIMED_OUT", message), None)
        return
    if (found := _position(run, signal)) is None:
        return
    step, execution = found
    if purpose == "delay":
        output = {"until": (execution.data or {}).get("dueAt")}
        guarded(run, step, execution, lambda: complete(run, step, execution, output, None))
    elif purpose == "event":
        _leave_wait(run, execution, "expired")
        failure = Failure("TIMEOUT", "EVENT_TIMED_OUT", f"No event {step.pattern} came in time.")
        if step.timeout_handler is None:
            guarded(run, step, execution, lambda: fail(run, step, execution, failure, StepStatus.TIMED_OUT))
        else:
            run.set_status(execution, StepStatus.TIMED_OUT)
            execution.error = failure.as_json()
            run.set_result(execution)
            run.record("STEP_TIMED_OUT", execution, {"error": execution.error})
            go_on(run, execution, step.timeout_handler)
    elif purpose == "retry":
        run.set_status(execution, StepStatus.RUNNING)
        move = Move(step.step_id, execution.scope, execution.parent_id, execution.branch)
        guarded(run, step, execution, partial(_enter, run, step, execution, move))
    else:
        holds_others = step.type in ("PARALLEL", "FOR_EACH")
        if holds_others:
            run.cancel_below(execution)
        run.withdraw(execution, work=not holds_others)
        failure = Failure("TIMEOUT", "STEP_TIMED_OUT", f"{step.name} took longer than {step.timeout:g} s.")
        guarded(run, step, execution, lambda: fail(run, step, execution, failure, StepStatus.TIMED_OUT))


def _continue(run: Run, signal: Signal) -> None:
    """The turn that a FOR_EACH, or what undoes, asked for."""
    if signal.execution_id is None:
        undoing.go_on(run)
        return
    found = _position(run, signal)
    if found is None or found[0].type != "FOR_EACH" or "left" not in (found[1].data or {}):
        return
    step, execution = found
    assert execution.data is not None
    execution.data.pop("asked", None)
    if "keep" in execution.data:
        items.keep(run, execution)
    go_on_with_items(run, step, execution)


def _event(run: Run, signal: Signal) -> None:
    """An event that a position may wait for. One whose condition is not true leaves it waiting.

    So does one by which the condition cannot be told, for want of a field, say: that is the event's fault, not the run's.
    """
    if (found := _position(run, signal)) is None or found[0].type != "EVENT_WAIT":
        return
    step, execution = found
    event = {"event": signal.data["event"]}
    if _is_awaited(run, step, execution, event):
        guarded(run, step, execution, lambda: _take_event(run, step, execution, event))


def _is_awaited(run: Run, step: Step, execution: Execution, event: dict[str, Any]) -> bool:
    if step.event_condition is None:
        return True
    around = run.scope, run.at
    run.scope, run.at = execution.scope, step.step_id
    try:
        return run.is_true(step.event_condition, event)
    except (run.plan.language.error, Unusable) as error:
        run.refuse_event(execution.id, event["event"], failure_of(error), execution)
        return False
    finally:
        run.scope, run.at = around


def _take_event(run: Run, step: Step, execution: Execution, event: dict[str, Any]) -> None:
    try:
        output = event["event"].get("payload") if step.output is None else run.evaluate(step.output, event)
    except (run.plan.language.error, Unusable):
        _leave_wait(run, execution, "cancelled", event["event"])
        raise
    _leave_wait(run, execution, "fulfilled", event["event"])
    run.cause = event["event"]
    complete(run, step, execution, output, None)


def _leave_wait(run: Run, execution: Execution, status: str, event: dict[str, Any] | None = None) -> None:
    event_id = (event or {}).get("eventId")
    run.withdraw(execution, work=False)
    run.command(Unsubscribe(execution.id, status, event_id))
    run.record("EVENT_WAIT_ENDED", execution, {"eventId": event_id} if event_id else None)
    if run.instance.status is InstanceStatus.WAITING_FOR_EVENT:
        run.instance.status = InstanceStatus.RUNNING


def _look_back(run: Run, signal: Signal) -> None:
    """The turn in which a wait looks for events that came before it began; void once it has ended."""
    execution = run.executions.get(signal.execution_id) if signal.execution_id else None
    if execution is not None and execution.active and run.plan.steps[execution.step_id].type == "EVENT_WAIT":
        after = signal.data.get("after")
        run.command(LookBack(execution.id, None if after is None else (after[0], after[1])))


def _awaited_child(run: Run, signal: Signal) -> tuple[Step, Execution] | None:
    """The position that waits for this very child; an earlier attempt's child comes too late."""
    found = _position(run, signal)
    if found is None or (found[1].data or {}).get("instanceId") != signal.data["instanceId"]:
        return None
    run.withdraw(found[1], work=False)
    return found


def _child_completed(run: Run, signal: Signal) -> None:
    if (found := _awaited_child(run, signal)) is None:
        return
    step, execution = found
    output = signal.data.get("output")
    outcome = output.get("outcome") if isinstance(output, dict) else None
    named = outcome if isinstance(outcome, str) else "COMPLETED"
    guarded(run, step, execution, lambda: complete(run, step, execution, output, named))


def _child_failed(run: Run, signal: Signal) -> None:
    if (found := _awaited_child(run, signal)) is None:
        return
    step, execution = found
    failure = Failure(**signal.data["error"])
    guarded(run, step, execution, lambda: fail(run, step, execution, failure))


def _cancel(run: Run, signal: Signal) -> None:
    data = signal.data
    run.instance.cancellation = {
        "reason": data.get("reason", ""),
        "requestedBy": data.get("requestedBy"),
        "requestedAt": run.now.isoformat(),
        "source": data.get("source", "USER"),
        "eventId": data.get("eventId"),
    }
    run._context = None
    run.undoes = bool(data.get("shouldCompensate"))
    run.cancel_below(None)
    if data.get("shouldCompensate") and run.plan.compensations:
        undoing.compensate(run, None, InstanceStatus.CANCELLED, at_hand=True)
    else:
        run.finish(InstanceStatus.CANCELLED)


def _cancel_event(run: Run, signal: Signal) -> None:
    if (cancel := cancelling.judge(run, signal)) is not None:
        _cancel(run, cancel)


def _suspend(run: Run, signal: Signal) -> None:
    run.instance.resume_to = run.instance.status
    run.instance.status = InstanceStatus.SUSPENDED
    run.command(PauseWork(resume=False))
    run.record("INSTANCE_SUSPENDED", None, steering.who_and_why(signal.data))


def _resume(run: Run, signal: Signal) -> None:
    run.instance.status = run.instance.resume_to or InstanceStatus.RUNNING
    run.instance.resume_to = None
    run.command(PauseWork(resume=True))
    run.record("INSTANCE_RESUMED", None, steering.who_and_why(signal.data))


def _retry(run: Run, signal: Signal) -> None:
    if run.instance.current_step_id is not None:
        steering.retry(run, signal)
        return
    # It ended before its first step.
    data = signal.data
    step = steering.place(run.plan, run.instance, data.get("stepId"))
    steering.reopen(run, signal, step)
    _begin(run, Move(step.step_id, input=data.get("input"), edited="input" in data))


_SIGNALS: dict[SignalKind, Callable[[Run, Signal], None]] = {
    SignalKind.START: _start,
    SignalKind.TASK_COMPLETED: _task_completed,
    SignalKind.TASK_FAILED: _task_failed,
    SignalKind.TIMER_DUE: _timer_due,
    SignalKind.CANCEL: _cancel,
    SignalKind.SUSPEND: _suspend,
    SignalKind.RESUME: _resume,
    SignalKind.RETRY: _retry,
    SignalKind.EVENT: _event,
    SignalKind.CONTINUE: _continue,
    SignalKind.SKIP: steering.skip,
    SignalKind.MOVE: steering.move,
    SignalKind.CHILD_COMPLETED: _child_completed,
    SignalKind.CHILD_FAILED: _child_failed,
    SignalKind.CANCEL_EVENT: _cancel_event,
    SignalKind.LOOK_BACK: _look_back,
}
