"""Tasks and definitions as the JSON of every answer (and of the pages)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.auth.models import User

from . import access, rules
from .models import Priority, Task, TaskAttachment, TaskComment, TaskDefinition


def person(user: User | None) -> dict[str, Any] | None:
    """{id, username, fullName}"""
    return None if user is None else {"id": str(user.pk), "username": user.username, "fullName": user.full_name}


def instant(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def task_summary(task: Task) -> dict[str, Any]:
    """What lists show."""
    definition = task.definition
    is_open = task.status in rules.OPEN
    return {
        "id": str(task.pk),
        "title": task.title or (definition.name if definition else "") or task.step_id,
        "description": task.description,
        "type": task.type,
        "status": task.status,
        "priority": Priority(task.priority).name,
        "taskDefinitionId": definition.key if definition else None,
        "definitionVersion": definition.version if definition else None,
        "workflowInstanceId": str(task.workflow_instance_id) if task.workflow_instance_id else None,
        "stepId": task.step_id or None,
        "assignee": person(task.assignee),
        "candidateUsers": task.candidate_users,
        "candidateGroups": task.candidate_groups,
        "requestedBy": person(task.requested_by),
        "completedBy": person(task.completed_by),
        "outcome": task.outcome,
        "dueAt": instant(task.due_at),
        "overdue": bool(is_open and task.due_at and task.due_at < timezone.now()),
        "createdAt": instant(task.created_at),
        "startedAt": instant(task.started_at),
        "completedAt": instant(task.completed_at),
        "retryCount": max(0, task.attempt - 1),
        "version": task.version,
    }


def task_detail(task: Task, actor: User) -> dict[str, Any]:
    """Everything about one task, and what `actor` may do to it now."""
    return task_summary(task) | {
        "input": task.input,
        "output": task.output,
        "error": task.error,
        "form": task.form,
        "actions": task.actions or [],
        "draft": task.draft,
        "manual": task.manual or {},
        "executorId": task.executor_id,
        **_retry_policy(task),
        "executionMetadata": {
            "startTime": instant(task.started_at),
            "endTime": instant(task.completed_at),
            "duration": _milliseconds(task),
            "executionEnvironment": task.executor_id,
        },
        "comments": [comment_json(comment) for comment in task.comments.all()],
        "attachments": [attachment_json(attachment) for attachment in task.attachments.all()],
        "allowed": allowed_verbs(task, actor),
    }


def allowed_verbs(task: Task, actor: User) -> list[str]:
    """The verbs that would not be refused right now for right or state."""
    verbs: list[str] = []
    for verb, states in rules.ALLOWED_FROM.items():
        if task.status not in states or (verb in rules.FOR_PEOPLE and task.type != Task.Type.MANUAL):
            continue
        if verb == "claim" and task.assignee_id is not None:
            continue
        if verb == "reopen" and task.workflow_instance_id is not None:
            continue
        if access.may(actor, verb, task):
            verbs.append(verb)
    return verbs


def comment_json(comment: TaskComment) -> dict[str, Any]:
    return {
        "id": str(comment.pk),
        "author": person(comment.author),
        "text": comment.text,
        "createdAt": instant(comment.created_at),
    }


def attachment_json(attachment: TaskAttachment) -> dict[str, Any]:
    return {
        "id": str(attachment.pk),
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": attachment.size,
        "uploadedBy": person(attachment.uploaded_by),
        "createdAt": instant(attachment.created_at),
    }


def definition_summary(definition: TaskDefinition) -> dict[str, Any]:
    """What lists of definitions show, of a row that `selectors.latest_definitions` read."""
    document = definition.document
    return {
        "taskId": definition.key,
        "name": definition.name,
        "description": definition.description,
        "type": document.get("type"),
        "kind": (document.get("implementation") or {}).get("kind"),
        "latestVersion": definition.version,
        "publishedVersion": getattr(definition, "published_version", None),
        "status": definition.status,
        "tags": definition.tags,
        "updatedAt": instant(definition.updated_at),
    }


def _retry_policy(task: Task) -> dict[str, Any]:
    """The definition's policy, where there is one."""
    policy = task.definition.document.get("retryPolicy") if task.definition else None
    return {} if policy is None else {"retryPolicy": policy}


def _milliseconds(task: Task) -> int | None:
    if task.started_at is None or task.completed_at is None:
        return None
    return round((task.completed_at - task.started_at).total_seconds() * 1000)
