"""Running a task by itself, without a workflow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.auth.access import require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.services import NewEvent, record_events
from apps.tasks import live
from apps.tasks.assignment import priority_of, resolve
from apps.tasks.executors import Completed, Failed, TaskCall, TaskDefinitionPlan, check_input, plan_of, run_checked_now
from apps.tasks.models import Task
from apps.tasks.runtime import queue, telling
from apps.validation.definitions import services as definitions
from apps.validation.expressions import EvaluationError
from apps.validation.problems import Conflict, Unprocessable
from apps.validation.violations import Violation

from .definitions import TASKS


@transaction.atomic
def run_task(
    *,
    actor: User,
    key: str,
    version: str | None = None,
    input: Any = None,  # noqa: A002  the word of the definition language
    priority: str | None = None,
) -> Task:
    """Run the published definition `key` with `input`.

    A task that needs no waiting is done when this returns (COMPLETED or FAILED); a worker's is PENDING and queued; a
    person's is open. Unprocessable with pointers below `/input` when the input does not fit.
    """
    require(actor, "run:task")
    definition = definitions.find_published(TASKS, key=key, version=version)
    plan = plan_of(definition)
    value = {} if input is None else input
    if (refused := check_input(plan, value)) is not None:
        raise Unprocessable(refused.message, violations=_violations(refused))
    task = Task(
        definition=definition,
        type=plan.type,
        title=definition.name,
        description=definition.description,
        input=value,
        priority=priority_of(priority),
        requested_by=actor,
    )
    if plan.kind == "HUMAN":
        _open(task, plan, priority)
    elif plan.executor is None:
        raise Conflict(f"Tasks of kind {plan.kind} cannot be run on this installation.", code="kind-unavailable")
    elif plan.inline:
        _do(task, plan)
    else:
        task = _queue(task, plan, actor)
    record_audit(
        actor=actor,
        action="task.requested",
        resource="task",
        resource_id=str(task.pk),
        details={"taskId": key, "version": definition.version},
    )
    live.changed(task)
    return task


def _open(task: Task, plan: TaskDefinitionPlan, priority: str | None) -> None:
    now = timezone.now()
    try:
        parameters = plan.compiled.evaluate({"input": task.input, "now": now})
    except EvaluationError as error:
        raise Unprocessable(
            f"The task cannot be opened with this input: {error}",
            violations=[Violation(error.code, error.message, "/input")],
        ) from error
    for name, value in resolve(parameters, now=now).columns().items():
        setattr(task, name, value)
    if priority is not None:
        task.priority = priority_of(priority)
    task.started_at = now if task.assignee_id else None
    task.save(force_insert=True)


def _do(task: Task, plan: TaskDefinitionPlan) -> None:
    task.started_at = timezone.now()
    result = run_checked_now(
        TaskCall(task_id=task.pk, attempt=1, definition=plan, input=task.input, now=task.started_at)
    )
    task.completed_at = timezone.now()
    task.attempt = 1
    events: list[NewEvent] | Failed = []
    if isinstance(result, Completed):
        events = telling.of_completed(plan, task.pk, task.input, result.output)
        if isinstance(events, Failed):
            result = events
    if isinstance(result, Completed):
        task.status, task.output, task.outcome = Task.Status.COMPLETED, result.output, result.outcome
    else:
        task.status = Task.Status.FAILED
        task.error = {**result.as_json(), "timestamp": task.completed_at.isoformat()}
        events = telling.of_failed(plan, task.pk, task.input, task.error)
        if isinstance(events, Failed):
            task.error = telling.not_told(task.error, events)
    task.save(force_insert=True)
    if not isinstance(events, Failed):
        record_events(telling.by(events, task.requested_by_id))


def _queue(task: Task, plan: TaskDefinitionPlan, actor: User) -> Task:
    task_id: UUID = uuid7()
    assert plan.definition_id is not None
    queue.put(
        [
            queue.NewRun(
                task_id=task_id,
                definition_id=plan.definition_id,
                workflow_instance_id=None,
                step_id="",
                type=plan.type,
                input=task.input,
                priority=task.priority,
                timeout=plan.timeout,
            )
        ]
    )
    Task.objects.filter(pk=task_id).update(title=task.title, description=task.description, requested_by=actor)
    return Task.objects.get(pk=task_id)


def _violations(refused: Failed) -> list[Violation]:
    found = refused.details.get("violations", [])
    return [
        Violation(each["code"], each["message"], "/input" + each["pointer"], hint=each.get("hint", ""))
        for each in found
    ]
