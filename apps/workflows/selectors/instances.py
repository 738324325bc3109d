"""Reading runs: who may see which, lists, one run's picture, its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Count, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.auth.access import permitted_scopes
from apps.auth.models import User
from apps.tasks.models import ReadyTask, Task
from apps.validation.problems import NotFound
from apps.workflows.engine import needs
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.state import ITEM, Instance
from apps.workflows.models import (
    HistoryRecord,
    InboxSignal,
    StepExecution,
    Timer,
    WorkflowDefinition,
    WorkflowInstance,
)
from apps.workflows.orchestrator import load
from apps.workflows.orchestrator.plans import plan_for

from .cancelled_by import cancelled_by
from .explain import Position, Surroundings, explain, waiting_for
from .items import ItemsProgress, Progress, open_positions, progress
from .queue import place_in_queue


def visible_instances(actor: User) -> QuerySet[WorkflowInstance]:
    """The runs that the actor may see: all, those they started, those they have a task in."""
    scopes = permitted_scopes(actor, "view:instance")
    if "all" in scopes:
        return WorkflowInstance.objects.all()
    mine = Q(pk__in=[])
    if "own" in scopes:
        mine |= Q(started_by=actor)
    if "assigned" in scopes:
        tasks = Task.objects.filter(type=Task.Type.MANUAL, workflow_instance_id__isnull=False)
        taking_part = tasks.filter(Q(assignee=actor) | Q(completed_by=actor))
        mine |= Q(id__in=taking_part.values("workflow_instance_id"))
    return WorkflowInstance.objects.filter(mine)


def runs_of_tasks(task_ids: set[UUID]) -> dict[UUID, UUID]:
    """The run that each of these tasks belongs to; a task without one is left out. A step's task has its execution's id."""
    if not task_ids:
        return {}
    return dict(StepExecution.objects.filter(id__in=task_ids).values_list("id", "instance_id"))


def is_visible(actor: User, instance: WorkflowInstance) -> bool:
    """Whether the actor may know of this run."""
    scopes = permitted_scopes(actor, "view:instance")
    if "all" in scopes or ("own" in scopes and instance.started_by_id == actor.pk):
        return True
    return "assigned" in scopes and visible_instances(actor).filter(pk=instance.pk).exists()


def find_instance(actor: User, instance_id: UUID) -> WorkflowInstance:
    """NotFound when there is none, or the actor may not know of it."""
    instance = WorkflowInstance.objects.filter(id=instance_id).first()
    if instance is None or not is_visible(actor, instance):
        raise NotFound(f"There is no run {instance_id}.")
    return instance


def filtered(
    actor: User,
    *,
    status: list[str] | None = None,
    workflow_id: str | None = None,
    correlation_id: str | None = None,
    search: str | None = None,
    started_after: datetime | None = None,
    started_before: datetime | None = None,
    parent_instance_id: UUID | None = None,
) -> QuerySet[WorkflowInstance]:
    """The runs for a list, unordered. ``search``: an id, a correlation id or a workflow id, whole or its beginning."""
    rows = visible_instances(actor)
    if status:
        rows = rows.filter(status__in=status)
    if workflow_id:
        rows = rows.filter(workflow_id=workflow_id)
    if correlation_id:
        rows = rows.filter(correlation_id=correlation_id)
    if started_after:
        rows = rows.filter(started_at__gte=started_after)
    if started_before:
        rows = rows.filter(started_at__lt=started_before)
    if parent_instance_id:
        rows = rows.filter(parent_instance_id=parent_instance_id)
    if search:
        rows = rows.filter(_matches(search.strip()))
    return rows


def _matches(text: str) -> Q:
    try:
        return Q(id=UUID(text))
    except ValueError:
        return Q(correlation_id=text) | Q(workflow_id__startswith=text)


def summary(instance: WorkflowInstance, names: dict[UUID, str], users: dict[UUID, str]) -> dict[str, Any]:
    """A run in a list."""
    return {
        "id": str(instance.id),
        "workflowDefinitionId": instance.workflow_id,
        "workflowName": names.get(instance.definition_id, instance.workflow_id),
        "definitionVersion": instance.definition_version,
        "status": instance.status,
        "currentStepId": instance.current_step_id,
        "correlationId": instance.correlation_id,
        "error": instance.error,
        "startedBy": users.get(instance.started_by_id) if instance.started_by_id else None,
        "startedAt": instance.started_at,
        "updatedAt": instance.updated_at,
        "completedAt": instance.completed_at,
    }


def summaries(instances: list[WorkflowInstance]) -> list[dict[str, Any]]:
    """Runs of one page of a list, with two more queries whatever their number."""
    definitions = WorkflowDefinition.objects.filter(id__in={each.definition_id for each in instances})
    names = dict(definitions.values_list("id", "name"))
    users = usernames({each.started_by_id for each in instances})
    return [summary(each, names, users) for each in instances]


def usernames(ids: set[UUID | None]) -> dict[UUID, str]:
    wanted = {each for each in ids if each is not None}
    return dict(get_user_model().objects.filter(id__in=wanted).values_list("id", "username")) if wanted else {}


def detail(instance: WorkflowInstance) -> dict[str, Any]:
    """One run as definitions.md shows it. Of each step the latest visit; what lies before is in the history.

    Of what is inside a FOR_EACH it has counts, and the first few of the positions.
    """
    definition = WorkflowDefinition.objects.get(id=instance.definition_id)
    users = usernames({instance.started_by_id})
    plan, head = plan_for(instance.definition_id), load.head_of(instance)
    executions = latest_visits(plan, head)
    inside = open_positions(plan, head, executions)
    tasks = {
        task.id: task
        for task in Task.objects.filter(id__in=[each.id for each in (*executions, *inside)]).only(
            "id", "type", "input", "status", "title", "assignee_id", "due_at", "candidate_groups", "candidate_users"
        )
    }
    positions = _positions([*executions, *inside], tasks, instance.definition_id)
    children = _children(instance, executions)
    steps = {each.step_id: _step(each, tasks.get(each.id), children.get(each.id)) for each in executions}
    return summary(instance, {definition.id: definition.name}, users) | {
        "input": instance.input,
        "output": instance.output,
        "version": instance.version,
        "seq": instance.seq,
        "state": {
            "variables": instance.variables,
            "currentStepId": instance.current_step_id,
            "steps": _with_items(steps, progress(plan, head, executions)),
            "waitingFor": waiting_for(positions),
        },
        "cancellation": instance.cancellation,
        "compensationState": instance.compensation,
        "parentInstanceId": instance.parent_instance_id,
        "triggerEventId": instance.trigger_event_id,
        "document": definition.document,
    }


def latest_visits(plan: Plan, head: Instance) -> list[StepExecution]:
    """Of each step its latest visit, found by their ids: as many as the definition has steps, however long the run is."""
    ids = needs.latest_ids(plan, head, [step_id for step_id, step in plan.steps.items() if not step.scopes])
    latest: dict[str, StepExecution] = {}
    for each in StepExecution.objects.filter(id__in=ids).order_by("visit"):
        latest[each.step_id] = each
    return sorted(latest.values(), key=lambda each: (each.started_at, each.seq))


def _children(instance: WorkflowInstance, executions: list[StepExecution]) -> dict[UUID, UUID]:
    """By execution: the run that its latest attempt has started."""
    if "SUB_WORKFLOW" not in plan_for(instance.definition_id).types:
        return {}
    ids = [each.id for each in executions]
    rows = WorkflowInstance.objects.filter(parent_execution_id__in=ids).order_by("started_at")
    return {row.parent_execution_id: row.id for row in rows.only("parent_execution_id") if row.parent_execution_id}


def _step(execution: StepExecution, task: Task | None, child: UUID | None = None) -> dict[str, Any]:
    return {
        "status": execution.status,
        "visit": execution.visit,
        "attempts": execution.attempt,
        "input": task.input if task is not None else execution.input,
        "output": execution.output,
        "outcome": execution.outcome,
        "error": execution.error,
        "executionId": str(execution.id),
        "taskId": str(task.id) if task is not None else None,
        "childInstanceId": None if child is None else str(child),
        "startedAt": execution.started_at,
        "completedAt": execution.completed_at,
    }


def _with_items(steps: dict[str, dict[str, Any]], found: ItemsProgress) -> dict[str, dict[str, Any]]:
    """The steps, those inside items as one each for all items, and how far the items of each FOR_EACH are."""
    for step_id, each in found.steps.items():
        steps[step_id] = _step_of_many(each)
    for step_id, each in found.items.items():
        steps[step_id]["items"] = each.as_json()
    return steps


def _step_of_many(each: Progress) -> dict[str, Any]:
    nothing = dict.fromkeys(("input", "output", "outcome", "error", "executionId", "taskId"))
    active = each.status in StepExecution.ACTIVE
    return nothing | {
        "status": each.status,
        "visit": 1,
        "attempts": 1,
        "startedAt": each.started_at,
        "completedAt": None if active else each.completed_at,
        "visits": each.as_json(),
    }


def _positions(
    executions: list[StepExecution], tasks: dict[UUID, Task], definition_id: UUID, *, queue: bool = False
) -> list[Position]:
    active = [each for each in executions if each.status in StepExecution.ACTIVE]
    if not active:
        return []
    ids = [each.id for each in active]
    timers = {timer.execution_id: timer for timer in Timer.objects.filter(execution_id__in=ids)}
    users = usernames({task.assignee_id for task in tasks.values()})
    queued = ReadyTask.objects.in_bulk(ids) if queue else {}
    plan = plan_for(definition_id)
    return [
        Position.of(each, tasks.get(each.id), timers.get(each.id), users, queued.get(each.id), plan) for each in active
    ]


EXPLAINED = 200


def explanation(instance: WorkflowInstance, actor: User | None = None) -> dict[str, Any]:
    """What the run waits for, since when, and what would move it. ``actor``: who asks, where other runs are to be named."""
    active = StepExecution.objects.filter(instance_id=instance.id, status__in=StepExecution.ACTIVE)
    executions = list(active.exclude(visit=ITEM).order_by("seq")[:EXPLAINED])
    tasks = {task.id: task for task in Task.objects.filter(id__in=[each.id for each in executions])}
    positions = _positions(executions, tasks, instance.definition_id, queue=True)
    around = _surroundings(instance, more=len(executions) == EXPLAINED, queued=any(each.queued for each in positions))
    place = place_in_queue(instance, None if actor is None else visible_instances(actor))
    return explain(instance, positions, replace(around, queue=place))


def _surroundings(instance: WorkflowInstance, *, more: bool, queued: bool) -> Surroundings:
    signals = dict(
        InboxSignal.objects.filter(instance_id=instance.id).order_by().values_list("held").annotate(Count("id"))
    )
    whole = Timer.objects.filter(instance_id=instance.id, execution_id__isnull=True).values_list("due_at", flat=True)
    busy = ReadyTask.objects.filter(leased_until__gt=timezone.now()) if queued else ReadyTask.objects.none()
    return Surroundings(
        now=timezone.now(),
        suspension=_suspension(instance) if instance.status == "SUSPENDED" else None,
        inbox=signals.get(False, 0),
        held=signals.get(True, 0),
        ends_by=whole.first(),
        busy_workers=busy.count(),
        more=more,
        compensation=instance.compensation or {},
        cancelled_by=cancelled_by(plan_for(instance.definition_id)) if instance.status in _CANCELLABLE else (),
    )


_CANCELLABLE = ("RUNNING", "WAITING_FOR_EVENT", "SUSPENDED")


def _suspension(instance: WorkflowInstance) -> dict[str, Any]:
    """Who let the run rest, when and why. Little can happen to it since, so the entry is among the latest."""
    latest = HistoryRecord.objects.filter(instance_id=instance.id).order_by("-first_seq")
    for record in latest[:50].iterator(chunk_size=10):
        for entry in record.entries:
            if entry["type"] == "INSTANCE_SUSPENDED":
                return {"at": record.at, **entry.get("data", {})}
    return {"at": instance.updated_at}


def history(
    instance_id: UUID, *, after: int = 0, limit: int = 200, until: int | None = None, step_id: str | None = None
) -> tuple[list[dict[str, Any]], int | None]:
    """Entries with numbers above ``after`` (up to ``until``), in order, and the ``after`` of the next page or None.

    ``step_id``: only those about this step.
    """
    entries: list[dict[str, Any]] = []
    # The record with the entry after that one is found by its key, however many there are before it.
    begin = HistoryRecord.objects.filter(instance_id=instance_id, first_seq__lte=after + 1).order_by("-first_seq")
    first = Coalesce(Subquery(begin.values("first_seq")[:1]), 0)
    records = _records(instance_id, step_id).filter(first_seq__gte=first, last_seq__gt=after).order_by("first_seq")
    if until is not None:
        records = records.filter(first_seq__lte=until)
    # Of the first record all that is about the step may lie on the other side.
    for record in records[: limit + 2].iterator(chunk_size=limit + 2):
        entries += [
            each
            for each in _entries(record, step_id)
            if each["seq"] > after and (until is None or each["seq"] <= until)
        ]
        if len(entries) > limit:
            break
    more = len(entries) > limit
    return entries[:limit], (entries[limit - 1]["seq"] if more else None)


def history_before(
    instance_id: UUID, before: int, *, limit: int = 200, step_id: str | None = None
) -> tuple[list[dict[str, Any]], int | None]:
    """The last ``limit`` entries with numbers below ``before``, in order, and the ``before`` of those earlier or None."""
    entries: list[dict[str, Any]] = []
    records = _records(instance_id, step_id).filter(first_seq__lt=before).order_by("-first_seq")
    # Of the first record all that is about the step may lie on the other side.
    for record in records[: limit + 2].iterator(chunk_size=limit + 2):
        entries = [each for each in _entries(record, step_id) if each["seq"] < before] + entries
        if len(entries) > limit:
            break
    page = entries[-limit:]
    return page, (page[0]["seq"] if len(entries) > limit else None)


def _records(instance_id: UUID, step_id: str | None) -> QuerySet[HistoryRecord]:
    records = HistoryRecord.objects.filter(instance_id=instance_id)
    return records if step_id is None else records.filter(entries__contains=[{"stepId": step_id}])


def _entries(record: HistoryRecord, step_id: str | None) -> list[dict[str, Any]]:
    return [{**entry, "at": record.at} for entry in record.entries if step_id is None or entry.get("stepId") == step_id]
