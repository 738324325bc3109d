"""Opening tasks for people: who may take them, by when, with which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from apps.tasks import live
from apps.tasks.models import Priority, Task
from apps.validation.durations import parse_duration

_OWN = frozenset(
    {"title", "description", "assignee", "assigneeRole", "candidateUsers", "candidateGroups", "taskForm", "actions",
     "priority", "dueIn"}
)  # fmt: skip
DEFAULT_ACTIONS = [{"actionKey": "complete", "label": "Complete", "style": "primary"}]


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


def open_tasks(requests: Sequence[NewManualTask], now: datetime) -> None:
    """Open the tasks in the caller's transaction, with one insert. ``now``: that transaction's time."""
    if not requests:
        return
    names = {name for request in requests if isinstance(name := request.manual.get("assignee"), str)}
    users = dict(get_user_model().objects.filter(username__in=names).values_list("username", "id")) if names else {}
    live.changed(*Task.objects.bulk_create(_task(request, users, now) for request in requests))


def _task(request: NewManualTask, users: dict[str, UUID], now: datetime) -> Task:
    manual = request.manual
    assignee = manual.get("assignee")
    assignee_id = users.get(assignee) if isinstance(assignee, str) else None
    groups = [*_names(manual.get("assigneeRole")), *_names(manual.get("candidateGroups"))]
    if assignee_id is None:
        # `assignee` may also name a role or group: then it is offered to those who are in it.
        groups = [*_names(assignee), *groups]
    due_in = manual.get("dueIn")
    priority = manual.get("priority") or "MEDIUM"
    return Task(
        id=request.task_id,
        definition_id=request.definition_id,
        workflow_instance_id=request.workflow_instance_id,
        step_id=request.step_id,
        type=Task.Type.MANUAL,
        status=Task.Status.ASSIGNED if assignee_id else Task.Status.PENDING,
        priority=Priority[priority].value if priority in Priority.names else Priority.MEDIUM.value,
        input=request.input,
        title=str(manual.get("title") or request.step_id)[:255],
        description=str(manual.get("description") or ""),
        form=_form(manual.get("taskForm")),
        actions=manual.get("actions") or DEFAULT_ACTIONS,
        assignee_id=assignee_id,
        candidate_users=_names(manual.get("candidateUsers")),
        candidate_groups=list(dict.fromkeys(groups)),
        due_at=now + parse_duration(due_in) if due_in else None,
        manual={name: value for name, value in manual.items() if name not in _OWN} or None,
        requested_by_id=request.requested_by_id,
        created_at=now,
    )


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [name for name in value or () if isinstance(name, str)]


def _form(form: Any) -> dict[str, Any] | None:
    return {"componentId": form} if isinstance(form, str) else form
