"""The permission questions of this app, in the words of `rules`.

A task that a person may not see does not exist for them (404); one that they see but may not act on is 403.
"""

from __future__ import annotations

from apps.auth.access import AccessDenied, allowed
from apps.auth.models import User
from apps.validation.problems import NotFound

from . import rules
from .models import Task


def standing(actor: User, task: Task) -> rules.Standing:
    """How `actor` stands to `task`. Reads the actor's roles and teams once per actor object."""
    return rules.Standing(
        holds=task.assignee_id == actor.pk,
        candidate=rules.is_candidate(
            username=actor.username,
            groups=actor.group_names,
            roles=actor.role_names,
            candidate_users=task.candidate_users,
            candidate_groups=task.candidate_groups,
        ),
        free=task.assignee_id is None,
        worked=task.completed_by_id == actor.pk,
    )


def may_see(actor: User, task: Task) -> bool:
    """Whether the task exists for `actor`."""
    return allowed(actor, "view:task", owner_id=task.requested_by_id, assigned=standing(actor, task).may_see)


def may(actor: User, verb: rules.Verb, task: Task) -> bool:
    """Whether `actor` has the right to `verb`, whatever the task's state."""
    if allowed(actor, "manage:task", owner_id=task.requested_by_id):
        return True
    if verb in rules.MANAGING:
        # Who asked for a task of their own may take it back.
        return verb == "cancel" and task.workflow_instance_id is None and task.requested_by_id == actor.pk
    if verb == "comment":
        return allowed(actor, "work:task", assigned=standing(actor, task).may_see)
    return allowed(actor, "work:task", assigned=standing(actor, task).may_work)


def require(actor: User, verb: rules.Verb, task: Task) -> None:
    """Raise NotFound for who may not see the task, AccessDenied for who may not do this to it."""
    if not may_see(actor, task):
        raise not_found(task.pk)
    if not may(actor, verb, task):
        raise AccessDenied("manage:task" if verb in rules.MANAGING else "work:task")


def not_found(task_id: object) -> NotFound:
    """The one answer for what does not exist and what may not be seen."""
    return NotFound(f"There is no task {task_id}.")
