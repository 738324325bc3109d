"""Events that the definitions of tasks record: when a step's task is done, and when it has failed for good.

Whoever does the task, its step is what tells: so a payload that does not fit is the step's failure, a failure counts once the
step's retries are used up, and a dry run tells the same as a live one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .plan import Expression, Step, TaskBinding
from .run import Run, Unusable, failure_of
from .state import Execution, Failure

_BEGUN = "task"
"""In an execution's data, for a task that tells something: {input}, and ``by`` for whoever completed it."""

Events = list[tuple[str, Any]]
"""Pattern and payload of each."""


def begin(execution: Execution, binding: TaskBinding, value: Any) -> None:
    """Keep what the events of a task that begins now will need of it. Of a task without events nothing is kept."""
    told = binding.on_complete + binding.on_failure
    if not told:
        return
    reads = any(path[0] == "input" for _, payload in told if payload is not None for path in payload.reads)
    execution.data = {**(execution.data or {}), _BEGUN: {"input": value} if reads else {}}


def note_who(execution: Execution, by: str | None) -> None:
    """Somebody has answered the task."""
    if by is not None and execution.data is not None and _BEGUN in execution.data:
        execution.data[_BEGUN] = {**execution.data[_BEGUN], "by": by}


def of_completed(run: Run, step: Step, execution: Execution, output: Any) -> Events:
    """What is to be told of a task that is done. Raises the language's error or Unusable, and then nothing is to be told."""
    return [] if step.task is None else _events(run, step.task, execution, step.task.on_complete, {"output": output})


def tell(run: Run, step: Step, execution: Execution, events: Events) -> None:
    if step.task is None or execution.data is None:
        return
    task, who = _about(step.task, execution), execution.data.get(_BEGUN, {}).get("by")
    for index, (pattern, payload) in enumerate(events):
        run.emit(execution, pattern, payload, index, task=task, by=who)


def tell_failed(run: Run, step: Step, execution: Execution, failure: Failure) -> Failure:
    """Tell what is to be told of a task that is given up.

    Returns the failure; where it cannot be told, its details say why, for what has failed cannot fail again.
    """
    if step.task is None:
        return failure
    try:
        events = _events(run, step.task, execution, step.task.on_failure, {"error": failure.as_json()})
    except (run.plan.language.error, Unusable) as error:
        return replace(failure, details={**failure.details, "notEmitted": failure_of(error).as_json()})
    tell(run, step, execution, events)
    return failure


def _events(
    run: Run,
    binding: TaskBinding,
    execution: Execution,
    told: tuple[tuple[str, Expression | None], ...],
    result: dict[str, Any],
) -> Events:
    """Pattern and payload of each, all of them computed and checked before any is recorded."""
    begun = (execution.data or {}).get(_BEGUN)
    if begun is None:
        return []
    context = {"input": begun.get("input"), "task": _about(binding, execution), "now": run.now, **result}
    events = [(name, {} if payload is None else run.bounded(payload.evaluate(context))) for name, payload in told]
    for pattern, value in events:
        run.checked(pattern, value)
    return events


def _about(binding: TaskBinding, execution: Execution) -> dict[str, Any]:
    return {"id": str(execution.id), "taskId": binding.task_id, "version": binding.version}
