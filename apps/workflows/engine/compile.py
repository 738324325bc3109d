"""From a checked workflow document to a :class:`~.plan.Plan`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from . import failures
from .plan import (
    Branch,
    CancelTrigger,
    ChildBinding,
    Concurrency,
    Expression,
    FailureRule,
    Language,
    Plan,
    Sources,
    Step,
    TaskBinding,
)
from .retry import parse_retry_policy
from .waiting import fixed_from_the_start, steady

TaskLookup = Callable[[str, str | None], TaskBinding]
ChildLookup = Callable[[str, str | None], ChildBinding]
EventCheck = Callable[[str, Any], tuple[str, list[dict[str, Any]]]]

INLINE = frozenset({"DECISION", "TRANSFORM", "EMIT_EVENT", "END", "PARALLEL", "FOR_EACH"})
"""Types that an advance runs through without waiting for the outside world."""

DEFAULT_MAX_TRANSITIONS = 100_000
DEFAULT_CONCURRENCY = 10


def undefined(pattern: str, payload: Any) -> tuple[str, list[dict[str, Any]]]:
    """The check of events where nobody has defined any."""
    return "1.0.0", []


def compile_plan(
    document: Mapping[str, Any],
    *,
    definition_id: UUID,
    language: Language,
    tasks: TaskLookup,
    children: ChildLookup | None = None,
    check_event: EventCheck = undefined,
    max_transitions: int = DEFAULT_MAX_TRANSITIONS,
) -> Plan:
    """Compile a document that has passed the checks of its kind; a faulty one raises whatever is in the way."""
    compiler = _Compiler(language, tasks, children)
    steps = {step.step_id: step for step in compiler.steps(document["steps"], None, ())}
    undoing = document.get("compensationSteps") or ()
    steps |= {entry["stepId"]: compiler.step({**entry, "type": "TASK"}, None, ()) for entry in undoing}
    steps = steady(steps)
    on_failure = _failure_rule(document.get("onFailure"))
    successors = _successors(steps, on_failure)
    output = document.get("output")
    timeout = document.get("timeout")
    plan_output = None if output is None else language.template(output)
    on_complete = tuple(
        (entry["pattern"], None if "payload" not in entry else language.template(entry["payload"]))
        for entry in (document.get("onComplete") or {}).get("emit", ())
    )
    start_at = document.get("startAt") or document["steps"][0]["stepId"]
    at_the_end = [each for each in (plan_output, *(payload for _, payload in on_complete)) if each is not None]
    cancels = tuple(_cancel_trigger(each, language) for each in document.get("cancellationTriggers") or ())
    errors = failures.sources(steps, on_failure, [entry["stepId"] for entry in undoing], at_the_end)
    return Plan(
        definition_id=definition_id,
        workflow_id=document["workflowId"],
        version=document["version"],
        start_at=start_at,
        steps=steps,
        variables={
            name: language.template(spec.get("initial")) for name, spec in (document.get("variables") or {}).items()
        },
        output=plan_output,
        on_failure=on_failure,
        on_complete=on_complete,
        timeout=None if timeout is None else compiler.seconds(timeout),
        compensations={entry["compensationFor"]: entry["stepId"] for entry in undoing},
        cyclic=_cyclic(successors),
        handling=_handling(steps, start_at, on_failure),
        reads_from=_reads_from(steps, successors, at_the_end, errors),
        max_transitions=max_transitions,
        language=language,
        concurrency=compile_concurrency(document.get("concurrency"), language),
        types=frozenset(step.type for step in steps.values()),
        check_event=check_event,
        cancels=cancels,
        cancel_reads=frozenset(_step_reads([each for trigger in cancels for each in trigger.expressions()], steps)),
        errors=errors,
    )


def _cancel_trigger(document: Mapping[str, Any], language: Language) -> CancelTrigger:
    condition, reason = document.get("eventCondition"), document.get("reason")
    return CancelTrigger(
        pattern=document["eventPattern"],
        condition=None if condition is None else language.event_expression(condition),
        condition_text=condition,
        correlation=() if condition is None else fixed_from_the_start(language.event_equalities(condition)),
        reason=None if reason is None else language.event_template(reason),
        compensate=bool(document.get("shouldCompensate")),
    )


def compile_concurrency(document: Mapping[str, Any] | None, language: Language) -> Concurrency | None:
    """A workflow's ``concurrency``, ready to be asked for a run's slot."""
    if not document:
        return None
    key = document.get("key")
    return Concurrency(
        key=None if key is None else language.expression(key),
        limit=document["limit"],
        on_conflict=document.get("onConflict", "QUEUE"),
    )


def _failure_rule(document: Mapping[str, Any] | None) -> FailureRule | None:
    if not document:
        return None
    handlers = (document.get("errorHandler") or {}).get("conditions", ())
    return FailureRule(
        action=document.get("action", "stop"),
        next_step_id=document.get("nextStepId"),
        handlers=tuple((each.get("errorType"), each.get("errorCode"), each["nextStepId"]) for each in handlers),
    )


class _Compiler:
    def __init__(self, language: Language, tasks: TaskLookup, children: ChildLookup | None) -> None:
        self.language, self.tasks, self.children = language, tasks, children

    def inside_items(self) -> _Compiler:
        return _Compiler(self.language.inside_items(), self.tasks, self.children)

    def seconds(self, value: str | int | float) -> float:
        """A step's timeout: ISO 8601, or milliseconds as in task definitions."""
        return value / 1000 if isinstance(value, int | float) else self.language.duration(value).total_seconds()

    def steps(self, documents: list[dict[str, Any]], parent: str | None, scopes: tuple[str, ...]) -> Iterator[Step]:
        for document in documents:
            step = self.step(document, parent, scopes)
            yield step
            for branch in _branches(document):
                yield from self.steps(branch["steps"], step.step_id, scopes)
            if step.type == "FOR_EACH":
                yield from self.inside_items().steps(document["steps"], step.step_id, (*scopes, step.step_id))

    def step(self, document: dict[str, Any], parent: str | None, scopes: tuple[str, ...]) -> Step:
        kind = document.get("type", "TASK")
        timeout = document.get("timeout")
        fields: dict[str, Any] = {
            "step_id": document["stepId"],
            "type": kind,
            "name": document.get("name") or document["stepId"],
            "parent": parent,
            "scopes": scopes,
            "inline": kind in INLINE,
            "has_input": "input" in document,
            "input": self.language.template(document["input"]) if "input" in document else None,
            "condition": self.condition(document.get("condition")),
            "set_variables": tuple(
                (name, self.value(value)) for name, value in (document.get("setVariables") or {}).items()
            ),
            "next": self.next(document.get("next")),
            "transitions": document.get("transitions") or {},
            "retry": parse_retry_policy(document.get("retryPolicy"), self.language.duration),
            "timeout": None if timeout is None else self.seconds(timeout),
            "on_failure": _failure_rule(document.get("onFailure")),
        }
        return Step(**(fields | getattr(self, f"_{kind.lower()}")(document)))

    def condition(self, text: str | bool | None) -> Expression | None:
        if text is None:
            return None
        return self.language.expression(text if isinstance(text, str) else str(text).lower())

    def value(self, value: Any) -> Expression:
        return self.language.expression(value) if isinstance(value, str) else self.language.template(value)

    def next(self, document: str | list[dict[str, Any]] | None) -> tuple[tuple[Expression | None, str], ...]:
        if not document:
            return ()
        if isinstance(document, str):
            return ((None, document),)
        return tuple((self.condition(each.get("condition")), each["nextStepId"]) for each in document)

    # Own fields by step type.

    def _task(self, document: dict[str, Any]) -> dict[str, Any]:
        task = self.tasks(document["taskId"], document.get("taskVersion"))
        own: dict[str, Any] = {"task": task, "inline": task.evaluate is not None}
        if task.retry is not None and "retryPolicy" not in document:
            own["retry"] = task.retry
        if task.manual is not None:
            own["manual"] = self.language.template(dict(task.manual))
        return own

    def _human_task(self, document: dict[str, Any]) -> dict[str, Any]:
        return {"manual": self.language.template(document.get("taskDefinition") or {})}

    def _decision(self, document: dict[str, Any]) -> dict[str, Any]:
        choices = tuple(
            (self.language.expression(choice["condition"]), choice["nextStep"])
            for choice in document.get("choices", ())
        )
        default = document.get("default")
        return {"choices": choices, "next": ((None, default),) if default else self.next(document.get("next"))}

    def _transform(self, document: dict[str, Any]) -> dict[str, Any]:
        return {"output": self.language.template(document.get("output"))}

    def _end(self, document: dict[str, Any]) -> dict[str, Any]:
        output = self.language.template(document["output"]) if "output" in document else None
        return {"output": output, "status": document.get("status", "COMPLETED")}

    def _emit_event(self, document: dict[str, Any]) -> dict[str, Any]:
        return {"pattern": document["pattern"], "payload": self.language.template(document.get("payload", {}))}

    def _event_wait(self, document: dict[str, Any]) -> dict[str, Any]:
        condition, mapping = document.get("eventCondition"), document.get("eventPayloadMapping")
        limit = document.get("eventTimeout") or {}
        return self._due(limit.get("duration"), limit.get("at")) | {
            "pattern": document["eventPattern"],
            "event_condition": None if condition is None else self.language.event_expression(condition),
            "condition_text": condition,
            "correlation": () if condition is None else self.language.event_equalities(condition),
            "lookback": self.language.duration(document["lookback"]) if "lookback" in document else None,
            "output": None if mapping is None else self.language.event_template(mapping),
            "timeout_handler": limit.get("timeoutHandlerStepId"),
        }

    def _sub_workflow(self, document: dict[str, Any]) -> dict[str, Any]:
        workflow_id, version, wait = document["workflowId"], document.get("version"), document.get("wait", True)
        if self.children is None:
            raise ValueError(f"Nothing here knows the workflow {workflow_id}.")
        return {"child": self.children(workflow_id, version), "wait": wait, "inline": not wait}

    def _delay(self, document: dict[str, Any]) -> dict[str, Any]:
        duration, until, calendar = document.get("duration"), document.get("until"), document.get("calendar")
        if calendar is None:
            return self._due(duration, until)
        # What it means depends on the calendar and on when it is asked, so the text itself is kept.
        return {
            "duration": None if duration is None else self.language.template(duration),
            "until": None if until is None else self.language.template(until),
            "calendar": calendar,
        }

    def _due(self, duration: str | None, until: str | None) -> dict[str, Any]:
        return {
            "duration": None if duration is None else self.literal_or(duration, self.language.duration),
            "until": None if until is None else self.literal_or(until, self.language.instant),
        }

    def literal_or(self, text: str, parse: Callable[[str], timedelta | datetime]) -> timedelta | datetime | Expression:
        return self.language.template(text) if "${" in text else parse(text)

    def _parallel(self, document: dict[str, Any]) -> dict[str, Any]:
        branches = tuple(
            Branch(
                branch.get("name") or branch.get("branchId") or str(index),
                branch["steps"][0]["stepId"],
                self.condition(branch.get("condition")),
            )
            for index, branch in enumerate(_branches(document))
        )
        join = document.get("join", "ALL")
        return {"branches": branches, "join": join, "count": int(document.get("count", 0))}

    def _for_each(self, document: dict[str, Any]) -> dict[str, Any]:
        output = document.get("output")
        return {
            "items": self.language.expression(document["items"]),
            "body": document["steps"][0]["stepId"],
            "output": None if output is None else self.inside_items().language.template(output),
            "concurrency": int(document.get("concurrency", DEFAULT_CONCURRENCY)),
            "on_item_failure": document.get("onItemFailure", "FAIL"),
        }


