"""What cannot be checked because nobody described it: said once for each producer, where its description belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.validation.violations import pointer_to

from .outline import Step, mapping, text
from .paths import Path
from .producers import Producers
from .sites import Site


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from. `key` tells two producers apart; `pointer` is where the document speaks of it."""

    key: tuple[str, ...]
    pointer: str
    hint: str


def origin_of(path: Path, site: Site, producers: Producers) -> Origin | None:
    """Who should describe what is read at `path`; None for what has no description (metadata, a macro's variable)."""
    document = producers.outline.document
    match path:
        case ("input", *_):
            pointer = "/inputSchema" if "inputSchema" in document else ""
            return Origin(("input",), pointer, "Describe the field in the workflow's inputSchema.")
        case ("vars", name, *_):
            return Origin(("vars", name), pointer_to("variables", name), "Give the variable a schema.")
        case ("steps", step_id, "output", *_):
            step = producers.outline.by_id.get(step_id)
            # What an unknown task gives is not worth a word beside that.
            return None if step is None or not producers.exists(step) else _of_step(step)
        case ("item", *_) if site.loops:
            loop = site.loops[0]
            hint = "Describe the items of the list where it comes from."
            return Origin(("item", loop.step_id), loop.pointer + "/items", hint)
        case ("event", "payload", *_) if site.event:
            return _of_event(site.event, next(_places_of_event(site)))
    return None


def _of_step(step: Step) -> Origin:
    document = step.document
    match step.type:
        case "TASK":
            task_id = text(document, "taskId") or ""
            version = text(document, "taskVersion") or ""
            hint = f"Describe it in the outputSchema of task {task_id!r}."
            return Origin(("task", task_id, version), step.pointer + "/taskId", hint)
        case "SUB_WORKFLOW":
            workflow_id = text(document, "workflowId") or ""
            version = text(document, "version") or ""
            hint = f"Describe it in the outputSchema of workflow {workflow_id!r}."
            return Origin(("workflow", workflow_id, version), step.pointer + "/workflowId", hint)
        case "HUMAN_TASK":
            has_form = "taskForm" in mapping(document, "taskDefinition")
            place = "/taskDefinition/taskForm" if has_form else "/taskDefinition"
            return Origin(("step", step.step_id), step.pointer + place, "Describe the field in the task's form.")
        case "EVENT_WAIT" if "eventPayloadMapping" not in document:
            return _of_event(text(document, "eventPattern") or "", step.pointer + "/eventPattern")
    return Origin(("step", step.step_id), step.pointer, "Describe what it is made of where that comes from.")


def _of_event(pattern: str, pointer: str) -> Origin:
    hint = f"Define the event {pattern!r} with a payloadSchema, or test the field with has(…) before."
    if "*" in pattern:
        hint = "Events of several kinds can come; test the field with has(…) before."
    return Origin(("event", pattern), pointer, hint)


def _places_of_event(site: Site) -> Iterator[str]:
    if site.step is not None:
        yield site.step.pointer + "/eventPattern"
    yield site.pointer.rpartition("/")[0] + "/eventPattern"
