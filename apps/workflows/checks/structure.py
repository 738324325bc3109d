"""The shape of the graph: steps that nothing leads to, paths without an end, loops that spin, joins that cannot be met."""

from __future__ import annotations

from collections.abc import Iterable

from .findings import Findings, listed
from .graph import Graph
from .outline import Outline, Step
from .producers import Producers
from .wiring import join_count

MAX_STEPS = 500
WAITING_TYPES = frozenset({"HUMAN_TASK", "DELAY", "EVENT_WAIT"})
"""Step types that give time to the outside world, so that a loop around them does not spin."""


def check_size(outline: Outline, findings: Findings) -> None:
    """At most `MAX_STEPS` steps, nested ones included; ids are unique across all of them."""
    if len(outline.steps) > MAX_STEPS:
        findings.error(
            "too-many-steps",
            "/steps",
            f"The workflow has {len(outline.steps)} steps; {MAX_STEPS} are allowed.",
            hint="Move a part of it into a workflow of its own and run that with a SUB_WORKFLOW step.",
        )
    for step_id, pointer, first in outline.doubles:
        findings.error(
            "duplicate-step",
            pointer + "/stepId",
            f"The step id {step_id!r} is used twice; the first is at {first}.",
            hint="Step ids are unique in the whole workflow, branches and compensations included.",
        )


def check_reachable(graph: Graph, findings: Findings) -> set[int]:
    """Report steps that no path leads to, the first of each lost part only. Returns the nodes that are reached."""
    reached = graph.reachable([graph.entry])
    lost = [step for step in graph.outline.steps if graph.enter[step.number] not in reached]
    # Those that nothing leads to come first: what hangs behind them is found with them.
    lost.sort(key=lambda step: (bool(_predecessors(graph, step)), step.number))
    covered = set(reached)
    for step in lost:
        node = graph.enter[step.number]
        if node in covered:
            continue
        covered |= graph.reachable([node])
        findings.error(
            "unreachable-step",
            step.pointer,
            f"Nothing leads to step {step.step_id!r}, so it never runs.",
            hint=_forgotten(graph, step, reached),
        )
    return reached


def _predecessors(graph: Graph, step: Step) -> list[Step]:
    edges = graph.incoming[graph.enter[step.number]]
    return [edge.step for edge in edges if edge.step is not None and edge.step is not step]


def _forgotten(graph: Graph, step: Step, reached: set[int]) -> str:
    """The steps before which a `next` was probably forgotten: those of the same scope whose path ends."""
    exit_node = graph.exit_of(step.scope)
    ending = {
        edge.step.number: edge.step.step_id
        for edge in graph.incoming[exit_node]
        if edge.step is not None and edge.step.scope is step.scope and edge.source in reached
    }
    before = [number for number in ending if number < step.number]
    if before:
        return f"Did you forget `next` on {ending[max(before)]!r}, which comes before it in the list and ends its path?"
    if ending:
        return f"Did you forget `next` on {listed(ending.values())}?"
    return "Lead to it with `next`, a transition or a choice of another step, or remove it."


def check_ends(graph: Graph, reached: set[int], findings: Findings) -> None:
    """From every step there must be a way to the end of the run."""
    ends = [graph.exit_of(graph.outline.root), *graph.loose]
    ends += [graph.enter[step.number] for step in graph.outline.steps if step.type == "END"]
    # Whatever fails without a handler ends the run too, but nobody builds a workflow for that.
    ending = graph.reaching(ends)
    stuck = [step for step in graph.outline.steps if graph.enter[step.number] in reached - ending]
    if stuck:
        first = min(stuck, key=lambda step: step.number)
        findings.error(
            "no-path-to-end",
            first.pointer,
            f"From step {first.step_id!r} no path leads to an end: {listed(step.step_id for step in stuck)} go in a circle.",
            hint="Let one of them end its path, go on to a step outside, or lead to an END step.",
        )


