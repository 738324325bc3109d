"""Names of things outside the document: tasks, components, workflows; and inside it: variables, compensated steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.validation.violations import pointer_to

from .calendar import check_calendar
from .catalog import Catalog
from .findings import Findings, certain_fix, did_you_mean
from .outline import Outline, Step, mapping, read_outline, records, text
from .people import check_people
from .producers import Producers
from .sites import loops_around

MAX_CALLS = 100


def check_references(outline: Outline, producers: Producers, findings: Findings) -> None:
    """Every name of the document must lead to something."""
    catalog = producers.catalog
    check_people(outline, catalog, findings)
    for step in outline.steps:
        if step.type == "TASK":
            _check_task(step.document, step.pointer, producers, findings)
        elif step.type == "HUMAN_TASK":
            _check_person(step, catalog, findings)
        elif step.type == "SUB_WORKFLOW":
            _check_child(outline, step, catalog, findings)
        elif step.type == "DELAY":
            check_calendar(step, catalog, findings)
        _check_variables(outline, step, findings)
        _check_components(step.document, step.pointer, catalog, findings)
    _check_components(outline.document, "", catalog, findings)
    for entry in outline.compensations:
        _check_task(entry.document, entry.pointer, producers, findings)
        if entry.compensates and entry.compensates not in outline.by_id:
            _unknown(
                "unknown-step", entry.pointer + "/compensationFor", "step", entry.compensates, outline.by_id, findings
            )
        elif entry.compensates and (loops := loops_around(outline.by_id[entry.compensates])):
            findings.error(
                "compensation-inside-loop",
                entry.pointer + "/compensationFor",
                f"{entry.compensates!r} runs once per item of {loops[-1].step_id!r}, and compensations undo a step once.",
                hint=f"Compensate {loops[-1].step_id!r}; its output lists what every item did.",
            )


def _check_task(document: Mapping[str, Any], pointer: str, producers: Producers, findings: Findings) -> None:
    task_id, version = text(document, "taskId"), text(document, "taskVersion")
    if task_id is None:
        findings.error(
            "required",
            pointer,
            "A TASK step needs a taskId.",
            hint="Name the task to run, or give the step another type.",
        )
    elif producers.task_by_id(task_id, version) is None:
        if version is not None and producers.task_by_id(task_id, None) is not None:
            findings.error(
                "unknown-task", pointer + "/taskVersion", f"The task {task_id!r} has no version {version!r}."
            )
        else:
            _unknown("unknown-task", pointer + "/taskId", "task", task_id, producers.catalog.task_ids(), findings)


def _check_person(step: Step, catalog: Catalog, findings: Findings) -> None:
    definition = mapping(step.document, "taskDefinition")
    form = definition.get("taskForm")
    place = "/taskDefinition/taskForm"
    if isinstance(form, Mapping):
        form, place = form.get("componentId"), place + "/componentId"
    if isinstance(form, str) and "${" not in form and catalog.component(form) is None:
        _unknown("unknown-component", step.pointer + place, "component", form, catalog.component_ids(), findings)
    seen: set[str] = set()
    for index, action in records(definition, "actions"):
        key = text(action, "actionKey")
        if key is not None and key in seen:
            findings.error(
                "duplicate-action",
                step.pointer + pointer_to("taskDefinition", "actions", index, "actionKey"),
                f"The action {key!r} is there twice.",
            )
        seen.add(key or "")


def _check_child(outline: Outline, step: Step, catalog: Catalog, findings: Findings) -> None:
    workflow_id, version = text(step.document, "workflowId"), text(step.document, "version")
    own = text(outline.document, "workflowId")
    if workflow_id is None:
        return
    pointer = step.pointer + "/workflowId"
    if workflow_id != own and catalog.workflow(workflow_id, version) is None:
        if version is not None and catalog.workflow(workflow_id, None) is not None:
            message = f"The workflow {workflow_id!r} has no version {version!r}."
            findings.error("unknown-workflow", step.pointer + "/version", message)
        else:
            _unknown("unknown-workflow", pointer, "workflow", workflow_id, catalog.workflow_ids(), findings)
    elif own is not None and _calls(workflow_id, own, catalog):
        through = "" if workflow_id == own else f" through {workflow_id!r}"
        findings.error(
            "workflow-calls-itself",
            pointer,
            f"The workflow would start itself again{through}, and that again, without an end.",
            hint="Go back to an earlier step for a loop, or use FOR_EACH for a list.",
        )


def _calls(workflow_id: str, wanted: str, catalog: Catalog) -> bool:
    """Whether a workflow is, or starts at any depth, the wanted one."""
    pending, seen = [workflow_id], {workflow_id}
    while pending and len(seen) < MAX_CALLS:
        current = pending.pop()
        if current == wanted:
            return True
        document = catalog.workflow(current, None)
        for child in _children(document) if document is not None else ():
            if child not in seen:
                seen.add(child)
                pending.append(child)
    return False


def _children(document: Mapping[str, Any]) -> Iterable[str]:
    steps = read_outline(document).steps
    return [name for step in steps if step.type == "SUB_WORKFLOW" and (name := text(step.document, "workflowId"))]


def _check_variables(outline: Outline, step: Step, findings: Findings) -> None:
    declared = mapping(outline.document, "variables")
    for name in mapping(step.document, "setVariables"):
        if name not in declared:
            findings.error(
                "unknown-variable",
                step.pointer + pointer_to("setVariables", str(name)),
                f"The workflow declares no variable {name!r}.",
                hint=did_you_mean(str(name), map(str, declared), noun="variables")
                or "Declare it under `variables`, with its schema.",
            )


def _check_components(document: Mapping[str, Any], pointer: str, catalog: Catalog, findings: Findings) -> None:
    for index, entry in records(document, "uiComponents"):
        component_id = text(entry, "componentId")
        if component_id is not None and catalog.component(component_id) is None:
            # A missing form would stop a person; a missing display only leaves its place empty.
            findings.warning(
                "unknown-component",
                pointer + pointer_to("uiComponents", index, "componentId"),
                f"There is no component {component_id!r}, so nothing is shown for it.",
                hint=did_you_mean(component_id, catalog.component_ids(), noun="components"),
            )


def _unknown(code: str, pointer: str, noun: str, name: str, known: Iterable[str], findings: Findings) -> None:
    names = list(known)
    findings.error(
        code,
        pointer,
        f"There is no {noun} {name!r}.",
        hint=did_you_mean(name, names, noun=noun + "s") or f"Save the {noun} first.",
        fix=certain_fix(name, names, pointer),
    )
