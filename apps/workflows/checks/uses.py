"""What a workflow takes from another definition: where it names it, and which of its fields which expression reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.validation.violations import pointer_to

from .findings import Read
from .outline import Outline, Step, mapping, records, text

Name = tuple[str, str]
"""(kind of definition, what it is called: its id, for an event its pattern)"""


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that names a definition; `version` when it names one of it."""

    name: Name
    pointer: str
    version: str | None = None


def mentions(outline: Outline) -> Iterator[Mention]:
    """Every place of the document that names a definition."""
    for step in outline.steps:
        yield from _of_step(step)
        yield from _of_components(step.document, step.pointer)
    for entry in outline.compensations:
        yield from _field(entry.document, entry.pointer, "task", "taskId", text(entry.document, "taskVersion"))
    document = outline.document
    yield from _of_components(document, "")
    for index, emission in records(mapping(document, "onComplete"), "emit"):
        yield from _field(emission, pointer_to("onComplete", "emit", index), "event", "pattern")
    for name in ("triggers", "cancellationTriggers"):
        for index, trigger in records(document, name):
            yield from _field(trigger, pointer_to(name, index), "event", "eventPattern")


def reads_from(outline: Outline, name: Name, reads: Iterable[Read]) -> list[Read]:
    """Those of the reads that take something from the named definition; of `a.b.c` only the whole, not `a.b` too."""
    giving = {step.step_id for step in outline.steps if name in _givers(step)}
    found = [read for read in reads if _comes_from(read, giving, name)]
    longer = {(read.pointer, read.path[:length]) for read in found for length in range(len(read.path))}
    return list(dict.fromkeys(read for read in found if (read.pointer, read.path) not in longer))


def _comes_from(read: Read, giving: set[str], name: Name) -> bool:
    if read.path[0] == "steps":
        return read.path[1] in giving and read.path[2] == "output"
    return read.path[:2] == ("event", "payload") and name == ("event", read.event)


def _givers(step: Step) -> set[Name]:
    """The definitions that say what the step's output looks like."""
    if step.type == "EVENT_WAIT" and "eventPayloadMapping" in step.document:
        return set()
    form = step.pointer + "/taskDefinition/taskForm"
    return {
        mention.name
        for mention in _of_step(step)
        if mention.name[0] != "uiComponent" or mention.pointer.startswith(form)
    }


def _of_step(step: Step) -> Iterator[Mention]:
    document, pointer = step.document, step.pointer
    match step.type:
        case "TASK":
            yield from _field(document, pointer, "task", "taskId", text(document, "taskVersion"))
        case "SUB_WORKFLOW":
            yield from _field(document, pointer, "workflow", "workflowId", text(document, "version"))
        case "EVENT_WAIT":
            yield from _field(document, pointer, "event", "eventPattern")
        case "EMIT_EVENT":
            yield from _field(document, pointer, "event", "pattern")
        case "DELAY":
            yield from _field(document, pointer, "calendar", "calendar")
        case "HUMAN_TASK":
            definition = mapping(document, "taskDefinition")
            form = pointer + "/taskDefinition"
            yield from _field(definition, form, "uiComponent", "taskForm")
            yield from _field(mapping(definition, "taskForm"), form + "/taskForm", "uiComponent", "componentId")


def _of_components(holder: Mapping[str, Any], pointer: str) -> Iterator[Mention]:
    for index, entry in records(holder, "uiComponents"):
        yield from _field(entry, pointer + pointer_to("uiComponents", index), "uiComponent", "componentId")


def _field(
    holder: Mapping[str, Any], pointer: str, kind: str, name: str, version: str | None = None
) -> Iterator[Mention]:
    value = text(holder, name)
    if value is not None and "${" not in value:
        yield Mention((kind, value), f"{pointer}/{name}", version)
