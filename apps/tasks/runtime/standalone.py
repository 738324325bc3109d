"""Tasks that run without a workflow: nobody else decides whether a failed attempt is tried again, or says how they ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from apps.events.services import record_events
from apps.tasks.executors.base import Failed
from apps.tasks.executors.plans import TaskDefinitionPlan, plans_by_id
from apps.tasks.models import Task
from apps.validation.durations import parse_duration
from apps.workflows.engine.retry import parse_retry_policy

from . import telling
from .queue import Finished, NewRun, put


def judged(results: Sequence[Finished]) -> list[Finished]:
    """The results with the events that they bring; one whose events cannot be made has failed."""
    plans = plans_by_id({each.task.definition_id for each in results if _is_alone(each)})
    return [_judged(each, plans.get(each.task.definition_id)) if _is_alone(each) else each for each in results]


def _is_alone(result: Finished) -> bool:
    return result.task.workflow_instance_id is None


def _judged(result: Finished, plan: TaskDefinitionPlan | None) -> Finished:
    if plan is None or not plan.on_complete or result.status != "COMPLETED":
        return result
    events = telling.of_completed(plan, result.task.task_id, result.task.input, result.output)
    if isinstance(events, Failed):
        error = {**events.as_json(), "timestamp": datetime.now(UTC).isoformat()}
        return replace(result, status="FAILED", output=None, outcome=None, error=error)
    return replace(result, events=tuple(events))


def follow(results: Sequence[Finished]) -> None:
    """What follows from settled results: another attempt where the definition allows one, else the task's events."""
    alone = [each for each in results if _is_alone(each)]
    tell(alone, retried=_retry(alone))


def tell(results: Sequence[Finished], *, retried: Collection[UUID] = ()) -> None:
    """Record the events of tasks that have ended, with one statement if there are any."""
    failed = [each for each in results if each.status != "COMPLETED" and each.task.task_id not in retried]
    plans = plans_by_id({each.task.definition_id for each in failed})
    events = [event for each in results for event in telling.by(list(each.events), each.requested_by_id)]
    for each in failed:
        plan = plans.get(each.task.definition_id)
        if plan is None or not plan.on_failure:
            continue
        error = each.error or {}
        found = telling.of_failed(plan, each.task.task_id, each.task.input, error)
        if isinstance(found, Failed):
            Task.objects.filter(pk=each.task.task_id).update(error=telling.not_told(error, found))
        else:
            events += telling.by(found, each.requested_by_id)
    record_events(events)


def _retry(results: Sequence[Finished]) -> set[UUID]:
    """Put those back into the queue that failed and whose definition's retryPolicy allows another attempt."""
    failed = [each for each in results if each.status != "COMPLETED"]
    if not failed:
        return set()
    plans = plans_by_id({each.task.definition_id for each in failed})
    again = []
    for each in failed:
        plan = plans.get(each.task.definition_id)
        policy = parse_retry_policy(plan.retry_policy, parse_duration) if plan else None
        error = each.error or {}
        if policy is None:
            continue
        delay = policy.delay_after(
            each.attempts,
            error_type=error.get("type", ""),
            error_code=error.get("code", ""),
            retryable=bool(error.get("retryable")),
            seed=str(each.task.task_id),
        )
        if delay is not None:
            again.append(
                NewRun(
                    each.task.task_id,
                    each.task.definition_id,
                    None,
                    "",
                    "AUTOMATED",
                    None,
                    delay=delay,
                    again=True,
                )
            )
    put(again)
    return {each.task_id for each in again}
