"""Leaving a step: where a result leads, how branches join, what a failure does, how work is undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from . import failures, items, told
from .plan import FailureRule, Step
from .retry import DEFAULT
from .run import Move, Run, Unusable, failure_of
from .state import ArmTimer, Execution, Failure, RunTask
from .transitions import InstanceStatus, StepStatus
from .undoing import compensate, compensate_next


def guarded(run: Run, step: Step, execution: Execution, action: Callable[[], None]) -> None:
    """Do something for a step, in its scope. An expression that cannot be evaluated is the failure of its step."""
    around = run.scope, run.at
    run.scope, run.at = execution.scope, step.step_id
    try:
        action()
    except (run.plan.language.error, Unusable) as error:
        failure = failure_of(error)
        if execution.active:
            fail(run, step, execution, failure)
        else:
            # What the step led to could not be computed (the run's output, say), so the run itself fails.
            run.cancel_below(None)
            fail_run(run, failure, execution)
    finally:
        run.scope, run.at = around


def complete(
    run: Run,
    step: Step,
    execution: Execution,
    output: Any,
    outcome: str | None,
    *,
    target: str | None = None,
    route: bool = True,
    skipped: dict[str, Any] | None = None,
) -> None:
    """End a step well: show its result, set variables, go where it leads (``target`` when the step knows already).

    ``skipped``: a person passed it over with a result of theirs; by whom and why.
    """
    status = StepStatus.COMPLETED if skipped is None else StepStatus.SKIPPED
    events = [] if skipped is not None else told.of_completed(run, step, execution, output)
    execution.output, execution.outcome = output, outcome
    before = execution.status
    execution.status = status
    run.set_result(execution)
    execution.status = before
    # Variables and the way on are computed before anything is final, so that an error in them is the step's own.
    variables = {name: run.evaluate(expression) for name, expression in step.set_variables}
    if target is None and route:
        # Conditions on the way out see the new variables; where one of them fails, nothing was set.
        kept = dict(run.instance.variables)
        run.instance.variables.update(variables)
        try:
            target = next_step(run, step, outcome)
        except Exception:
            run.instance.variables.clear()
            run.instance.variables.update(kept)
            raise
    told.tell(run, step, execution, events)
    run.set_status(execution, status)
    data = ({"outcome": outcome} if outcome else {}) | (skipped or {})
    if step.type == "FOR_EACH" and (execution.error is not None or execution.attempt > 1):
        data["error"] = execution.error  # items that failed, although the step went on; or none any more
    run.record(f"STEP_{status.value}", execution, data)
    if variables:
        run.instance.variables.update(variables)
        run.record("VARIABLES_SET", execution, {"variables": variables})
    if not route:
        return
    go_on(run, execution, target)


def skip(run: Run, step: Step, execution: Execution, why: dict[str, Any] | None = None) -> None:
    """The step's condition was false, or a person passes it over: go on as if it had ended, with no result."""
    target = next_step(run, step, None)
    run.set_status(execution, StepStatus.SKIPPED)
    run.set_result(execution)
    run.record("STEP_SKIPPED", execution, why)
    go_on(run, execution, target)


def next_step(run: Run, step: Step, outcome: str | None) -> str | None:
    """The step that this one leads to, or None where its path ends."""
    run.at = step.step_id
    if step.transitions:
        target = step.transitions.get(outcome or "default") or step.transitions.get("default")
        if target is not None:
            return target
    for condition, target in step.next:
        if condition is None or run.is_true(condition):
            return target
    return None


def go_on(run: Run, execution: Execution, target: str | None) -> None:
    if target is None:
        end_path(run, execution)
        return
    run.moves.append(Move(target, execution.scope, execution.parent_id, execution.branch))


