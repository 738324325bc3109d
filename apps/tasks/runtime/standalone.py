"""Tasks that run without a workflow: nobody else decides whether a failed attempt is tried again."""

from __future__ import annotations

from collections.abc import Sequence

from apps.tasks.executors.plans import plans_by_id
from apps.validation.durations import parse_duration
from apps.workflows.engine.retry import parse_retry_policy

from .queue import Finished, NewRun, put


def retry(results: Sequence[Finished]) -> None:
    """Put those back into the queue that failed and whose definition's retryPolicy allows another attempt."""
    failed = [each for each in results if each.status != "COMPLETED"]
    if not failed:
        return
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