def _branches(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return document.get("branches") or document.get("parallelBranches") or []


def _successors(steps: Mapping[str, Step], on_failure: FailureRule | None) -> dict[str, set[str]]:
    """What may come next: also what follows the step that a branch or an item belongs to, and the run's failure handler."""
    everywhere = on_failure.targets() if on_failure is not None else set()
    found: dict[str, set[str]] = {}
    for step in steps.values():
        after = step.targets() | everywhere
        parent = step.parent
        while parent is not None:
            after |= steps[parent].targets()
            parent = steps[parent].parent
        found[step.step_id] = after
    return found


def _cyclic(successors: Mapping[str, set[str]]) -> frozenset[str]:
    """Steps that can be reached from themselves: only they need a visit counter."""
    cyclic = set()
    for start in successors:
        seen: set[str] = set()
        pending = list(successors[start])
        while pending:
            step_id = pending.pop()
            if step_id == start:
                cyclic.add(start)
                break
            if step_id not in seen:
                seen.add(step_id)
                pending.extend(successors[step_id])
    return frozenset(cyclic)


def _handling(steps: Mapping[str, Step], start_at: str, on_failure: FailureRule | None) -> frozenset[str]:
    """Steps that a run enters only because of a failure."""
    if on_failure is None:
        return frozenset()
    without = _successors(steps, None)
    seen: set[str] = set()
    pending = [start_at]
    while pending:
        step_id = pending.pop()
        if step_id not in seen:
            seen.add(step_id)
            pending.extend(without[step_id])
    return frozenset(steps.keys() - seen)


def _reads_from(
    steps: Mapping[str, Step],
    successors: Mapping[str, set[str]],
    at_the_end: list[Expression],
    errors: Mapping[str, Sources],
) -> dict[str, frozenset[str]]:
    """For every step: whose results may be read from it on, until the next step that waits for the outside world."""
    final = _step_reads(at_the_end, steps) | _failed(errors, failures.AT_THE_END)
    own: dict[str, set[str]] = {}
    for step in steps.values():
        reads = _step_reads(step.expressions(), steps) | final | _failed(errors, step.step_id)
        parent = step.parent
        while parent is not None:
            reads |= _step_reads(steps[parent].expressions(), steps)
            reads |= _failed(errors, parent) | _failed(errors, failures.each_item(parent))
            parent = steps[parent].parent
        if step.type == "FOR_EACH":  # done again, it keeps what its last visit has done
            reads.add(step.step_id)
        own[step.step_id] = reads
    closure: dict[str, frozenset[str]] = {}
    for start in steps:
        reads = set(own[start])
        seen = {start}
        pending = list(successors[start])
        while pending:
            step_id = pending.pop()
            if step_id in seen:
                continue
            seen.add(step_id)
            reads |= own[step_id]
            step = steps[step_id]
            # A step that waits ends the advance, unless it is skipped or fails before it begins to wait.
            if step.inline or step.condition is not None or step.expressions():
                pending.extend(successors[step_id])
        closure[start] = frozenset(reads)
    return closure


def _failed(errors: Mapping[str, Sources], place: str) -> frozenset[str]:
    return errors[place].steps if place in errors else frozenset()


def _step_reads(expressions: list[Expression], steps: Mapping[str, Step]) -> set[str]:
    paths = {path for expression in expressions for path in expression.reads if path[0] == "steps"}
    if ("steps",) in paths:  # something like steps[input.which]: any of them
        return set(steps)
    return {path[1] for path in paths}