def end_path(run: Run, execution: Execution, *, root: bool = False) -> None:
    """A path has no next step: the run ends, or a branch or an item reports to what forked it."""
    if run.instance.status is InstanceStatus.COMPENSATING:
        compensate_next(run, execution)
    elif execution.parent_id is None or root:
        run.scope, run.at = "", failures.AT_THE_END  # the run's own output sees the run's own steps
        finish_well(run, None if run.plan.output is None else run.evaluate(run.plan.output))
    else:
        branch_ended(run, execution)


def finish_well(run: Run, output: Any) -> None:
    """The run is complete: emit what it emits then, and end it."""
    # What is said of the whole run sees the run's own steps, also where an item ends it.
    run.scope, run.at = "", failures.AT_THE_END
    emitted = [(pattern, {} if payload is None else run.evaluate(payload)) for pattern, payload in run.plan.on_complete]
    for pattern, payload in emitted:
        run.checked(pattern, payload)  # all of them first: where one is wrong the run fails, and has emitted none
    for index, (pattern, payload) in enumerate(emitted):
        run.emit(None, pattern, payload, index)
    run.finish(InstanceStatus.COMPLETED, output=output)


# Joins


def branch_ended(run: Run, last: Execution, failure: Failure | None = None) -> None:
    """A branch or an item reached its end, or failed for good. A PARALLEL joins when enough branches have ended well."""
    assert last.parent_id is not None
    parent = run.touch(run.executions[last.parent_id])
    step = run.plan.steps[parent.step_id]
    if parent.is_item:
        _item_ended(run, step, parent, last, failure)
        return
    name = step.branches[last.branch].name
    data = dict(parent.data or {})
    data["left"] -= 1
    if failure is None:
        data |= {"done": data["done"] + 1, "output": {**data["output"], name: last.output}}
    parent.data = data
    if data["done"] >= data["need"]:
        _leave(run, parent, others=data["left"])
        outcome = name if step.join == "ANY" else None
        guarded(run, step, parent, lambda: complete(run, step, parent, data["output"], outcome))
    elif data["done"] + data["left"] < data["need"]:
        _leave(run, parent, others=data["left"])
        cause = failure or Failure("PERMANENT", "JOIN_NOT_MET", "Too few branches ended well.")
        details = {**cause.details, "branch": name, "stepId": last.step_id}
        fail(run, step, parent, Failure(cause.type, cause.code, cause.message, details))


def _item_ended(run: Run, step: Step, item: Execution, last: Execution, failure: Failure | None) -> None:
    assert item.parent_id is not None
    parent = run.touch(run.executions[item.parent_id])
    output = last.output
    if failure is None and step.output is not None:
        around = run.scope, run.at
        run.scope, run.at = item.scope, failures.each_item(step.step_id)
        try:
            output = run.evaluate(step.output)
        except (run.plan.language.error, Unusable) as error:
            failure = failure_of(error)
        finally:
            run.scope, run.at = around
    items.end(run, item, parent, output, failure)
    if failure is None or step.on_item_failure == "CONTINUE":
        go_on_with_items(run, step, parent)
        return
    assert parent.data is not None
    _leave(run, parent, others=parent.data["left"])
    counts = {name: parent.data[name] for name in ("total", "left", "failed")}
    details = {**failure.details, "index": item.branch, "stepId": last.step_id, "items": counts}
    failure = Failure(failure.type, failure.code, failure.message, details, failure.retryable)
    guarded(run, step, parent, lambda: fail(run, step, parent, failure))


def go_on_with_items(run: Run, step: Step, execution: Execution) -> None:
    """Begin what may begin of a FOR_EACH, or end it when all its items have ended."""
    assert execution.data is not None
    if execution.data["left"]:
        items.begin(run, step, execution)
        return
    found = items.outputs(run, execution)
    if found is None:
        items.ask(run, execution)
        return
    run.withdraw(execution, work=False)
    execution.error = items.failures(execution)
    guarded(run, step, execution, lambda: complete(run, step, execution, run.bounded(found), None))


def _leave(run: Run, parent: Execution, *, others: int) -> None:
    if others:
        run.cancel_below(parent)
    run.withdraw(parent, work=False)


