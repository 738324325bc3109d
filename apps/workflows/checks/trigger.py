"""What is wrong with an event trigger beyond its JSON Schema: what it reads, what it gives, and what it would do.

Expressions are followed as those of a workflow are (see dataflow.py), with the payload as the event's definition has it.
Then every example of a definition is played through: what fails on all of them is an error, on some a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from apps.events.rules import fits
from apps.validation.expressions import (
    EVENT_ROOTS,
    TRIGGER_ROOTS,
    EvaluationError,
    ExpressionError,
    compile_expression,
)
from apps.validation.expressions.equalities import event_equalities
from apps.validation.schemas import check_instance
from apps.validation.violations import Violation, has_errors, in_order, pointer_to
from apps.workflows.rules.triggering import Rule, Unusable

from .catalog import Catalog
from .dataflow import DataFlow
from .findings import Findings, certain_fix, certainly_meant, did_you_mean
from .needs import Need
from .outline import read_outline
from .producers import Producers
from .schedule import Target
from .shapes import resolved
from .sites import Form, Site
from .uses import mentions

MOST_EXAMPLES = 50
_BARE = re.compile(r"event\.(?:payload|metadata|source|pattern|timestamp|eventId|version)(?:\.[A-Za-z_]\w*|\[\d+\])*")


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around a trigger. ``target`` None: nothing of the workflow is published, so its input is open.

    ``definitions``: of the events that its pattern fits. ``patterns``: every pattern that events are defined for.
    ``workflow``: the document of the workflow.
    """

    catalog: Catalog
    target: Target | None = None
    definitions: Sequence[Mapping[str, Any]] = ()
    patterns: Sequence[str] = field(default=())
    workflow: Mapping[str, Any] | None = None


def check_trigger(document: Mapping[str, Any], around: Around) -> list[Violation]:
    """Every problem of a trigger that fits its JSON Schema; errors first."""
    found = [*_check_kind(document), *_check_pattern(document, around), *_check_circle(document, around)]
    found += _belongs_to_the_run(document)
    elsewhere = {each.pointer for each in found if each.code == "needs-the-run"}
    flowing = [each for each in _check_flow(document, around) if each.pointer not in elsewhere]
    found += [*flowing, *_bare_texts(document)]
    if not has_errors(found):
        found += _check_examples(document, around)
    return in_order(found)


def equalities_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the condition of a checked trigger demands to be equal to something fixed: path below the event → value."""
    condition = document.get("eventCondition")
    values: dict[str, Any] = {}
    for path, other in event_equalities(condition, TRIGGER_ROOTS) if condition else ():
        try:
            value = other.evaluate({})
        except EvaluationError:
            continue
        if value is None or isinstance(value, str | int | float | list | dict):
            values[path] = value
    return values


def _check_kind(document: Mapping[str, Any]) -> Iterator[Violation]:
    if document.get("triggerType", "START") != "CANCEL":
        return
    if not document.get("correlationKey") and not document.get("eventCondition"):
        message = f"It would cancel every run of {document['workflowId']} under way."
        hint = "Name the runs with a correlationKey, or say with an eventCondition which events are meant."
        yield Violation("cancels-every-run", message, "/triggerType", hint=hint)
    if document.get("inputMapping") is not None:
        yield Violation("field-without-effect", "A run that is cancelled takes no input.", "/inputMapping", "warning")


def _check_pattern(document: Mapping[str, Any], around: Around) -> Iterator[Violation]:
    """An event that nobody defined may still come; one whose name looks like another's is probably meant to be that."""
    pattern = document["eventPattern"]
    if around.definitions or "*" in pattern or certainly_meant(pattern, around.patterns) is None:
        return
    yield Violation(
        "unknown-event",
        f"Nobody has defined an event {pattern!r}.",
        "/eventPattern",
        "warning",
        hint=did_you_mean(pattern, around.patterns, noun="events"),
        fix=certain_fix(pattern, around.patterns, "/eventPattern"),
    )


def _check_circle(document: Mapping[str, Any], around: Around) -> Iterator[Violation]:
    """A workflow that records the very event that starts it goes on for ever, unless a condition ends it."""
    starts = document.get("triggerType", "START") == "START"
    if around.workflow is None or not starts or document.get("eventCondition"):
        return
    for mention in mentions(read_outline(around.workflow)):
        kind, name = mention.name
        if kind == "event" and mention.pointer.endswith("/pattern") and fits(document["eventPattern"], name):
            yield Violation(
                "starts-itself",
                f"{document['workflowId']} itself records {name}, so each of its runs would start the next.",
                "/eventPattern",
                "warning",
                hint="Say with an eventCondition which of those events are meant, or name the others more exactly.",
            )
            return


