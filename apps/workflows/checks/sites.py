"""Every place of a workflow document that holds an expression or a template, with what is known when it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from apps.validation.expressions.scope import EVENT_ROOTS, HANDLER_ROOTS, PERSON_ROOTS, TRIGGER_ROOTS, WORKFLOW_ROOTS
from apps.validation.violations import pointer_to

from .availability import Availability, has_output, ran
from .graph import How
from .jumps import Assumptions, condition_of
from .outline import Step, has_expressions, mapping, records, text

ITEM_ROOTS = frozenset({"item", "index"})
START_ROOTS = frozenset({"workflow", "input"})
"""Before the first step only the input is there."""


class Form(StrEnum):
    """How the text at a place is read."""

    CONDITION = "condition"
    """A bare expression that gives true or false."""
    EXPRESSION = "expression"
    """A bare expression."""
    TEMPLATE = "template"
    """A JSON value with `${…}` in its strings."""


@dataclass(frozen=True, slots=True)
class Site:
    """One such place. `must`, `may`: the facts there. `assumes`: conditions that hold when it is evaluated.

    `lenient`: it is evaluated at any time (a condition of the user interface), so nothing is said about the order.
    `event`: the pattern of the event that has come.
    """

    pointer: str
    value: Any
    form: Form
    roots: frozenset[str]
    step: Step | None = None
    must: int = 0
    may: int = 0
    assumes: Assumptions = ()
    lenient: bool = False
    loops: tuple[Step, ...] = field(default=())
    event: str | None = None


def sites(found: Availability) -> Iterator[Site]:
    """Every site of the document, in its order."""
    for site in _sites(found):
        yield _behind_a_failure(found, site)


def _sites(found: Availability) -> Iterator[Site]:
    for step in found.graph.outline.steps:
        if found.graph.enter[step.number] in found.reached:
            yield from _of_step(found, step)
        else:
            # Nothing is known about the order there, but the texts must compile all the same.
            yield from (_anytime(found, site) for site in _of_step(found, step))
    yield from _of_compensations(found)
    yield from _of_workflow(found)


def _behind_a_failure(found: Availability, site: Site) -> Site:
    """The site, with `error` in scope where a failure may have led there. Nothing is known of what is never reached."""
    anywhere = site.lenient and site.step is not None and "user" not in site.roots
    led = not site.lenient and site.may & found.failures(None if site.step is None else site.step.scope)
    return replace(site, roots=site.roots | HANDLER_ROOTS) if anywhere or led else site


def loops_around(step: Step) -> tuple[Step, ...]:
    """The FOR_EACH steps around a step, the innermost first."""
    return tuple(scope.owner for scope in step.scope.chain() if scope.kind == "items" and scope.owner is not None)


def _of_step(found: Availability, step: Step) -> Iterator[Site]:
    document, pointer = step.document, step.pointer
    node = found.graph.enter[step.number]
    loops = loops_around(step)
    roots = WORKFLOW_ROOTS | (ITEM_ROOTS if loops else frozenset())
    inside = condition_of(step)

    def at(place: str, value: Any, form: Form, assumes: Assumptions = inside, **more: Any) -> Site:
        more = {"must": found.must[node], "may": found.may[node], "roots": roots, **more}
        return Site(pointer + place, value, form, step=step, assumes=assumes, loops=loops, **more)

    if isinstance(document.get("condition"), str):
        yield at("/condition", document["condition"], Form.CONDITION, ())
    for name in ("input", *_TEMPLATES.get(step.type, ())):
        if name in document:
            yield at(pointer_to(name), document[name], Form.TEMPLATE)
    if step.type == "HUMAN_TASK":
        for name, value in mapping(document, "taskDefinition").items():
            yield at(pointer_to("taskDefinition", name), value, Form.TEMPLATE)
    if step.type == "FOR_EACH":
        if isinstance(document.get("items"), str):
            yield at("/items", document["items"], Form.EXPRESSION)
        if "output" in document and step.inner:
            yield from _of_each_item(found, step, roots)
    for scope in step.inner:
        if scope.condition is not None:
            yield at(
                scope.pointer[len(pointer) :].removesuffix("/steps") + "/condition", scope.condition, Form.CONDITION
            )
    if step.type == "EVENT_WAIT":
        came: dict[str, Any] = {"roots": roots | EVENT_ROOTS, "event": text(document, "eventPattern")}
        if isinstance(condition := document.get("eventCondition"), str):
            yield at("/eventCondition", condition, Form.CONDITION, **came)
        if "eventPayloadMapping" in document:
            holds: Assumptions = ((condition, True),) if isinstance(condition, str) else ()
            yield at("/eventPayloadMapping", document["eventPayloadMapping"], Form.TEMPLATE, inside + holds, **came)
        for name, value in mapping(document, "eventTimeout").items():
            if name in ("duration", "at"):
                yield at(pointer_to("eventTimeout", name), value, Form.TEMPLATE)
    yield from _choices(found, step, at)
    yield from _afterwards(found, step, at)
    for index, component in records(document, "uiComponents"):
        if isinstance(component.get("condition"), str):
            place = pointer_to("uiComponents", index, "condition")
            yield at(place, component["condition"], Form.CONDITION, roots=roots | PERSON_ROOTS, lenient=True)


_TEMPLATES = {
    "TRANSFORM": ("output",),
    "END": ("output",),
    "EMIT_EVENT": ("payload",),
    "DELAY": ("duration", "until"),
}
"""Own fields by step type that are templates."""


def _of_each_item(found: Availability, step: Step, roots: frozenset[str]) -> Iterator[Site]:
    """What each item contributes is computed at the end of its round, inside the loop."""
    exit_node = found.graph.exit_of(step.inner[0])
    last = step.inner[0].steps[-1] if step.inner[0].steps else step
    yield Site(
        step.pointer + "/output",
        step.document["output"],
        Form.TEMPLATE,
        roots | ITEM_ROOTS,
        last,
        found.must[exit_node],
        found.may[exit_node],
        loops=(step, *loops_around(step)),
    )


def _choices(found: Availability, step: Step, at: Any) -> Iterator[Site]:
    earlier: Assumptions = condition_of(step)
    if step.type != "DECISION":
        return
    for index, choice in records(step.document, "choices"):
        condition = choice.get("condition")
        if isinstance(condition, str):
            yield at(pointer_to("choices", index, "condition"), condition, Form.CONDITION, earlier)
            earlier += ((condition, False),)


def _afterwards(found: Availability, step: Step, at: Any) -> Iterator[Site]:
    """What is evaluated when the step has completed: its variables, and the conditions of the ways on."""
    leaving = found.graph.leaving(step)
    succeeded = found.after(step, How.SUCCESS)
    may = found.may[leaving] | found.facts.known(ran(step)) | found.facts.known(has_output(step))
    for name, value in mapping(step.document, "setVariables").items():
        form = Form.EXPRESSION if isinstance(value, str) else Form.TEMPLATE
        yield at(pointer_to("setVariables", name), value, form, must=succeeded, may=may)
    # The ways on are also taken by a step that was skipped, and then it has no output.
    skippable = "condition" in step.document
    must = succeeded & found.must[found.graph.enter[step.number]] if skippable else succeeded
    earlier: Assumptions = () if skippable else condition_of(step)
    for index, entry in records(step.document, "next"):
        condition = entry.get("condition")
        if isinstance(condition, str):
            place = pointer_to("next", index, "condition")
            yield at(place, condition, Form.CONDITION, earlier, must=must, may=may)
            earlier += ((condition, False),)


def _of_compensations(found: Availability) -> Iterator[Site]:
    for entry in found.graph.outline.compensations:
        undone = found.graph.outline.by_id.get(entry.compensates)
        must = found.after(undone, How.SUCCESS) if undone is not None else 0
        may = found.facts.all if _undoes_after_failures(found) else found.facts.all & ~found.failures(None)
        shared: dict[str, Any] = {"roots": WORKFLOW_ROOTS, "must": must & ~found.failures(None), "may": may}
        condition = entry.document.get("condition")
        holds: Assumptions = ((condition, True),) if isinstance(condition, str) else ()
        if holds:
            yield Site(entry.pointer + "/condition", condition, Form.CONDITION, **shared)
        if "input" in entry.document:
            yield Site(entry.pointer + "/input", entry.document["input"], Form.TEMPLATE, assumes=holds, **shared)


def _undoes_after_failures(found: Availability) -> bool:
    """Whether a failure can begin the compensation; else only somebody who cancels the run does."""
    outline = found.graph.outline
    documents = [outline.document, *(step.document for step in outline.steps)]
    return any(mapping(each, "onFailure").get("action") == "compensate" for each in documents)


def _of_workflow(found: Availability) -> Iterator[Site]:
    document = found.graph.outline.document
    must, may = _at_the_end(found)
    if "output" in document:
        yield Site("/output", document["output"], Form.TEMPLATE, WORKFLOW_ROOTS, must=must, may=may)
    for index, emission in records(mapping(document, "onComplete"), "emit"):
        if "payload" in emission:
            pointer = pointer_to("onComplete", "emit", index, "payload")
            yield Site(pointer, emission["payload"], Form.TEMPLATE, WORKFLOW_ROOTS, must=must, may=may)
    for index, component in records(document, "uiComponents"):
        yield from _anytime_condition(found, component, "condition", pointer_to("uiComponents", index), PERSON_ROOTS)
    for index, trigger in records(document, "cancellationTriggers"):
        pointer = pointer_to("cancellationTriggers", index)
        yield from _anytime_condition(found, trigger, "eventCondition", pointer, EVENT_ROOTS)
        if isinstance(reason := trigger.get("reason"), str):
            more: dict[str, Any] = {"may": found.facts.all, "lenient": True, "event": text(trigger, "eventPattern")}
            if isinstance(condition := trigger.get("eventCondition"), str):
                more["assumes"] = ((condition, True),)
            yield Site(f"{pointer}/reason", reason, Form.TEMPLATE, EVENT_ROOTS, **more)
    for index, trigger in records(document, "triggers"):
        pointer = pointer_to("triggers", index)
        roots = EVENT_ROOTS if trigger.get("triggerType") == "CANCEL" else TRIGGER_ROOTS
        yield from _anytime_condition(found, trigger, "eventCondition", pointer, roots)
        came: dict[str, Any] = {"roots": roots, "lenient": True, "event": text(trigger, "eventPattern")}
        if isinstance(trigger.get("inputMapping"), dict | str):
            yield Site(pointer + "/inputMapping", trigger["inputMapping"], Form.TEMPLATE, **came)
        if isinstance(trigger.get("correlationKey"), str):
            yield Site(f"{pointer}/correlationKey", trigger["correlationKey"], Form.EXPRESSION, **came)
    if (key := text(mapping(document, "concurrency"), "key")) is not None:
        yield Site("/concurrency/key", key, Form.EXPRESSION, START_ROOTS, lenient=True)
    for name, entry in mapping(document, "variables").items():
        if isinstance(entry, dict) and has_expressions(entry.get("initial")):
            yield Site(pointer_to("variables", name, "initial"), entry["initial"], Form.TEMPLATE, START_ROOTS)


def _anytime_condition(
    found: Availability, holder: Any, name: str, pointer: str, roots: frozenset[str]
) -> Iterator[Site]:
    if isinstance(holder.get(name), str):
        more: dict[str, Any] = {"may": found.facts.all, "lenient": True, "event": text(holder, "eventPattern")}
        yield Site(f"{pointer}/{name}", holder[name], Form.CONDITION, roots, **more)


def _anytime(found: Availability, site: Site) -> Site:
    return replace(site, must=0, may=found.facts.all, assumes=(), lenient=True)


def _at_the_end(found: Availability) -> tuple[int, int]:
    """(must, may) where the workflow's output is built: the end of its own path, and END steps without an output."""
    graph = found.graph
    nodes = [graph.exit_of(graph.outline.root)]
    for step in graph.outline.steps:
        completes = step.type == "END" and step.document.get("status", "COMPLETED") == "COMPLETED"
        if completes and "output" not in step.document:
            nodes.append(graph.enter[step.number])
    nodes = [node for node in nodes if node in found.reached]
    must, may = found.facts.all if nodes else 0, 0 if nodes else found.facts.all
    for node in nodes:
        must &= found.must[node]
        may |= found.may[node]
    return must, may