# Failing


def fail(run: Run, step: Step, execution: Execution, failure: Failure, status: StepStatus = StepStatus.FAILED) -> None:
    """An attempt of a step failed: try again, take a way the definition has for it, or let it rise."""
    if _retry(run, step, execution, failure):
        return
    failure = told.tell_failed(run, step, execution, failure)
    execution.error = failure.as_json()
    run.set_status(execution, status)
    run.set_result(execution)
    run.record(
        "STEP_TIMED_OUT" if status is StepStatus.TIMED_OUT else "STEP_FAILED", execution, {"error": execution.error}
    )
    rule = step.on_failure
    target = step.transitions.get(failure.code)
    if target is None and step.child is not None:  # how the child ended is an outcome, whatever its error's code
        target = step.transitions.get("CANCELLED" if failure.code == "CANCELLED" else "FAILED")
    if target is None and rule is not None:
        target = rule.target(failure.type, failure.code)
    if target is not None:
        go_on(run, execution, target)
    elif rule is not None and rule.action == "continue":
        go_on(run, execution, rule.next_step_id or next_step(run, step, None))
    elif rule is not None and rule.action == "compensate":
        run.cancel_below(None)
        compensate(run, failure, InstanceStatus.FAILED)
    elif rule is not None and rule.next_step_id is not None:
        go_on(run, execution, rule.next_step_id)
    elif run.instance.status is InstanceStatus.COMPENSATING:
        compensate_next(run, execution)
    elif execution.parent_id is not None:
        branch_ended(run, execution, failure)
    else:
        fail_run(run, failure, execution)


def _retry(run: Run, step: Step, execution: Execution, failure: Failure) -> bool:
    policy = step.retry
    if policy is None and step.on_failure is not None and step.on_failure.action == "retry":
        policy = DEFAULT
    if policy is None or step.type == "PARALLEL":
        return False
    delay = policy.delay_after(
        execution.attempt,
        error_type=failure.type,
        error_code=failure.code,
        retryable=failure.retryable,
        seed=str(execution.id),
    )
    if delay is None:
        return False
    execution.attempt += 1
    execution.error = failure.as_json()
    run.record(
        "STEP_RETRY_SCHEDULED", execution, {"attempt": execution.attempt, "delay": delay, "error": execution.error}
    )
    if step.task is not None and execution.status is StepStatus.PENDING:  # a worker had it
        run.command(
            RunTask(
                execution.id,
                step.step_id,
                step.task.definition_id,
                step.task.type,
                None,
                execution.attempt,
                step.timeout,
                delay,
                again=True,
            )
        )
    else:
        run.set_status(execution, StepStatus.WAITING)
        execution.data = {"timer": True, "dueAt": (run.now + timedelta(seconds=delay)).isoformat()}
        run.command(ArmTimer(execution.id, "retry", run.now + timedelta(seconds=delay)))
    return True


def fail_run(run: Run, failure: Failure, execution: Execution | None) -> None:
    """A failure that no step took care of: the workflow's own handler, or the end of the run."""
    details = dict(failure.details)
    if execution is not None:
        details = {"stepId": execution.step_id, **details}
    failure = Failure(failure.type, failure.code, failure.message, details, failure.retryable)
    rule: FailureRule | None = run.plan.on_failure
    target = None if rule is None else rule.target(failure.type, failure.code) or rule.next_step_id
    if execution is not None and execution.step_id in run.plan.handling:
        # The handler itself has failed. Sent back to itself, it would go on so until the budget is used up.
        target = None
        failure.details["cause"] = run.instance.error
    if target is not None and rule is not None and rule.action != "compensate":
        run.instance.error = failure.as_json()
        failures.note(run)
        run.moves.append(Move(target))
    elif rule is not None and rule.action == "compensate":
        compensate(run, failure, InstanceStatus.FAILED)
    else:
        run.finish(InstanceStatus.FAILED, failure=failure)
