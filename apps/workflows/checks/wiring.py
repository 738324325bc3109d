"""Builds the graph of an outline and reports every jump that leads nowhere or across the border of a scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .findings import Findings, certain_fix, certainly_meant, did_you_mean
from .graph import Edge, Graph, How
from .jumps import failure_targets, jumps, named_in_vain
from .outline import Outline, Scope, Step, mapping, text

Outcomes = Callable[[Step], Sequence[str] | None]
Exists = Callable[[Step], bool]


def wire(outline: Outline, outcomes: Outcomes, exists: Exists, findings: Findings) -> Graph:
    """The control-flow graph. `outcomes`: what a step's task can end with; `exists`: whether there is such a task."""
    graph = Graph(outline)
    for step in outline.steps:
        graph.enter.append(graph.add_node(step))
        if step.inner:
            graph.done[step.number] = graph.add_node(step)
            graph.failed[step.number] = graph.add_node(step)
    for scope in outline.scopes:
        graph.exit[scope.number] = graph.add_node(None)
    _enter_workflow(graph, findings)
    for step in outline.steps:
        _wire_inner(graph, step)
        _wire_jumps(graph, step, outcomes(step), findings, assumed=not exists(step))
    return graph


def join_count(step: Step) -> int:
    """How many branches a PARALLEL step waits for: all by default; never more than it has."""
    branches, join = len(step.inner), step.document.get("join", "ALL")
    count = step.document.get("count") if join == "N" else join
    if join == "ANY":
        return min(1, branches)
    if isinstance(count, int) and not isinstance(count, bool):
        return max(1, min(count, branches))
    return branches


def _enter_workflow(graph: Graph, findings: Findings) -> None:
    outline = graph.outline
    start = outline.start_of(outline.root)
    start_at = text(outline.document, "startAt")
    if start is None and start_at is not None:
        _report(outline, outline.root, start_at, "/startAt", findings)
        # Go on as if it began with the first step, so that one wrong name is one finding.
        start = outline.root.steps[0] if outline.root.steps else None
    target = graph.exit_of(outline.root) if start is None else graph.enter[start.number]
    graph.add_edge(Edge(graph.entry, target, How.INSIDE))
    for step_id, pointer in failure_targets(mapping(outline.document, "onFailure")):
        handler = _resolve(outline, outline.root, step_id, "/onFailure" + pointer, findings)
        if handler is not None:
            graph.add_edge(Edge(graph.entry, graph.enter[handler.number], How.RESCUE))


def _wire_inner(graph: Graph, step: Step) -> None:
    if not step.inner:
        return
    enter, done = graph.enter[step.number], graph.done[step.number]
    graph.add_edge(Edge(enter, graph.failed[step.number], How.INSIDE, step))
    for scope in step.inner:
        start = graph.outline.start_of(scope)
        target = graph.exit_of(scope) if start is None else graph.enter[start.number]
        condition = scope.condition
        holds = ((condition, True),) if condition is not None else ()
        graph.add_edge(Edge(enter, target, How.INSIDE, step, scope.pointer, holds))
        if condition is not None:
            skipped = ((condition, False),)
            graph.add_edge(Edge(enter, graph.exit_of(scope), How.INSIDE, step, scope.pointer, skipped))
        graph.add_edge(Edge(graph.exit_of(scope), done, How.INSIDE, step, scope.pointer))
    if step.type == "FOR_EACH":
        # There may be no items at all.
        graph.add_edge(Edge(enter, done, How.INSIDE, step))
    else:
        graph.needed[done] = join_count(step)


def _wire_jumps(graph: Graph, step: Step, outcomes: Sequence[str] | None, findings: Findings, *, assumed: bool) -> None:
    for step_id, pointer in named_in_vain(step):
        _resolve(graph.outline, step.scope, step_id, pointer, findings)
    for jump in jumps(step, outcomes):
        if jump.target is None:
            target = graph.exit_of(step.scope)
        else:
            found = _resolve(graph.outline, step.scope, jump.target, jump.pointer, findings)
            if found is None:
                graph.loose.add(graph.leaving(step))
                continue
            target = graph.enter[found.number]
        source = {How.SKIPPED: graph.enter[step.number], How.FAILURE: graph.failing(step)}.get(
            jump.how, graph.leaving(step)
        )
        how = How.ASSUMED if jump.how is How.EITHER and assumed else jump.how
        graph.add_edge(Edge(source, target, how, step, jump.pointer, jump.assumes))


def _resolve(outline: Outline, scope: Scope, step_id: str, pointer: str, findings: Findings) -> Step | None:
    found = outline.by_id.get(step_id)
    if found is not None and found.scope is scope:
        return found
    _report(outline, scope, step_id, pointer, findings)
    # Where it is certain which step was meant, the other checks go on as if it had been written.
    meant = None if found is not None else certainly_meant(step_id, (step.step_id for step in scope.steps))
    return None if meant is None else outline.by_id.get(meant)


def _report(outline: Outline, scope: Scope, step_id: str, pointer: str, findings: Findings) -> None:
    found = outline.by_id.get(step_id)
    here = [step.step_id for step in scope.steps if step.step_id]
    if found is not None:
        findings.error(
            "target-out-of-scope",
            pointer,
            f"{step_id!r} is {_place(found.scope)}, and a path cannot jump there from {_place(scope)}.",
            hint="A path stays in its branch or loop until that ends; lead on from the step that holds it.",
        )
    elif any(entry.step_id == step_id for entry in outline.compensations):
        findings.error(
            "target-out-of-scope",
            pointer,
            f"{step_id!r} is a compensation step; it runs only to undo {_undone(outline, step_id)!r}.",
            hint="Use onFailure with action 'compensate' to run the compensations.",
        )
    else:
        findings.error(
            "unknown-step",
            pointer,
            f"There is no step {step_id!r}.",
            hint=did_you_mean(step_id, here, noun="steps"),
            fix=certain_fix(step_id, here, pointer),
        )


def _undone(outline: Outline, step_id: str) -> str:
    return next(entry.compensates for entry in outline.compensations if entry.step_id == step_id)


def _place(scope: Scope) -> str:
    if scope.owner is None:
        return "among the workflow's own steps"
    if scope.kind == "branch":
        return f"in branch {scope.name!r} of {scope.owner.step_id!r}"
    return f"inside the loop {scope.owner.step_id!r}"
