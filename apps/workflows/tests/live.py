"""Playing the world outside a stored run by hand: workers, people and time, without a process of either."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from apps.tasks.models import Task
from apps.tasks.runtime import queue
from apps.tasks.runtime.outcomes import ClaimedTask, TaskOutcome, deliver
from apps.tasks.runtime.queue import Finished
from apps.workflows.models import WorkflowInstance
from apps.workflows.services import timers

NAME = "test-worker"
LATER = ("workflows_timer", "due_at"), ("tasks_readytask", "ready_at")


class Outside:
    """Does what tests say to the tasks that lie ready, and lets time pass."""

    def __init__(self) -> None:
        self.held: dict[str, ClaimedTask] = {}

    def claim(self) -> list[ClaimedTask]:
        """Take every task that lies ready."""
        found = queue.claim(NAME, ["io"], 1_000)
        self.held |= {task.step_id: task for task in found}
        return found

    def complete(self, step_id: str, output: Any, outcome: str | None = None) -> bool:
        """Report success for a step's task. Returns whether the result was taken."""
        return self.report(Finished(self._task(step_id), "COMPLETED", output, outcome))

    def fail(self, step_id: str, error: dict[str, Any], status: str = "FAILED") -> bool:
        return self.report(Finished(self._task(step_id), status, error={"details": {}, "retryable": False, **error}))

    def report(self, result: Finished) -> bool:
        """What a worker's turn does with a result."""
        with transaction.atomic():
            taken = queue.settle(NAME, [result])
            deliver([queue.as_outcome(each) for each in taken])
        return bool(taken)

    def answer(self, task: Task, output: Any, action: str | None) -> None:
        """A person's answer, without the checks of the form."""
        task.status, task.output, task.outcome = Task.Status.COMPLETED, output, action
        task.completed_at = now()
        with transaction.atomic():
            task.save()
            deliver([TaskOutcome(task.pk, task.workflow_instance_id, "COMPLETED", output, action)])

    def _task(self, step_id: str) -> ClaimedTask:
        if step_id not in self.held:
            self.claim()
        return self.held.pop(step_id)


def fresh(run: WorkflowInstance) -> WorkflowInstance:
    """The run as it is stored now."""
    return WorkflowInstance.objects.get(id=run.id)


def now() -> Any:
    """The database's time; inside a transaction it stands still."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def pass_time(seconds: float) -> None:
    """Let everything that waits for a time be nearer to it by so much."""
    with connection.cursor() as cursor:
        for table, column in LATER:
            cursor.execute(
                f"UPDATE {table} SET {column} = {column} - make_interval(secs => %s) WHERE {column} < '4000-01-01'",
                [seconds],
            )


def next_due() -> float | None:
    """Seconds until the next timer is due or the next task lies ready; None when nothing is to come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM min(due) - now())::float8 FROM ("
            " SELECT due_at FROM workflows_timer WHERE due_at IS NOT NULL"
            " UNION ALL SELECT ready_at FROM tasks_readytask WHERE worker IS NULL AND ready_at < '4000-01-01') AS t(due)"
        )
        found: float | None = cursor.fetchone()[0]
    return found


def advance() -> None:
    """Fire what is due and take every signal that waits, and every one that comes of it, as workers' turns do."""
    timers.fire_timers()
    more = True
    while more:
        with transaction.atomic():
            _, more = deliver([], pump=200)
