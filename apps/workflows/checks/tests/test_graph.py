"""The graph of a workflow, and what is certainly there at each of its nodes."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.checks.availability import Availability, _in_at_least, analyse, has_error, has_output, ran
from apps.workflows.checks.catalog import DocumentCatalog
from apps.workflows.checks.findings import Findings
from apps.workflows.checks.guards import implied_by
from apps.workflows.checks.outline import read_outline
from apps.workflows.checks.producers import Producers
from apps.workflows.checks.wiring import wire


def solved(steps: list[dict[str, Any]]) -> Availability:
    outline = read_outline({"steps": steps})
    producers = Producers(outline, DocumentCatalog.of([{"kind": "task", "taskId": "t"}]))
    return analyse(wire(outline, producers.outcomes, producers.exists, Findings()), implied_by)


def certain_before(found: Availability, step_id: str) -> set[str]:
    """`id`, `id.output`, `id.error`: the facts that hold whenever the step is entered."""
    must = found.must[found.graph.enter[found.graph.outline.by_id[step_id].number]]
    facts = {}
    for step in found.graph.outline.steps:
        facts |= {
            step.step_id: ran(step),
            f"{step.step_id}.output": has_output(step),
            f"{step.step_id}.error": has_error(step),
        }
    return {name for name, path in facts.items() if must & found.facts.known(path)}


def task(step_id: str, **more: Any) -> dict[str, Any]:
    return {"stepId": step_id, "type": "TASK", "taskId": "t", **more}


def parallel(*branches: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    named = [{"name": f"b{number}", "steps": steps} for number, steps in enumerate(branches)]
    return {"stepId": "p", "type": "PARALLEL", "branches": named, "next": "end", **more}


def test_a_step_that_completed_has_an_output() -> None:
    assert certain_before(solved([task("a", next="end"), task("end")]), "end") == {"a", "a.output"}


def test_behind_a_failure_there_is_an_error_and_no_output() -> None:
    found = solved([task("a", onFailure={"nextStepId": "end"}), task("end")])
    assert certain_before(found, "end") == {"a", "a.error"}


def test_a_skipped_step_has_run_without_a_result() -> None:
    assert certain_before(solved([task("a", condition="input.x", next="end"), task("end")]), "end") == {"a"}


def test_where_paths_meet_only_what_all_bring_is_certain() -> None:
    choice = {"stepId": "d", "type": "DECISION", "choices": [{"condition": "input.x", "nextStep": "a"}], "default": "b"}
    found = solved([choice, task("a", next="end"), task("b", next="end"), task("end")])
    assert certain_before(found, "end") == {"d", "d.output"}
    assert certain_before(found, "a") == {"d", "d.output"}


def test_a_loop_keeps_what_was_before_it() -> None:
    choice = {
        "stepId": "d",
        "type": "DECISION",
        "choices": [{"condition": "input.x", "nextStep": "a"}],
        "default": "end",
    }
    found = solved([task("first", next="a"), task("a", next="d"), choice, task("end")])
    assert certain_before(found, "a") == {"first", "first.output"}
    assert certain_before(found, "end") >= {"first.output", "a.output", "d.output"}


@pytest.mark.parametrize(
    ("join", "certain"),
    [
        ({}, {"a.output", "b.output", "c.output"}),
        ({"join": "ANY"}, set()),
        ({"join": "N", "count": 2}, set()),
        ({"join": "N", "count": 3}, {"a.output", "b.output", "c.output"}),
    ],
)
def test_a_join_brings_what_enough_branches_bring(join: dict[str, Any], certain: set[str]) -> None:
    found = solved([parallel([task("a")], [task("b")], [task("c")], **join), task("end")])
    assert {fact for fact in certain_before(found, "end") if fact[0] in "abc" and "." in fact} == certain


def test_inside_a_branch_the_other_branches_are_not_certain() -> None:
    found = solved([task("z", next="p"), parallel([task("a")], [task("b", next="c"), task("c")]), task("end")])
    assert certain_before(found, "c") == {"z", "z.output", "b", "b.output"}


def test_a_condition_on_the_way_tells_what_is_there() -> None:
    way = [{"condition": "steps.a.status == 'COMPLETED'", "nextStepId": "good"}, {"nextStepId": "bad"}]
    found = solved([task("a", onFailure={"action": "continue"}, next=way), task("good"), task("bad")])
    assert certain_before(found, "good") >= {"a", "a.output"}
    assert "a.output" not in certain_before(found, "bad")


@pytest.mark.parametrize(("count", "expected"), [(1, 0b1111), (2, 0b0111), (3, 0b0001)], ids=["one", "two", "three"])
def test_facts_in_at_least_some_of_the_branches(count: int, expected: int) -> None:
    assert _in_at_least([0b0011, 0b0101, 0b1111], count) == expected


@pytest.mark.parametrize(
    ("condition", "truth", "paths"),
    [
        ("has(input.a.b)", True, {("input", "a"), ("input", "a", "b", "?")}),
        ("has(input.a)", False, set()),
        ("exists(input.a)", True, {("input", "a")}),
        ("input.a != null", True, {("input", "a"), ("input", "a", "?")}),
        ("input.a == null", False, {("input", "a"), ("input", "a", "?")}),
        ("!isEmpty(input.a)", True, {("input", "a")}),
        ("has(input.a) && has(input.b)", True, {("input", "a", "?"), ("input", "b", "?")}),
        ("has(input.a) || has(input.b)", True, set()),
        ("!(has(input.a) && has(input.b))", False, {("input", "a", "?"), ("input", "b", "?")}),
        ("steps.?a.output.hasValue()", True, {("steps", "a"), ("steps", "a", "output", "?")}),
        ("${steps.a.status == 'FAILED'}", True, {("steps", "a"), ("steps", "a", "error"), ("steps", "a", "status"), ("steps", "a", "status", "?")}),
        ("this is no expression", True, set()),
    ],
)  # fmt: skip
def test_what_a_condition_tells(condition: str, truth: bool, paths: set[tuple[str, ...]]) -> None:
    assert implied_by(condition, truth) == paths
