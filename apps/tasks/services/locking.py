"""The beginning that all verbs share: lock the task, check the right, check the state.

Lock order, as in `runtime.queue`: rows of the ready queue, then task rows, then whatever a workflow does with the outcome.
"""

from __future__ import annotations

from uuid import UUID

from apps.auth.models import User
from apps.tasks import access, rules
from apps.tasks.models import Task
from apps.validation.problems import Conflict, StaleVersion


def locked(*, actor: User, verb: rules.Verb, task_id: UUID, if_match: int | None = None) -> Task:
    """The task, locked until the transaction ends.

    Raises NotFound, AccessDenied, StaleVersion (`if_match` is no longer its version) or Conflict (its state).
    """
    task = Task.objects.select_for_update().filter(pk=task_id).first()
    if task is None:
        raise access.not_found(task_id)
    _say_who_was_first(actor, verb, task)
    access.require(actor, verb, task)
    if if_match is not None and task.version != if_match:
        raise StaleVersion(f"The task was changed in the meantime: it is at version {task.version}.")
    if verb in rules.FOR_PEOPLE and task.type != Task.Type.MANUAL:
        raise Conflict(f"This task is done by a worker; nobody can {verb} it.", code="not-manual")
    if task.status not in rules.ALLOWED_FROM[verb]:
        raise closed(task)
    return task


def _say_who_was_first(actor: User, verb: rules.Verb, task: Task) -> None:
    """Two people went for the same task: the later one is told so, rather than that they lack a right."""
    if verb not in ("claim", "complete", "draft", "release") or access.may(actor, verb, task):
        return
    if not access.may_see(actor, task) or not access.standing(actor, task).may_see:
        return
    if task.status in rules.CLOSED:
        raise closed(task)
    if task.assignee_id is not None:
        raise Conflict("Somebody else has taken this task.", code="taken")


def closed(task: Task) -> Conflict:
    """The state no longer allows it."""
    return Conflict(f"The task is {task.status}.", code=f"task-{task.status.lower().replace('_', '-')}")


def save(task: Task, *fields: str) -> None:
    """Write `fields` and the next version; the row is locked, so nobody came in between."""
    task.version += 1
    task.save(update_fields=[*fields, "version"])
