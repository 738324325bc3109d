"""Definitions as other systems write them, and what a conversion says about them in short."""

from __future__ import annotations

from typing import Any

from apps.validation.dialects import Conversion, convert
from apps.validation.schemas import check_document

WORKFLOW: dict[str, Any] = {
    "id": "Parcel Return",
    "name": "Parcel return",
    "version": "v2",
    "input_schema": {
        "type": "object",
        "required": ["parcel_id", "weight", "labels"],
        "properties": {
            "parcel_id": {"type": "string"},
            "weight": {"type": "number"},
            "nick": {"type": "string"},
            "labels": {"type": "array", "items": {"type": "string"}},
        },
    },
    "variables": {"tries": 0, "note": {"type": "string", "default": ""}},
    "steps": [
        {
            "id": "weigh it",
            "type": "choice",
            "conditions": [{"if": "weight >= 30 || labels.length === 0", "then": "ask-desk"}],
            "else": "route",
        },
        {
            "step_id": "ask-desk",
            "type": "user-task",
            "assignee_role": "desk",
            "buttons": ["take", "refuse"],
            "timeoutHours": 4,
            "transitions": [{"on": "take", "to": "route"}, {"on": "default", "to": "the end"}],
        },
        {
            "stepId": "route",
            "type": "transform",
            "mapping": {"to": "${nick || 'depot'}", "why": "${vars.note ?? 'none'}", "raw": "workflow.input.parcel_id"},
            "setVariables": {"tries": "tries + 1"},
            "nextStep": "the end",
        },
        {"stepId": "the end", "type": "end", "result": {"to": "${steps.route.result.?to}"}},
    ],
    "createdBy": "someone",
}

EVENT: dict[str, Any] = {
    "event_id": "Parcels.returned",
    "pattern": "parcels/returned",
    "source_types": ["Workflow", "external"],
    "payload_schema": {"type": "object", "properties": {"parcel_id": {"type": "string"}}},
    "examples": [{"parcel_id": "P-1", "source_types": "left alone"}],
    "ui_metadata": {"icon": "box"},
}

TEST: dict[str, Any] = {
    "testId": "Parcel tests",
    "type": "WORKFLOW",
    "target": "Parcel Return",
    "cases": [
        {
            "id": "light parcels go on",
            "input": {"weight": 1},
            "mocks": [{"task": "weigh", "returns": {"source_types": 1}}],
            "expected_output": {"to": "depot"},
        }
    ],
}

ROLE: dict[str, Any] = {
    "name": "desk",
    "permissions": ["perm_start_workflow", "workflow.view", "task:read", "view:instance:own"],
    "parents": ["user"],
}

TRIGGER: dict[str, Any] = {
    "workflowDefinitionId": "parcel-return",
    "event": "parcels.returned",
    "type": "start",
    "condition": "payload.weight !== null && not event.payload.done",
    "mapping": {"parcel_id": "event.payload.parcel_id", "note": "came back"},
    "active": "true",
}

FORM: dict[str, Any] = {
    "componentId": "DeskForm",
    "componentType": "form",
    "fields": [
        {"name": "decision", "type": "dropdown", "options": ["take", "refuse"]},
        {"name": "why", "type": "text-area", "visible_if": "decision === 'refuse' or decision === 'a || b'"},
    ],
    "actions": ["send"],
}

SEQUENCE: dict[str, Any] = {
    "sequenceId": "parcel_back",
    "events": ["parcel_scanned", "parcel_refunded"],
    "rollback_strategy": {"type": "compensating-events", "maxRetries": "3"},
}

TASK: dict[str, Any] = {
    "id": "weigh",
    "implementation": {"kind": "http", "endpoint": "https://scales.example.com", "method": "post", "body": {"id": "{{input.parcel_id}}"}},
    "timeoutSeconds": 30,
    "retry": {"max_attempts": 3, "backoff": "constant", "initialDelay": "5s"},
}  # fmt: skip

ALL = {
    "workflow": WORKFLOW,
    "event": EVENT,
    "test": TEST,
    "role": ROLE,
    "trigger": TRIGGER,
    "uiComponent": FORM,
    "sequence": SEQUENCE,
    "task": TASK,
}


def steps_of(conversion: Conversion) -> dict[str, Any]:
    return {step["stepId"]: step for step in conversion.document["steps"]}


def workflow(**more: Any) -> Conversion:
    """A one-step workflow with these fields, converted."""
    base = {"workflowId": "w", "steps": [{"stepId": "a", "type": "END"}]}
    return convert(base | more, kind="workflow")


def flaws(conversion: Conversion) -> list[str]:
    """What the schema says of a converted document."""
    return [f"{each.pointer}: {each.message}" for each in check_document(conversion.kind, conversion.document)]


def open_questions(conversion: Conversion) -> dict[str, str]:
    return {each.pointer: each.code for each in conversion.violations if each.severity == "error"}
