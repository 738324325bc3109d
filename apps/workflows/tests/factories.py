"""Workflow documents for tests, and published definitions of them."""

from __future__ import annotations

from typing import Any

import factory
from django.utils import timezone

from apps.auth.models import User
from apps.tasks.tests.factories import TaskDefinitionFactory
from apps.validation.definitions.models import version_key
from apps.validation.definitions.services import content_checksum
from apps.workflows.models import CalendarDefinition, WorkflowDefinition, WorkflowInstance
from apps.workflows.services import instances
from apps.workflows.services.instances import Start

NAME_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}},
    "required": ["name"],
    "additionalProperties": False,
}


def greeting(**more: Any) -> dict[str, Any]:
    """Greets `input.name`, without waiting for anything."""
    return {
        "workflowId": "greeting",
        "name": "Greeting",
        "description": "Says hello.",
        "version": "1.0.0",
        "inputSchema": NAME_SCHEMA,
        "steps": [
            {"stepId": "greet", "type": "TRANSFORM", "output": {"text": "Hello ${input.name}"}, "next": "done"},
            {"stepId": "done", "type": "END", "output": {"text": "${steps.greet.output.text}"}},
        ],
    } | more


def flow(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A workflow of these steps and nothing else."""
    return {"workflowId": "flow", "name": "Flow", "version": "1.0.0", "steps": list(steps)} | more


def approval(**more: Any) -> dict[str, Any]:
    """Asks a manager, then says what came of it."""
    return {
        "workflowId": "approval",
        "name": "Approval",
        "version": "1.0.0",
        "steps": [
            {
                "stepId": "ask",
                "type": "HUMAN_TASK",
                "taskDefinition": {
                    "title": "Approve it",
                    "assigneeRole": "manager",
                    "taskForm": {
                        "type": "object",
                        "properties": {"note": {"type": "string", "maxLength": 200}},
                        "additionalProperties": False,
                    },
                    "actions": [
                        {"actionKey": "approve", "label": "Approve"},
                        {"actionKey": "reject", "label": "Reject"},
                    ],
                },
                "transitions": {"approve": "yes", "reject": "no"},
            },
            {"stepId": "yes", "type": "END", "output": {"approved": True}},
            {"stepId": "no", "type": "END", "output": {"approved": False}},
        ],
    } | more


def nap(duration: str = "PT1H", **more: Any) -> dict[str, Any]:
    """Waits, then is done."""
    return {
        "workflowId": "nap",
        "name": "Nap",
        "version": "1.0.0",
        "steps": [{"stepId": "sleep", "type": "DELAY", "duration": duration}],
    } | more


def errand(task_id: str = "errand", **more: Any) -> dict[str, Any]:
    """One task that a worker does: doubles `input.n`."""
    return {
        "workflowId": "errand",
        "name": "Errand",
        "version": "1.0.0",
        "inputSchema": {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]},
        "steps": [{"stepId": "run", "type": "TASK", "taskId": task_id, "input": {"n": "${input.n}"}, "next": "done"},
                  {"stepId": "done", "type": "END", "output": {"n": "${steps.run.output.n}"}}],
    } | more  # fmt: skip


def worker_task(task_id: str = "errand", **more: Any) -> dict[str, Any]:
    """A task that a worker does: doubles `input.n`, and fails with TOO_MUCH above 1,000."""
    return {
        "taskId": task_id,
        "name": task_id,
        "version": "1.0.0",
        "type": "AUTOMATED",
        "executionConfig": {"executor": "worker"},
        "implementation": {
            "kind": "EXPRESSION",
            "parameters": {
                "output": {"n": "${input.n * 2}"},
                "fail": {"condition": "input.n > 1000", "code": "TOO_MUCH", "message": "That is too much."},
            },
        },
    } | more


class WorkflowDefinitionFactory(factory.django.DjangoModelFactory[WorkflowDefinition]):
    """A published definition of `document`, whether the checks would pass it or not."""

    class Meta:
        model = WorkflowDefinition

    document: Any = factory.LazyFunction(greeting)
    key = factory.LazyAttribute(lambda o: o.document["workflowId"])
    version = factory.LazyAttribute(lambda o: o.document.get("version", "1.0.0"))
    version_key = factory.LazyAttribute(lambda o: version_key(o.version))
    name = factory.LazyAttribute(lambda o: o.document["name"])
    description = factory.LazyAttribute(lambda o: o.document.get("description", ""))
    checksum = factory.LazyAttribute(lambda o: content_checksum(o.document))
    status = WorkflowDefinition.Status.PUBLISHED
    published_at = factory.LazyFunction(timezone.now)


def office(**more: Any) -> dict[str, Any]:
    """A working calendar: 09:00 to 17:00 in Berlin, Friday until noon."""
    days = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu")}
    return {
        "calendarId": "office",
        "name": "Office",
        "version": "1.0.0",
        "timezone": "Europe/Berlin",
        "workingHours": days | {"fri": [["09:00", "12:00"]]},
        "holidays": {"country": "DE", "subdivision": "BE", "dates": ["2026-12-24"]},
    } | more


class CalendarDefinitionFactory(factory.django.DjangoModelFactory[CalendarDefinition]):
    """A published calendar of `document`."""

    class Meta:
        model = CalendarDefinition

    document: Any = factory.LazyFunction(office)
    key = factory.LazyAttribute(lambda o: o.document["calendarId"])
    version = factory.LazyAttribute(lambda o: o.document.get("version", "1.0.0"))
    version_key = factory.LazyAttribute(lambda o: version_key(o.version))
    name = factory.LazyAttribute(lambda o: o.document.get("name", o.key))
    checksum = factory.LazyAttribute(lambda o: content_checksum(o.document))
    status = "published"
    published_at = factory.LazyAttribute(lambda o: timezone.now() if o.status == "published" else None)


def published(document: dict[str, Any], *tasks: dict[str, Any]) -> WorkflowDefinition:
    """The stored definition of `document`, beside those of the tasks it names."""
    for task in tasks:
        TaskDefinitionFactory(document=task)
    return WorkflowDefinitionFactory(document=document)


def started(actor: User, workflow_id: str, start_input: Any = None, **more: Any) -> WorkflowInstance:
    """A run of the newest published version, as far as it goes at once."""
    instance_id = instances.start(actor=actor, request=Start(workflow_id, start_input, **more))
    return WorkflowInstance.objects.get(id=instance_id)
