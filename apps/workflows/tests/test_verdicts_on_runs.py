"""Whether runs can go on with another version: a table of cases, decided without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from apps.workflows.engine.compile import compile_plan
from apps.workflows.engine.plan import Plan, TaskBinding
from apps.workflows.orchestrator.language import LANGUAGE
from apps.workflows.rules.verdict import Judge, Report, Standing

Step = dict[str, Any]


def plan(*steps: Step, version: str = "1.0.0", **more: Any) -> Plan:
    document = {"workflowId": "w", "version": version, "steps": list(steps)} | more
    return compile_plan(document, definition_id=uuid4(), language=LANGUAGE, tasks=task)


def task(task_id: str, version: str | None) -> TaskBinding:
    return TaskBinding(uuid4(), task_id)


def ask(step_id: str = "ask", **more: Any) -> Step:
    return {"stepId": step_id, "type": "HUMAN_TASK", "transitions": {"yes": "done", "no": "refused"}} | more


def nap(step_id: str = "nap", **more: Any) -> Step:
    return {"stepId": step_id, "type": "DELAY", "duration": "PT1H", "next": "done"} | more


def do(step_id: str, task_id: str, **more: Any) -> Step:
    return {"stepId": step_id, "type": "TASK", "taskId": task_id, "next": "done"} | more


def compute(step_id: str, output: Any, **more: Any) -> Step:
    return {"stepId": step_id, "type": "TRANSFORM", "output": output, "next": "done"} | more


def both(*branches: tuple[str, list[Step]], **more: Any) -> Step:
    named = [{"name": name, "steps": steps} for name, steps in branches]
    return {"stepId": "both", "type": "PARALLEL", "branches": named, "next": "done"} | more


DONE: Step = {"stepId": "done", "type": "END"}
REFUSED: Step = {"stepId": "refused", "type": "END", "status": "FAILED"}


def judged(before: Plan, after: Plan, *standings: Standing, **mapping: str) -> Report:
    return Judge(before, after, mapping).report(standings)


def at(*steps: str, **more: Any) -> Standing:
    return Standing(steps, **more)


FORK = both(("left", [nap("a", next=None)]), ("right", [nap("b", next=None)]))
SWAPPED = both(("right", [nap("b", next=None)]), ("left", [nap("a", next=None)]))
MERGED = both(("left", [nap("a", next="b"), nap("b", next=None)]), ("right", [nap("c", next=None)]))
WIDER = both(*[(name, [nap(step, next=None)]) for name, step in (("left", "a"), ("right", "b"), ("new", "c"))])
READS_C = both(
    *[(name, [nap(step, next=None)]) for name, step in (("left", "a"), ("right", "b"), ("new", "c"))], next="sum"
)

# name: (steps of the old version, steps of the new one, where runs stand, mapping, verdict, words of the message)
CASES: dict[str, tuple[list[Step], list[Step], Standing, dict[str, str], str, str]] = {
    "nothing changed where they stand": (
        [ask(), DONE, REFUSED], [ask(), DONE, REFUSED], at("ask"), {}, "COMPATIBLE", "open task keeps its form"),
    "a step was added before": (
        [ask(), DONE, REFUSED], [compute("first", 1, next="ask"), ask(), DONE, REFUSED], at("ask"), {}, "COMPATIBLE", ""),
    "a step was added behind": (
        [nap(), DONE], [nap(next="more"), compute("more", 1), DONE], at("nap"), {}, "COMPATIBLE", "keeps its time"),
    "the only task of its kind has another id": (
        [do("pay", "charge"), DONE], [do("charge-card", "charge"), DONE], at("pay"), {},
        "NEEDS_MAPPING", "seems to be charge-card now"),
    "the same, mapped": (
        [do("pay", "charge"), DONE], [do("charge-card", "charge"), DONE], at("pay"), {"pay": "charge-card"},
        "COMPATIBLE", "Goes on as charge-card"),
    "it may have become either of two": (
        [do("pay", "charge"), DONE], [do("one", "charge", next="two"), do("two", "charge"), DONE], at("pay"), {},
        "NEEDS_MAPPING", "It can become one or two"),
    "another task does the work now": (
        [do("pay", "charge"), DONE], [do("bill", "invoice"), DONE], at("pay"), {}, "NEEDS_MAPPING", "It can become bill"),
    "the step is gone": (
        [nap("wait", next="ask"), ask(), DONE, REFUSED], [ask(), DONE, REFUSED], at("wait"), {},
        "IMPOSSIBLE", "these runs end on 1.0.0"),
    "the step is of another type": (
        [nap("x"), DONE], [compute("x", 1), DONE], at("x"), {}, "IMPOSSIBLE", "x is a DELAY and becomes a TRANSFORM"),
    "the step moved into a branch": (
        [nap("a"), DONE], [FORK, DONE], at("a"), {}, "IMPOSSIBLE", "lies inside both in 2.0.0, not on the main path"),
    "an answer that the open task offers leads nowhere": (
        [ask(), DONE, REFUSED], [ask(transitions={"yes": "done"}), DONE], at("ask"), {}, "IMPOSSIBLE", "still offers no"),
    "an answer leads elsewhere by default": (
        [ask(), DONE, REFUSED], [ask(transitions={"yes": "done", "default": "done"}), DONE], at("ask"), {},
        "COMPATIBLE", ""),
    "a later step reads what a step added before computes": (
        [nap(), DONE],
        [compute("rate", {"r": 1}, next="nap"), nap(next="use"), compute("use", "${steps.rate.output.r}"), DONE],
        at("nap"), {}, "IMPOSSIBLE", "use reads the result of rate, which these runs do not have"),
    "a later step reads it, and asks first whether it is there": (
        [nap(), DONE],
        [compute("rate", {"r": 1}, next="nap"), nap(next="use"),
         compute("use", "${has(steps.rate) ? steps.rate.output.r : 0}"), DONE],
        at("nap"), {}, "COMPATIBLE", ""),
    "a later step reads it as optional": (
        [nap(), DONE],
        [compute("rate", {"r": 1}, next="nap"), nap(next="use"), compute("use", "${steps.?rate.output.orValue(0)}"), DONE],
        at("nap"), {}, "COMPATIBLE", ""),
    "the step whose result is read still comes": (
        [nap(), DONE],
        [nap(next="rate"), compute("rate", {"r": 1}, next="use"), compute("use", "${steps.rate.output.r}"), DONE],
        at("nap"), {}, "COMPATIBLE", ""),
    "the order of two steps was exchanged": (
        [nap("a", next="b"), nap("b"), DONE],
        [nap("b", next="a"), nap("a", next="use"), compute("use", "${steps.b.output}"), DONE],
        at("a"), {}, "IMPOSSIBLE", "the result of b"),
    "the result that is read was made by a step of another name": (
        [do("check", "credit", next="nap"), nap(), DONE],
        [do("credit-check", "credit", next="nap"), nap(next="use"), compute("use", "${steps['credit-check'].output}"), DONE],
        at("nap"), {}, "NEEDS_MAPPING", "the result of credit-check, which is check in 1.0.0"),
    "the same, mapped too": (
        [do("check", "credit", next="nap"), nap(), DONE],
        [do("credit-check", "credit", next="nap"), nap(next="use"), compute("use", "${steps['credit-check'].output}"), DONE],
        at("nap"), {"check": "credit-check"}, "COMPATIBLE", ""),
    "runs have not begun yet": (
        [nap(), DONE], [compute("rate", {"r": 1}, next="use"), compute("use", "${steps.rate.output.r}"), DONE],
        at(), {}, "COMPATIBLE", "Not begun yet: begins with rate"),
    "two branches changed places": (
        [FORK, DONE], [SWAPPED, DONE], at("both", "a", "b"), {}, "COMPATIBLE", ""),
    "two branches became one": (
        [FORK, DONE], [MERGED, DONE], at("both", "a", "b"), {}, "IMPOSSIBLE", "Another branch of the same run"),
    "a branch was added": (
        [FORK, DONE], [WIDER, DONE], at("both", "a"), {}, "COMPATIBLE", "branch new does not begin for runs that have forked"),
    "a branch was added, and its result is read": (
        [FORK, DONE], [READS_C, compute("sum", "${steps.c.output}"), DONE], at("both", "a"), {},
        "IMPOSSIBLE", "sum reads the result of c"),
    "a result of the other branch may be there": (
        [FORK, DONE],
        [both(("left", [nap("a", next=None)]), ("right", [nap("b", next=None)]), next="sum"),
         compute("sum", "${steps.b.output}"), DONE],
        at("both", "a"), {}, "COMPATIBLE", ""),
    "the run undoes its work": (
        [nap(), DONE], [nap(), DONE], at("nap", undoing=True), {}, "IMPOSSIBLE", "goes by the version that did it"),
    "a field of the input that a later step reads does not fit": (
        [nap(), DONE], [nap(next="use"), compute("use", "${input.currency}"), DONE],
        at("nap", misfits=(("currency", "`currency` is missing."),)), {},
        "IMPOSSIBLE", "use reads the input field currency, and theirs does not fit 2.0.0: `currency` is missing."),
    "a field of the input that nothing reads any more does not fit": (
        [nap(), DONE], [compute("use", "${input.currency}", next="nap"), nap(), DONE],
        at("nap", misfits=(("currency", "`currency` is missing."),)), {}, "COMPATIBLE", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_on_a_position(name: str) -> None:
    old, new, standing, mapping, verdict, words = CASES[name]
    report = judged(plan(*old), plan(*new, version="2.0.0"), standing, **mapping)
    messages = " ".join(finding.message for finding, _ in report.positions)
    assert (report.verdict, words in messages) == (verdict, True), messages
    assert report.instances[report.verdict] == 1


LIMIT = {"limit": {"initial": "${input.amount}"}}
UNSET: dict[str, Any] = {"limit": {}}


@pytest.mark.parametrize(
    ("variables", "sets", "verdict"),
    [
        (LIMIT, {}, "COMPATIBLE"),
        (UNSET, {}, "COMPATIBLE"),  # empty in new runs as well
        (UNSET, {"first": "limit"}, "IMPOSSIBLE"),
        (UNSET, {"nap": "limit"}, "COMPATIBLE"),
    ],
)
def test_a_new_variable_must_have_a_value_where_runs_go_on(variables: Any, sets: dict[str, str], verdict: str) -> None:
    steps = [compute("first", 1, next="nap"), nap(next="use"), compute("use", "${vars.limit}"), DONE]
    for step in steps:
        if step["stepId"] in sets:
            step["setVariables"] = {sets[step["stepId"]]: "1"}
    report = judged(plan(nap(), DONE), plan(*steps, version="2.0.0", variables=variables), at("nap"))
    assert report.verdict == verdict


def test_the_output_of_the_run_is_read_at_its_end() -> None:
    new = plan(compute("rate", 1, next="nap"), nap(), DONE, version="2.0.0", output={"rate": "${steps.rate.output}"})
    [(finding, count)] = judged(plan(nap(), DONE), new, at("nap", instances=3)).positions
    assert (finding.verdict, count) == ("IMPOSSIBLE", 3)
    assert finding.message.startswith("The output of the run reads the result of rate")


def test_a_run_counts_once_with_the_worst_verdict_of_its_positions() -> None:
    old = plan(FORK, DONE)
    new = plan(both(("left", [nap("a", next=None)]), ("right", [compute("b", 1, next=None)])), DONE, version="2.0.0")
    report = judged(old, new, at("both", "a", instances=5), at("both", "a", "b", instances=2))
    assert report.instances == {"COMPATIBLE": 5, "NEEDS_MAPPING": 0, "IMPOSSIBLE": 2}
    found = {(finding.step_id, finding.verdict.value): count for finding, count in report.positions}
    assert found[("b", "IMPOSSIBLE")] == 2
    assert found[("a", "COMPATIBLE")] == 7


def test_without_runs_any_version_will_do() -> None:
    report = judged(plan(nap(), DONE), plan(ask(), DONE, REFUSED, version="2.0.0"))
    assert (report.verdict, report.positions) == ("COMPATIBLE", [])


def test_the_suggested_mapping_names_what_certainly_is_the_same_step() -> None:
    old = plan(do("check", "credit", next="ask"), ask(name="Decide"), nap("rest"), DONE, REFUSED)
    new = plan(do("credit", "credit", next="decide"), ask("decide", name="Decide"), compute("other", 1), DONE, REFUSED)
    assert judged(old, new, at("ask")).mapping == {"check": "credit", "ask": "decide"}


@pytest.mark.parametrize(
    ("mapping", "codes"),
    [
        ({"nop": "nap"}, {"unknown-step", "mapped-twice"}),
        ({"nap": "nop"}, {"unknown-step"}),
        ({"a": "b"}, {"mapped-twice"}),
        ({"a": "b", "b": "a"}, set()),
    ],
)
def test_a_mapping_itself_may_be_wrong(mapping: dict[str, str], codes: set[str]) -> None:
    each = plan(nap("a", next="b"), nap("b", next="nap"), nap(), DONE)
    assert {problem.code for problem in Judge(each, each, mapping).problems()} == codes


def loop(*inside: Step, version: str = "1.0.0", name: str = "each") -> Plan:
    """A plan in which each item goes through ``inside``; the runs it is for stand at ``each`` and at one of these."""
    body = {"stepId": name, "type": "PARALLEL", "branches": [{"name": "item", "steps": list(inside)}], "next": "done"}
    made = plan(body, DONE, version=version)
    steps = {
        step_id: replace(step, type="FOR_EACH" if step_id == name else step.type, scopes=(name,) if step.parent else ())
        for step_id, step in made.steps.items()
    }
    return replace(made, steps=steps)


LAST: Step = {"stepId": "use", "type": "TRANSFORM", "output": "${steps.rate.output}"}


def test_an_item_under_way_lacks_what_only_later_items_will_have() -> None:
    old = loop(nap(next="use"), LAST | {"output": 1})
    new = loop(compute("rate", 1, next="nap"), nap(next="use"), LAST, version="2.0.0")
    assert judged(old, new, at("each", "nap")).verdict == "IMPOSSIBLE"
    assert judged(old, new, at("each")).verdict == "COMPATIBLE"
    behind = loop(nap(next="rate"), compute("rate", 1, next="use"), LAST, version="2.0.0")
    assert judged(old, behind, at("each", "nap")).verdict == "COMPATIBLE"


def test_a_loop_may_change_its_name_while_items_are_under_way() -> None:
    old, new = loop(nap(next=None)), loop(nap(next=None), version="2.0.0", name="all")
    asked = judged(old, new, at("each", "nap"))
    assert (asked.verdict, asked.mapping) == ("NEEDS_MAPPING", {"each": "all"})
    assert judged(old, new, at("each", "nap"), each="all").verdict == "COMPATIBLE"


def test_branches_that_changed_places_are_numbered_anew() -> None:
    judge = Judge(plan(FORK, DONE), plan(SWAPPED, DONE, version="2.0.0"), {})
    assert judge.branch_changes() == {"a": 1, "b": 0}