def check_loops(graph: Graph, producers: Producers, reached: set[int], findings: Findings) -> None:
    """A loop must wait for something on its way round: an error when it is inline, a warning when it calls tasks."""
    waiting = {node for step in graph.outline.steps for node in _waiting_nodes(graph, step, producers)}
    for cycle in graph.cycles(reached - waiting):
        steps = list({step.number: step for node in cycle if (step := graph.step_of[node]) is not None}.values())
        if not steps:
            continue
        names = listed(step.step_id for step in steps)
        pointer = _back_edge(graph, cycle) or steps[0].pointer
        if any(_leaves_the_engine(step, producers) for step in steps):
            findings.warning(
                "loop-without-wait",
                pointer,
                f"The loop through {names} goes round as fast as its tasks answer.",
                hint="Put a DELAY step into it, or wait for an event.",
            )
        else:
            findings.error(
                "loop-without-wait",
                pointer,
                f"The loop through {names} never waits for anything, so it would spin.",
                hint="Put a DELAY, an EVENT_WAIT or a person's task into it; for a list use FOR_EACH.",
            )


def _waiting_nodes(graph: Graph, step: Step, producers: Producers) -> Iterable[int]:
    if _waits(step, producers):
        return (graph.enter[step.number],)
    inner_wait = any(_inside_waits(each, producers) for scope in step.inner for each in scope.steps)
    if step.inner and inner_wait and join_count(step) >= len(step.inner):
        return (graph.done[step.number],)
    return ()


def _inside_waits(step: Step, producers: Producers) -> bool:
    inner = any(_inside_waits(each, producers) for scope in step.inner for each in scope.steps)
    return inner or _waits(step, producers)


def _waits(step: Step, producers: Producers) -> bool:
    if step.type == "SUB_WORKFLOW":
        return step.document.get("wait") is not False
    if step.type == "TASK":
        facts = producers.task(step)
        return facts is not None and facts.waits
    return step.type in WAITING_TYPES


def _leaves_the_engine(step: Step, producers: Producers) -> bool:
    if step.type == "SUB_WORKFLOW":
        return True
    facts = producers.task(step) if step.type == "TASK" else None
    return step.type == "TASK" and (facts is None or not facts.inline)


def _back_edge(graph: Graph, cycle: list[int]) -> str | None:
    """Where the document leads back: the jump to the earliest step of the loop from the latest one."""
    inside = set(cycle)
    backward = [
        edge
        for node in cycle
        for edge in graph.outgoing[node]
        if edge.target in inside and edge.target <= node and edge.step is not None and edge.pointer
    ]
    return backward[-1].pointer if backward else None


def check_joins(graph: Graph, reached: set[int], findings: Findings) -> None:
    """A join needs no more branches than there are, and than can end."""
    for step in graph.outline.steps:
        if step.type != "PARALLEL" or not step.inner:
            continue
        wanted = _wanted(step)
        if wanted is not None and not 1 <= wanted <= len(step.inner):
            place = "/count" if "count" in step.document else "/join"
            findings.error(
                "join-count",
                step.pointer + place,
                f"The join waits for {wanted} branches, and there are {len(step.inner)}.",
                hint=f"Write a number from 1 to {len(step.inner)}.",
            )
            continue
        starts = {scope.number: graph.outline.start_of(scope) for scope in step.inner}
        ending = [
            scope
            for scope in step.inner
            if (start := starts[scope.number]) is None
            or (graph.loose | {graph.exit_of(scope)}) & graph.reachable([graph.enter[start.number]])
        ]
        if len(ending) < join_count(step) and graph.enter[step.number] in reached:
            findings.warning(
                "join-never-met",
                step.pointer,
                f"Only {len(ending)} of the {join_count(step)} branches that {step.step_id!r} waits for can end.",
                hint="An END step inside a branch ends the whole run; leave it out where only the branch should end.",
            )

        conditional = sum(scope.condition is not None for scope in step.inner)
        if step.document.get("join") == "N" and len(step.inner) - conditional < join_count(step):
            findings.warning(
                "join-may-not-be-met",
                step.pointer + "/count",
                f"Only {len(step.inner) - conditional} of the {join_count(step)} branches that {step.step_id!r} waits for"
                " have no condition; where too few of the others hold, it fails.",
                hint="Wait for ALL, which counts only the branches that run, or for fewer.",
            )


def _wanted(step: Step) -> int | None:
    join = step.document.get("join", "ALL")
    count = step.document.get("count") if join == "N" else join
    return count if isinstance(count, int) and not isinstance(count, bool) else None
