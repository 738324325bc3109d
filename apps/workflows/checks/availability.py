"""What is certainly there, and what may be there, when a path reaches a node.

A *fact* is a path that can be read without an error: `("steps", "pay")` once the step has ended, `("steps", "pay",
"output")` once it completed, `("steps", "pay", "error")` once it failed, `("error", "0")` behind a failure that led on in
scope 0, and any path that a condition has tested, such
as `("input", "coupon")` behind `has(input.coupon)`. Sets of facts are bit sets in Python integers.

Two data-flow analyses over the graph find them: *must* (on every path: intersection, the greatest fixed point) and *may*
(on some path: union, the least one). A join that needs n of m branches certainly has what at least m - n + 1 branches
bring.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .graph import Edge, Graph, How
from .outline import Scope, Step, goes_on_after_failures

Path = tuple[str, ...]
Implied = Callable[[str, bool], frozenset[Path]]
"""Which paths are known to be readable when a condition's text is true (or false)."""


@dataclass(slots=True)
class Facts:
    """Numbers the facts. `under(path)` is the set of all facts about a path and what lies below it."""

    _bits: dict[Path, int] = field(default_factory=dict)
    _under: dict[Path, int] = field(default_factory=dict)

    def bit(self, path: Path) -> int:
        """The one-element set of a fact."""
        found = self._bits.get(path)
        if found is None:
            found = self._bits[path] = 1 << len(self._bits)
            prefix = path[:2]
            self._under[prefix] = self._under.get(prefix, 0) | found
        return found

    def known(self, path: Path) -> int:
        """The same, or the empty set when nobody ever speaks of that fact."""
        return self._bits.get(path, 0)

    def of(self, paths: Iterable[Path]) -> int:
        found = 0
        for path in paths:
            found |= self.bit(path)
        return found

    def under(self, step: Step) -> int:
        return self._under.get(("steps", step.step_id), 0)

    @property
    def all(self) -> int:
        return (1 << len(self._bits)) - 1


def ran(step: Step) -> Path:
    return ("steps", step.step_id)


def has_output(step: Step) -> Path:
    return ("steps", step.step_id, "output")


def has_error(step: Step) -> Path:
    return ("steps", step.step_id, "error")


def failed_in(scope: Scope) -> Path:
    """`error` is there. A failure that was dealt with in a branch or an item is not seen behind its end."""
    return ("error", str(scope.number))


@dataclass(slots=True)
class Availability:
    """The solved analyses: `must[node]` and `may[node]` for every node that can be reached."""

    graph: Graph
    implied: Implied
    facts: Facts
    must: list[int]
    may: list[int]
    reached: set[int]

    def after(self, step: Step, how: How) -> int:
        """What is certain right behind a step that was left like that."""
        node = {How.SKIPPED: self.graph.enter[step.number], How.FAILURE: self.graph.failing(step)}.get(
            how, self.graph.leaving(step)
        )
        return self._gain(self.must[node], step, how)

    def failures(self, scope: Scope | None) -> int:
        """The facts each of which says that `error` is there for what stands in a scope."""
        around = [self.graph.outline.root] if scope is None else list(scope.chain())
        return self.facts.of(failed_in(each) for each in around)

    def knowing(self, must: int, assumes: Iterable[tuple[str, bool]]) -> int:
        """`must` plus what follows from conditions that hold."""
        for condition, truth in assumes:
            for path in self.implied(condition, truth):
                must |= self.facts.known(path)
        return must

    def _gain(self, must: int, step: Step, how: How) -> int:
        must &= ~self.facts.under(step)
        must |= self.facts.known(ran(step))
        if how in (How.SUCCESS, How.ASSUMED):
            must |= self.facts.known(has_output(step))
        if how in (How.FAILURE, How.ASSUMED):
            must |= self.facts.known(has_error(step)) | self.facts.known(failed_in(step.scope))
        return must