def _belongs_to_the_run(document: Mapping[str, Any]) -> Iterator[Violation]:
    """A CANCEL trigger that asks about the run it is to cancel: it knows none, the workflow itself does."""
    if document.get("triggerType", "START") != "CANCEL":
        return
    for name in ("eventCondition", "correlationKey"):
        try:
            expression = compile_expression(document.get(name) or "true", roots=EVENT_ROOTS)
        except ExpressionError:
            continue
        inside = [each for each in expression.references if each.path.keys[0] != "event"]
        if inside:
            yield Violation(
                "needs-the-run",
                f"A trigger is judged before any run is looked at, so it knows no `{inside[0].path.text}`.",
                f"/{name}",
                hint="Put the condition into the workflow's cancellationTriggers, where every run judges it for itself, "
                "or name the run with a correlationKey over the event.",
                column=inside[0].column,
            )


def _check_flow(document: Mapping[str, Any], around: Around) -> list[Violation]:
    findings = Findings()
    outline = read_outline({"workflowId": document["workflowId"], "steps": []})
    producers = Producers(outline, around.catalog)
    flow = DataFlow(producers, None, findings)
    pattern, condition = document["eventPattern"], document.get("eventCondition")
    holds = ((condition, True),) if condition else ()
    if condition:
        flow.check(Site("/eventCondition", condition, Form.CONDITION, TRIGGER_ROOTS, event=pattern), None)
    if key := document.get("correlationKey"):
        site = Site("/correlationKey", key, Form.EXPRESSION, TRIGGER_ROOTS, assumes=holds, event=pattern)
        flow.check(site, Need({"type": ["string", "number", "boolean"]}, "The correlation key"))
    if document.get("triggerType", "START") == "CANCEL":
        return findings.violations
    schema = None if around.target is None else around.target.input_schema
    need = None if schema is None else Need(resolved(schema), f"The input of workflow {document['workflowId']!r}")
    mapping = document.get("inputMapping")
    if mapping is not None:
        site = Site("/inputMapping", mapping, Form.TEMPLATE, TRIGGER_ROOTS, assumes=holds, event=pattern)
        flow.check(site, need)
    elif need is not None:
        hint = "Without inputMapping the payload itself is the input; give one that makes the input of it."
        flow.fit_schema(producers.payload(pattern), "", Need(need.schema, need.what, hint))
    return findings.violations


def _bare_texts(document: Mapping[str, Any]) -> Iterator[Violation]:
    """`event.payload.id` as a text is a text; it is hardly ever meant to be one."""
    pending: list[tuple[str, Any]] = [("/inputMapping", document.get("inputMapping"))]
    while pending:
        pointer, value = pending.pop()
        if isinstance(value, Mapping):
            pending += [(pointer + pointer_to(str(key)), each) for key, each in value.items()]
        elif isinstance(value, list):
            pending += [(pointer + pointer_to(index), each) for index, each in enumerate(value)]
        elif isinstance(value, str) and _BARE.fullmatch(value):
            yield Violation(
                "text-not-expression",
                f"This gives the text {value!r}, not its value.",
                pointer,
                "warning",
                hint=f"Write ${{{value}}}.",
                fix=[{"op": "replace", "path": pointer, "value": f"${{{value}}}"}],
            )


def _check_examples(document: Mapping[str, Any], around: Around) -> list[Violation]:
    """Play the examples of the event's definitions through the trigger."""
    rule = Rule.of(document)
    examples = [
        (str(definition.get("pattern")), payload)
        for definition in around.definitions
        for payload in definition.get("examples") or ()
    ][:MOST_EXAMPLES]
    failing: dict[tuple[str, str], tuple[int, Violation]] = {}
    meant = 0
    for position, (pattern, payload) in enumerate(examples):
        found = _play(rule, around.target, example_event(pattern, payload))
        if found is None:
            continue
        meant += 1
        where = f"On example {position + 1} of {pattern}"
        for each in found:
            count, first = failing.get((each.code, each.pointer), (0, None))
            said = first or Violation(each.code, f"{where}: {each.message}", each.pointer, hint=each.hint)
            failing[each.code, each.pointer] = (count + 1, said)
    if examples and not meant:
        message = "The condition is false for every example of its events."
        return [Violation("matches-no-example", message, "/eventCondition", "warning")]
    # Where several kinds of events fit the pattern, those that are not defined may be the ones that are meant.
    sure = "*" not in document["eventPattern"]
    return [
        replace(each, severity="error" if sure and count == meant else "warning") for count, each in failing.values()
    ]


def example_event(pattern: str, payload: Any) -> dict[str, Any]:
    """An event as expressions see it, of which only the pattern and the payload are known."""
    return {
        "eventId": "example",
        "pattern": pattern,
        "version": "1.0.0",
        "source": {"type": "external", "id": "example", "name": "Example"},
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "payload": payload,
        "metadata": {},
    }


def _play(rule: Rule, target: Target | None, event: dict[str, Any]) -> list[Violation] | None:
    """What goes wrong with one event; None when the condition is false for it."""
    now = datetime.now(UTC)
    try:
        if not rule.holds(event, now):
            return None
        rule.key_of(event, now)
        if not rule.starts or target is None or target.input_schema is None:
            return []
        return check_instance(target.input_schema, rule.input_of(event, now), "/inputMapping")
    except Unusable as error:
        return [Violation(error.slug, str(error), error.pointer)]
