"""Who has a task, and what they have written so far."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from apps.auth.models import User
from apps.auth.selectors import active_user, user_by_name
from apps.auth.services import record_audit
from apps.tasks import live
from apps.tasks.executors.checks import check_storable
from apps.tasks.limits import max_result_bytes
from apps.tasks.models import Task
from apps.validation.problems import Conflict, PayloadTooLarge, Unprocessable
from apps.validation.violations import Violation

from .locking import locked, save


@transaction.atomic
def claim(*, actor: User, task_id: UUID, if_match: int | None = None) -> Task:
    """Take a free task. Taking what one has already changes nothing; Conflict when somebody else has it."""
    task = locked(actor=actor, verb="claim", task_id=task_id, if_match=if_match)
    if task.assignee_id == actor.pk:
        return task
    if task.assignee_id is not None:
        raise Conflict("Somebody else has taken this task.", code="taken")
    _hand_over(task, actor.pk)
    _record(actor, "claimed", task)
    return task


@transaction.atomic
def release(*, actor: User, task_id: UUID, if_match: int | None = None) -> Task:
    """Give a task back to its candidates; the draft stays for whoever takes it next."""
    task = locked(actor=actor, verb="release", task_id=task_id, if_match=if_match)
    before = live.channels_of(task)
    _hand_over(task, None)
    _record(actor, "released", task, before)
    return task


@transaction.atomic
def assign(*, actor: User, task_id: UUID, assignee: User | str | None, if_match: int | None = None) -> Task:
    """Give a task to `assignee`, an account, its username or its id (None: back to its candidates), whoever has it."""
    task = locked(actor=actor, verb="assign", task_id=task_id, if_match=if_match)
    # Only now: who may not assign must not learn which accounts there are.
    assignee = _account(assignee) if isinstance(assignee, str) else assignee
    if assignee is not None and not assignee.is_active:
        raise Unprocessable(violations=[Violation("inactive-user", "This account is not active.", "/assignee")])
    before = live.channels_of(task)
    _hand_over(task, assignee.pk if assignee else None)
    _record(actor, "assigned", task, before, assignee=assignee.username if assignee else None)
    return task


@transaction.atomic
def save_draft(*, actor: User, task_id: UUID, draft: Any, if_match: int | None = None) -> Task:
    """Keep an unfinished answer. It need not fit the form yet; `if_match` finds that somebody else wrote meanwhile."""
    if not isinstance(draft, dict | None):
        raise Unprocessable(violations=[Violation("type", "A draft is an object of field values.", "/draft")])
    if len(orjson.dumps(draft)) > max_result_bytes():
        raise PayloadTooLarge(f"A draft may have at most {max_result_bytes():,} bytes.")
    if (flaw := check_storable(draft)) is not None:
        raise Unprocessable(violations=[Violation("unstorable", flaw.message, "/draft")])
    task = locked(actor=actor, verb="draft", task_id=task_id, if_match=if_match)
    if draft != task.draft:
        task.draft = draft
        save(task, "draft")
    return task


def _account(name: str) -> User:
    account = user_by_name(name) or active_user(name)
    if account is None:
        raise Unprocessable(violations=[Violation("unknown-user", f"There is no user {name}.", "/assignee")])
    return account


def _hand_over(task: Task, assignee_id: UUID | None) -> None:
    task.assignee_id = assignee_id
    task.status = Task.Status.PENDING if assignee_id is None else Task.Status.ASSIGNED
    task.started_at = None if assignee_id is None else timezone.now()
    save(task, "assignee_id", "status", "started_at")


def _record(actor: User, what: str, task: Task, before: frozenset[str] = frozenset(), **details: Any) -> None:
    record_audit(actor=actor, action=f"task.{what}", resource="task", resource_id=str(task.pk), details=details)
    live.changed(task, before=before)