def analyse(graph: Graph, implied: Implied) -> Availability:
    """Solve both analyses for a graph."""
    facts = Facts()
    facts.of(failed_in(scope) for scope in graph.outline.scopes)
    for step in graph.outline.steps:
        facts.of((ran(step), has_output(step), has_error(step)))
    for edge in graph.edges:
        for condition, truth in edge.assumes:
            facts.of(implied(condition, truth))
    for step in graph.outline.steps:
        if isinstance(own := step.document.get("condition"), str):
            facts.of(implied(own, True))
    reached = graph.reachable([graph.entry])
    found = Availability(graph, implied, facts, [facts.all] * graph.nodes, [0] * graph.nodes, reached)
    _solve_may(found)
    _solve_must(found)
    return found


def _solve_must(found: Availability) -> None:
    found.must[found.graph.entry] = 0
    gains = {id(edge): found.knowing(0, edge.assumes) for edge in found.graph.edges if edge.assumes}

    def along(edge: Edge) -> int:
        must = found.must[edge.source]
        if edge.how is How.RESCUE:
            return must | found.facts.known(failed_in(found.graph.outline.root))
        if edge.step is not None and edge.how is not How.INSIDE:
            must = found._gain(must, edge.step, edge.how)
        return must | gains.get(id(edge), 0)

    def merge(node: int) -> int:
        values = [along(edge) for edge in found.graph.incoming[node] if edge.source in found.reached]
        needed = found.graph.needed.get(node, 1)
        return _in_at_least(values, max(1, len(values) - needed + 1) if node in found.graph.needed else len(values))

    _iterate(found, found.must, merge)


def _solve_may(found: Availability) -> None:
    facts, inner = found.facts, {}
    for step in found.graph.outline.steps:
        if step.inner:
            inner[found.graph.failed[step.number]] = _inside(found, step)

    def along(edge: Edge) -> int:
        may = found.may[edge.source] | inner.get(edge.source, 0)
        if edge.how is How.RESCUE:
            return facts.all
        if edge.step is None or edge.how is How.INSIDE:
            return may
        may |= found._gain(0, edge.step, edge.how)
        if edge.how is How.EITHER:
            may |= facts.known(has_output(edge.step)) | facts.known(has_error(edge.step))
            may |= facts.known(failed_in(edge.step.scope))
        if goes_on_after_failures(edge.step):
            may |= facts.known(has_error(edge.step))
        for condition, truth in edge.assumes:
            may |= facts.of(found.implied(condition, truth))
        return may

    def merge(node: int) -> int:
        value = 0
        for edge in found.graph.incoming[node]:
            if edge.source in found.reached:
                value |= along(edge)
        return value

    _iterate(found, found.may, merge)


def _inside(found: Availability, step: Step) -> int:
    """Facts of all steps inside a step, at any depth: what may be there when it fails half-way."""
    value = 0
    for scope in step.inner:
        for each in scope.steps:
            value |= found.facts.of((ran(each), has_output(each), has_error(each))) | _inside(found, each)
    return value


def _iterate(found: Availability, values: list[int], merge: Callable[[int], int]) -> None:
    graph = found.graph
    # In the order of the paths most nodes are worked out once; only loops come back.
    pending = deque(node for node in graph.in_order() if node != graph.entry)
    waiting = set(pending)
    while pending:
        node = pending.popleft()
        waiting.discard(node)
        value = merge(node)
        if value == values[node]:
            continue
        values[node] = value
        for edge in graph.outgoing[node]:
            if edge.target not in waiting:
                waiting.add(edge.target)
                pending.append(edge.target)


def _in_at_least(values: list[int], count: int) -> int:
    """Facts that are in at least `count` of the sets."""
    if count <= 1 or not values:
        result = 0
        for value in values:
            result |= value
        return result
    # reached[k] holds the facts seen in more than k of the sets so far.
    reached = [0] * count
    for value in values:
        for k in range(count - 1, 0, -1):
            reached[k] |= reached[k - 1] & value
        reached[0] |= value
    return reached[count - 1]
