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


class Told:
    """Events of one task, computed and checked, to be emitted together."""

    def __init__(self, run: Run, step: Step, execution: Execution) -> None:
        self.run, self.execution, self.events = run, execution, list[tuple[str, Any]]()
        self.begun = None if step.task is None or execution.data is None else execution.data.get(_BEGUN)
        self.binding = step.task

    def prepare(self, told: tuple[tuple[str, Expression | None], ...], **result: Any) -> None:
        """Raises the language's error or Unusable, and then none of them is to be emitted."""
        assert self.binding is not None and self.begun is not None
        context = {"task": self._task(), "input": self.begun.get("input"), "now": self.run.now, **result}
        for pattern, payload in told:
            value = {} if payload is None else self.run.bounded(payload.evaluate(context))
            self.run.checked(pattern, value)
            self.events.append((pattern, value))

    def emit(self) -> None:
        for index, (pattern, payload) in enumerate(self.events):
            assert self.begun is not None
            self.run.emit(self.execution, pattern, payload, index, task=self._task(), by=self.begun.get("by"))

    def _task(self) -> dict[str, Any]:
        assert self.binding is not None
        return {"id": str(self.execution.id), "taskId": self.binding.task_id, "version": self.binding.version}


def of_completed(run: Run, step: Step, execution: Execution, output: Any) -> Told:
    """What is to be told of a task that is done. Raises as :meth:`Told.prepare` does."""
    told = Told(run, step, execution)
    if step.task is not None and told.begun is not None:
        told.prepare(step.task.on_complete, output=output)
    return told


def tell_failed(run: Run, step: Step, execution: Execution, failure: Failure) -> Failure:
    """Emit what is to be told of a task that is given up.

    Returns the failure; where its events cannot be made, its details say why, for it cannot fail twice.
    """
    told = Told(run, step, execution)
    if step.task is None or told.begun is None:
        return failure
    try:
        told.prepare(step.task.on_failure, error=failure.as_json())
    except (run.plan.language.error, Unusable) as error:
        return replace(failure, details={**failure.details, "notEmitted": failure_of(error).as_json()})
    told.emit()
    return failure
