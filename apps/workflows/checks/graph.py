"""The control-flow graph of a workflow: what may come after what, and how a path leaves each step.

Nodes are numbers. Every step has one, entered when a path reaches the step. A step with steps inside it (PARALLEL,
FOR_EACH) has two more: `done`, where its branches have met, and `failed`, where one of them has failed. Every scope has
an `exit`, where a path in it ends. The graph is flat: a branch is entered by an edge from its PARALLEL step and left by
an edge from its exit to that step's `done` node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from .outline import Outline, Scope, Step


class How(StrEnum):
    """How a path leaves a node, which decides what is known behind the edge."""

    SUCCESS = "success"
    """The step completed: its output is there."""
    FAILURE = "failure"
    """The step failed or timed out: its error is there."""
    SKIPPED = "skipped"
    """Its condition was false."""
    EITHER = "either"
    """A transition on a word that can be an outcome or an error code."""
    ASSUMED = "assumed"
    """The same for a task that does not exist, which is finding enough: whatever is read of it counts as there."""
    RESCUE = "rescue"
    """From any step that failed, to the workflow's own failure handler: anything may have run."""
    INSIDE = "inside"
    """Into or out of the steps inside a step; nothing about the step itself is known yet."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`assumes`: conditions (text, whether true) that hold on this edge. `pointer`: where the document says so."""

    source: int
    target: int
    how: How
    step: Step | None = None
    pointer: str = ""
    assumes: tuple[tuple[str, bool], ...] = ()


@dataclass(slots=True)
class Graph:
    """`step_of[node]` is the step that the node belongs to, `needed[node]` how many of its branches a join waits for.

    `loose` nodes have a way out whose target is wrong; where it should have led is not known.
    """

    outline: Outline
    entry: int = 0
    nodes: int = 1
    edges: list[Edge] = field(default_factory=list)
    outgoing: list[list[Edge]] = field(default_factory=lambda: [[]])
    incoming: list[list[Edge]] = field(default_factory=lambda: [[]])
    step_of: list[Step | None] = field(default_factory=lambda: [None])
    enter: list[int] = field(default_factory=list)
    done: dict[int, int] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)
    exit: dict[int, int] = field(default_factory=dict)
    needed: dict[int, int] = field(default_factory=dict)
    loose: set[int] = field(default_factory=set)

    def add_node(self, step: Step | None) -> int:
        self.outgoing.append([])
        self.incoming.append([])
        self.step_of.append(step)
        self.nodes += 1
        return self.nodes - 1

    def add_edge(self, edge: Edge) -> None:
        self.edges.append(edge)
        self.outgoing[edge.source].append(edge)
        self.incoming[edge.target].append(edge)

    def leaving(self, step: Step) -> int:
        """The node that success leaves from."""
        return self.done.get(step.number, self.enter[step.number])

    def failing(self, step: Step) -> int:
        """The node that failure leaves from."""
        return self.failed.get(step.number, self.enter[step.number])

    def exit_of(self, scope: Scope) -> int:
        return self.exit[scope.number]

    def reachable(self, starts: Iterable[int]) -> set[int]:
        """Nodes that can be reached from any of `starts`, these included."""
        return _closure(starts, lambda node: (edge.target for edge in self.outgoing[node]))

    def reaching(self, targets: Iterable[int]) -> set[int]:
        """Nodes from which any of `targets` can be reached, these included."""
        return _closure(targets, lambda node: (edge.source for edge in self.incoming[node]))

    def in_order(self) -> list[int]:
        """Every node that is reached, each after those before it except on the way back of a loop."""
        seen, finished = {self.entry}, []
        work = [(self.entry, iter(self.outgoing[self.entry]))]
        while work:
            node, edges = work[-1]
            edge = next(edges, None)
            if edge is None:
                finished.append(node)
                work.pop()
            elif edge.target not in seen:
                seen.add(edge.target)
                work.append((edge.target, iter(self.outgoing[edge.target])))
        return finished[::-1]

    def cycles(self, nodes: set[int]) -> list[list[int]]:
        """The cycles among `nodes`: each strongly connected part of the graph they make, in ascending order.

        Tarjan's algorithm, with a stack of its own because a document may chain 500 steps.
        """
        index: dict[int, int] = {}
        low: dict[int, int] = {}
        on_stack: set[int] = set()
        stack: list[int] = []
        found: list[list[int]] = []
        for root in sorted(nodes):
            if root in index:
                continue
            work: list[tuple[int, Iterator[int]]] = [(root, self._successors(root, nodes))]
            index[root] = low[root] = len(index)
            stack.append(root)
            on_stack.add(root)
            while work:
                node, successors = work[-1]
                child = next(successors, None)
                if child is None:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == index[node]:
                        part: list[int] = []
                        while not part or part[-1] != node:
                            part.append(stack.pop())
                            on_stack.discard(part[-1])
                        if len(part) > 1 or any(edge.target == node for edge in self.outgoing[node]):
                            found.append(sorted(part))
                elif child not in index:
                    index[child] = low[child] = len(index)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, self._successors(child, nodes)))
                elif child in on_stack:
                    low[node] = min(low[node], index[child])
        return sorted(found)

    def _successors(self, node: int, nodes: set[int]) -> Iterator[int]:
        return iter([edge.target for edge in self.outgoing[node] if edge.target in nodes])


def _closure(starts: Iterable[int], follow: Callable[[int], Iterable[int]]) -> set[int]:
    seen = set(starts)
    pending = list(seen)
    while pending:
        for node in follow(pending.pop()):
            if node not in seen:
                seen.add(node)
                pending.append(node)
    return seen
