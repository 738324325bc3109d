"""Task definitions and tasks for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone

from apps.tasks.models import Task, TaskDefinition
from apps.validation.definitions.models import version_key
from apps.validation.definitions.services import content_checksum

APPROVAL_FORM = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "note": {"type": "string", "maxLength": 200}},
    "required": ["approved"],
    "additionalProperties": False,
}
ACTIONS = [
    {"actionKey": "approve", "label": "Approve", "style": "primary"},
    {"actionKey": "reject", "label": "Reject", "style": "danger"},
]


def expression_document(**parameters: Any) -> dict[str, Any]:
    """An EXPRESSION task that doubles `input.amount`."""
    return {
        "taskId": "double",
        "name": "Double",
        "version": "1.0.0",
        "type": "AUTOMATED",
        "inputSchema": {
            "type": "object",
            "properties": {"amount": {"type": "number"}},
            "required": ["amount"],
        },
        "implementation": {
            "kind": "EXPRESSION",
            "parameters": {"output": {"doubled": "${input.amount * 2}"}, **parameters},
        },
    }


def http_document(endpoint: str, **parameters: Any) -> dict[str, Any]:
    """An HTTP task; fields of the definition itself go into `extra`."""
    return {
        "taskId": "call",
        "name": "Call",
        "version": "1.0.0",
        "type": "AUTOMATED",
        "implementation": {"kind": "HTTP", "endpoint": endpoint, "parameters": parameters},
    }


def human_document(**parameters: Any) -> dict[str, Any]:
    """A HUMAN task for the team `managers`."""
    return {
        "taskId": "approve",
        "name": "Approve a purchase",
        "version": "1.0.0",
        "type": "MANUAL",
        "implementation": {
            "kind": "HUMAN",
            "parameters": {
                "candidateGroups": ["managers"],
                "taskForm": APPROVAL_FORM,
                "actions": ACTIONS,
                **parameters,
            },
        },
    }


class TaskDefinitionFactory(factory.django.DjangoModelFactory[TaskDefinition]):
    """A published definition of `document`."""

    class Meta:
        model = TaskDefinition

    document: Any = factory.LazyFunction(expression_document)
    key = factory.LazyAttribute(lambda o: o.document["taskId"])
    version = factory.LazyAttribute(lambda o: o.document["version"])
    version_key = factory.LazyAttribute(lambda o: version_key(o.version))
    name = factory.LazyAttribute(lambda o: o.document["name"])
    checksum = factory.LazyAttribute(lambda o: content_checksum(o.document))
    status = TaskDefinition.Status.PUBLISHED
    published_at = factory.LazyFunction(timezone.now)


class ManualTaskFactory(factory.django.DjangoModelFactory[Task]):
    """An open task for the team `managers`, due tomorrow."""

    class Meta:
        model = Task

    type = Task.Type.MANUAL
    status = factory.LazyAttribute(lambda o: Task.Status.ASSIGNED if o.assignee else Task.Status.PENDING)
    title = factory.Sequence(lambda n: f"Approve purchase {n}")
    form: Any = APPROVAL_FORM
    actions: Any = ACTIONS
    input: Any = factory.LazyFunction(lambda: {"amount": 100})
    assignee = None
    candidate_groups: Any = factory.LazyFunction(lambda: ["managers"])
    due_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))
