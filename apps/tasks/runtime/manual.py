"""Opening tasks for people: who may take them, by when, with which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.tasks import live
from apps.tasks.assignment import resolve_many
from apps.tasks.models import Task


@dataclass(frozen=True, slots=True)
class NewManualTask:
    """A task to be opened. ``manual``: the evaluated parameters of definitions.md (assignee, candidateUsers, …)."""

    task_id: UUID
    definition_id: UUID | None
    workflow_instance_id: UUID | None
    step_id: str
    input: Any
    manual: dict[str, Any]
    requested_by_id: UUID | None = None


_OPENED_WITH = (
    *("input", "status", "created_at", "started_at", "completed_at", "completed_by", "output", "outcome", "error"),
    *("title", "description", "form", "actions", "assignee", "candidate_users", "candidate_groups", "due_at"),
    *("priority", "manual"),
)


def open_tasks(requests: Sequence[NewManualTask], now: datetime) -> None:
    """Open the tasks in the caller's transaction, with one insert. ``now``: that transaction's time.

    A task that there is already (its step is tried again) is opened anew; what had been written so far stays its draft.
    """
    if not requests:
        return
    tasks = [
        Task(
            id=request.task_id,
            definition_id=request.definition_id,
            workflow_instance_id=request.workflow_instance_id,
            step_id=request.step_id,
            type=Task.Type.MANUAL,
            input=request.input,
            requested_by_id=request.requested_by_id,
            created_at=now,
            **assignment.columns(),
        )
        for request, assignment in zip(requests, resolve_many([each.manual for each in requests], now=now), strict=True)
    ]
    Task.objects.bulk_create(tasks, update_conflicts=True, unique_fields=["id"], update_fields=_OPENED_WITH)
    live.changed(*tasks)
