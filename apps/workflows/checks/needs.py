"""What the value at a place is needed for: the schema it must fit and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .outline import Step, mapping, text
from .producers import Producers
from .shapes import ANYTHING, Schema, resolved
from .sites import Form, Site


@dataclass(frozen=True, slots=True)
class Need:
    """`schema` without references. `what` begins the sentence of a finding."""

    schema: Schema
    what: str
    hint: str = ""

    def inside(self, schema: Schema) -> Need:
        """The need of a part of the value."""
        return replace(self, schema=schema)


def need_of(site: Site, producers: Producers) -> Need | None:
    """The need of a site, or None where anything goes."""
    step = site.step
    if step is None:
        return _of_workflow(site, producers)
    if not site.pointer.startswith(step.pointer + "/"):
        return None
    place = site.pointer[len(step.pointer) :]
    if place == "/input":
        return input_need(step, producers)
    if place.startswith("/setVariables/"):
        return _of_variable(place.removeprefix("/setVariables/"), producers)
    if place == "/items":
        return Need({"type": "array"}, f"The items of {step.step_id!r}", "A loop goes through a list.")
    if (need := _of_own_field(step, place)) is not None:
        return need
    if place == "/payload" and (pattern := text(step.document, "pattern")):
        return _of_event(pattern, producers)
    if place == "/output" and step.type == "END" and step.document.get("status", "COMPLETED") == "COMPLETED":
        return _of_output(producers)
    return None


_TEXT: Schema = {"type": "string"}
_TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
_TEXTS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_OWN_FIELDS: Mapping[str, Mapping[str, tuple[Schema, str]]] = {
    "DELAY": {"/duration": (_TEXT, "The duration"), "/until": (_TEXT, "The time")},
    "EVENT_WAIT": {"/eventTimeout/duration": (_TEXT, "The duration"), "/eventTimeout/at": (_TEXT, "The time")},
    "HUMAN_TASK": {
        "/taskDefinition/assignee": (_TEXT_OR_NONE, "The assignee"),
        "/taskDefinition/assigneeRole": (_TEXT_OR_NONE, "The role"),
        "/taskDefinition/candidateUsers": (_TEXTS, "The candidates"),
        "/taskDefinition/candidateGroups": (_TEXTS, "The teams"),
        "/taskDefinition/dueIn": (_TEXT_OR_NONE, "The time until it is due"),
        "/taskDefinition/dueAt": (_TEXT_OR_NONE, "The time when it is due"),
    },
}
"""By step type: fields whose computed value must be of a type, with the words for it."""


def _of_own_field(step: Step, place: str) -> Need | None:
    found = _OWN_FIELDS.get(step.type, {}).get(place)
    return None if found is None else Need(found[0], f"{found[1]} of {step.step_id!r}")


def input_need(step: Step, producers: Producers) -> Need | None:
    """What the task or child workflow of a step wants to be given."""
    if step.type == "TASK":
        return task_need(text(step.document, "taskId"), text(step.document, "taskVersion"), producers)
    if step.type == "SUB_WORKFLOW" and (workflow_id := text(step.document, "workflowId")):
        child = producers.catalog.workflow(workflow_id, text(step.document, "version"))
        if child is not None and child.get("inputSchema"):
            return Need(resolved(child["inputSchema"]), f"The input of workflow {workflow_id!r}")
    return None


def task_need(task_id: str | None, version: str | None, producers: Producers) -> Need | None:
    facts = None if task_id is None else producers.task_by_id(task_id, version)
    if facts is None or facts.input_schema is None:
        return None
    return Need(producers.resolved(facts.input_schema), f"The input of task {task_id!r}")


def _of_workflow(site: Site, producers: Producers) -> Need | None:
    document = producers.outline.document
    if site.pointer.startswith("/variables/"):
        return _of_variable(site.pointer.split("/")[2], producers)
    if site.pointer == "/output":
        return _of_output(producers)
    for entry in producers.outline.compensations:
        if site.pointer == entry.pointer + "/input":
            return task_need(text(entry.document, "taskId"), text(entry.document, "taskVersion"), producers)
    if site.pointer.startswith("/onComplete/emit/") and site.form is Form.TEMPLATE:
        index = int(site.pointer.split("/")[3])
        pattern = text(mapping(document, "onComplete")["emit"][index], "pattern")
        return _of_event(pattern, producers) if pattern else None
    return None


def _of_output(producers: Producers) -> Need | None:
    schema = producers.outline.document.get("outputSchema")
    return Need(resolved(schema), "The output of the workflow") if isinstance(schema, Mapping) else None


def _of_event(pattern: str, producers: Producers) -> Need | None:
    definition = producers.catalog.event(pattern)
    schema: Any = None if definition is None else definition.get("payloadSchema")
    return Need(resolved(schema), f"The payload of event {pattern!r}") if isinstance(schema, Mapping) else None


def _of_variable(token: str, producers: Producers) -> Need | None:
    name = token.replace("~1", "/").replace("~0", "~")
    entry = mapping(mapping(producers.outline.document, "variables"), name)
    schema = resolved(entry.get("schema")) if isinstance(entry.get("schema"), Mapping) else ANYTHING
    return Need(schema, f"The variable {name!r}") if schema != ANYTHING else None
