"""What ends a person's task, and what opens it again.

Completing is one transaction: the task's row, the audit entry, and everything the workflow does because of it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.services import record_events
from apps.tasks import live
from apps.tasks.executors.base import Failed
from apps.tasks.executors.checks import check_storable
from apps.tasks.executors.plans import plans_by_id
from apps.tasks.models import ReadyTask, Task
from apps.tasks.runtime import telling
from apps.tasks.runtime.outcomes import TaskOutcome, deliver
from apps.validation.problems import Conflict, Unprocessable
from apps.validation.schemas import check_instance, is_valid
from apps.validation.violations import Violation

from .locking import locked, save

_CLOSING_FIELDS = ("status", "completed_at", "completed_by_id", "output", "outcome", "error", "draft", "assignee_id")


@transaction.atomic
def complete(
    *, actor: User, task_id: UUID, action: str | None = None, output: Any = None, if_match: int | None = None
) -> Task:
    """Answer a task. `action` is one of its actions (not needed where it has one or none), `output` fits its form.

    Unprocessable with pointers into {action, output} when they do not; Conflict when it is no longer open or somebody
    else has it. A candidate who completes a free task has thereby taken it.
    """
    task = locked(actor=actor, verb="complete", task_id=task_id, if_match=if_match)
    answer = {} if output is None else output
    keys = [each.get("actionKey") for each in task.actions or []]
    if action is None and len(keys) == 1:
        action = keys[0]
    if violations := [*_check_action(keys, action), *_check_answer(task, answer)]:
        raise Unprocessable("The answer does not fit the task.", violations=violations)
    now = timezone.now()
    task.status = Task.Status.COMPLETED
    task.completed_at = now
    task.completed_by = actor
    task.assignee_id = task.assignee_id or actor.pk
    task.output, task.outcome, task.error, task.draft = answer, action, None, None
    _close(actor, "completed", task, action=action)
    return task


@transaction.atomic
def cancel(*, actor: User, task_id: UUID, reason: str = "", if_match: int | None = None) -> Task:
    """Stop an open task of any type. A worker that runs it is not interrupted; its result is refused."""
    # The queue's row before the task's, as the workers take them.
    queued = ReadyTask.objects.select_for_update().filter(pk=task_id).first()
    task = locked(actor=actor, verb="cancel", task_id=task_id, if_match=if_match)
    if queued is not None:
        queued.delete()
    now = timezone.now()
    message = reason or "The task was cancelled."
    task.status = Task.Status.CANCELLED
    task.completed_at = now
    task.completed_by = actor
    task.error = {
        "type": "PERMANENT",
        "code": "CANCELLED",
        "message": message,
        "details": {"by": actor.username},
        "timestamp": now.isoformat(),
    }
    _close(actor, "cancelled", task, reason=reason)
    return task


@transaction.atomic
def reopen(*, actor: User, task_id: UUID, if_match: int | None = None) -> Task:
    """Open a closed task again, its answer as the draft. Conflict when a workflow already went on with the answer."""
    task = locked(actor=actor, verb="reopen", task_id=task_id, if_match=if_match)
    if task.workflow_instance_id is not None:
        raise Conflict(
            "A workflow went on with this task's answer; retry the step on its instance instead.", code="workflow-task"
        )
    task.status = Task.Status.PENDING if task.assignee_id is None else Task.Status.ASSIGNED
    task.draft = task.output if isinstance(task.output, dict) else None
    task.completed_at = task.completed_by = task.output = task.outcome = task.error = None
    save(task, *_CLOSING_FIELDS)
    record_audit(actor=actor, action="task.reopened", resource="task", resource_id=str(task.pk))
    live.changed(task)
    return task


def _close(actor: User, what: str, task: Task, **details: Any) -> None:
    save(task, *_CLOSING_FIELDS)
    record_audit(
        actor=actor,
        action=f"task.{what}",
        resource="task",
        resource_id=str(task.pk),
        details={name: value for name, value in details.items() if value},
    )
    deliver(
        [
            TaskOutcome(
                task_id=task.pk,
                workflow_instance_id=task.workflow_instance_id,
                status=str(task.status),
                output=task.output,
                outcome=task.outcome,
                error=task.error,
                by_id=actor.pk,
            )
        ]
    )
    if task.workflow_instance_id is None:
        _tell(actor, task)
    live.changed(task)


def _tell(actor: User, task: Task) -> None:
    """Record the events of a task that runs by itself. Unprocessable when the answer does not fit what they are defined as."""
    definition_id = task.definition_id
    plan = None if definition_id is None else plans_by_id({definition_id}).get(definition_id)
    if plan is None:
        return
    if task.status == Task.Status.COMPLETED:
        events = telling.of_completed(plan, task.pk, task.input, task.output, ending=task.version)
        if isinstance(events, Failed):
            raise Unprocessable(
                f"The task cannot be completed with this answer. {events.message}",
                violations=[Violation(events.code.lower().replace("_", "-"), events.message, "/output")],
            )
    else:
        events = telling.of_failed(plan, task.pk, task.input, task.error or {}, ending=task.version)
        if isinstance(events, Failed):
            task.error = telling.not_told(task.error or {}, events)
            task.save(update_fields=["error"])
            return
    record_events(telling.by(events, actor.pk))


def _check_action(keys: list[str], action: str | None) -> list[Violation]:
    if (action is None and not keys) or action in keys:
        return []
    if not keys:
        return [Violation("unknown-action", "This task has no actions to choose from.", "/action")]
    message = "Choose one of the task's actions." if action is None else f"The task has no action {action!r}."
    return [Violation("unknown-action", message, "/action", hint="One of " + ", ".join(keys) + ".")]


def _check_answer(task: Task, answer: Any) -> list[Violation]:
    """The form's schema, then the definition's outputSchema where it says more."""
    if (flaw := check_storable(answer)) is not None:
        return [Violation(flaw.code.lower().replace("_", "-"), flaw.message, "/output")]
    form = task.form if isinstance(task.form, dict) and "componentId" not in task.form else None
    promised = task.definition.document.get("outputSchema") if task.definition else None
    for schema in (form, promised):
        if schema is not None and not is_valid(schema, answer):
            return check_instance(schema, answer, "/output")
    return []
