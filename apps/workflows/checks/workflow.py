"""All checks of a workflow document beyond its JSON Schema, in the order in which one builds on the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.validation.violations import Violation, in_order

from .availability import analyse
from .catalog import Catalog
from .dataflow import DataFlow
from .findings import Findings, Read
from .graph import Graph
from .guards import implied_by
from .needs import input_need, need_of, task_need
from .outline import Outline, read_outline, text
from .producers import Producers
from .references import check_references
from .routes import check_routes
from .shapes import object_schema
from .sites import sites
from .structure import MAX_STEPS, check_ends, check_joins, check_loops, check_reachable, check_size
from .timing import check_timing
from .uses import Mention, Name, mentions, reads_from
from .variables import check_variables
from .wiring import wire


def check_workflow(document: Mapping[str, Any], *, catalog: Catalog) -> list[Violation]:
    """Every problem of a workflow document that fits its JSON Schema; errors first, none twice. Never raises."""
    return in_order(_check(read_outline(document), catalog).violations)


def uses_of(document: Mapping[str, Any], name: Name, *, catalog: Catalog) -> tuple[list[Mention], list[Read]]:
    """Where a workflow names a definition, and what it reads of what that gives. `name`: (kind, id; for an event its pattern)."""
    outline = read_outline(document)
    found = [mention for mention in mentions(outline) if mention.name == name]
    return found, reads_from(outline, name, _check(outline, catalog).reads) if found else []


def _check(outline: Outline, catalog: Catalog) -> Findings:
    findings = Findings()
    check_size(outline, findings)
    if len(outline.steps) > 2 * MAX_STEPS:
        return findings
    producers = Producers(outline, catalog)
    check_references(outline, producers, findings)
    check_variables(outline, findings)
    check_timing(outline, producers, findings)
    check_routes(outline, producers, findings)
    graph = wire(outline, producers.outcomes, producers.exists, findings)
    reached = check_reachable(graph, findings)
    check_ends(graph, reached, findings)
    check_loops(graph, producers, reached, findings)
    check_joins(graph, reached, findings)
    _check_data(graph, producers, findings)
    return findings


def _check_data(graph: Graph, producers: Producers, findings: Findings) -> None:
    """Follow the data: what every expression reads, gives, and what its place needs."""
    found = analyse(graph, implied_by)
    flow = DataFlow(producers, found, findings)
    producers.graph, producers.infer = graph, flow.infer
    for site in sites(found):
        flow.check(site, need_of(site, producers))
    # A task without any input mapping is given an empty object.
    for step in graph.outline.steps:
        if "input" not in step.document and (need := input_need(step, producers)) is not None:
            flow.fit_schema(object_schema({}), step.pointer, need)
    for entry in graph.outline.compensations:
        need = task_need(text(entry.document, "taskId"), text(entry.document, "taskVersion"), producers)
        if "input" not in entry.document and need is not None:
            flow.fit_schema(object_schema({}), entry.pointer, need)
