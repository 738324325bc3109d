"""Whatever JSON comes in, the checks give findings and never raise."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.validation.schemas import check_document
from apps.workflows.checks import check_workflow
from apps.workflows.checks.tests.corpus import catalog

RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

ids = st.sampled_from(["a", "b", "c", "d", "e"])
texts = st.sampled_from(
    [
        "input.x",
        "input.total > 5.0",
        "steps.a.output.x == 'y'",
        "steps.b.status == 'COMPLETED'",
        "has(steps.c.output.x) && !(steps.?d.output.y.orValue(1) > 2)",
        "vars.n + 1 > coalesce(vars.m, 3)",
        "input.items.map(i, i.sku).filter(s, s != '') == []",
        "workflow.state.steps['e'].error.code == 'X' ? true : false",
        "item.x == index",
        "this is not one",
        "{'a': [1, 2.5, null]}[?'b'].orValue([])[0]",
    ]
)
templates = st.recursive(
    st.one_of(texts.map(lambda text: "${" + text + "}"), st.just("for ${input.x}!"), st.integers(), st.none()),
    lambda inner: st.one_of(st.dictionaries(ids, inner, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=5,
)
mappings = st.dictionaries(ids, templates, max_size=3)


@st.composite
def steps(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """One step of any type that fits the schema; names are drawn from few, so that they often meet."""
    kinds = ["TASK", "HUMAN_TASK", "DECISION", "EVENT_WAIT", "DELAY", "SUB_WORKFLOW", "EMIT_EVENT", "TRANSFORM", "END"]
    kind = draw(st.sampled_from(kinds + (["PARALLEL", "FOR_EACH"] if depth < 2 else [])))
    step: dict[str, Any] = {"stepId": draw(ids), "type": kind}
    optional = {
        "condition": texts,
        "input": mappings,
        "next": st.one_of(ids, st.lists(st.fixed_dictionaries({"nextStepId": ids}, optional={"condition": texts}), min_size=1, max_size=3)),
        "setVariables": st.dictionaries(st.sampled_from(["n", "m", "k"]), st.one_of(texts, st.integers()), max_size=2),
        "transitions": st.dictionaries(st.sampled_from(["default", "approve", "X", "VALID"]), ids, min_size=1, max_size=3),
        "onFailure": st.fixed_dictionaries({}, optional={"action": st.sampled_from(["continue", "stop", "compensate"]), "nextStepId": ids}),
        "retryPolicy": st.just({"maxAttempts": 2, "delay": "PT1S", "maxDelay": "PT1S", "multiplier": 2}),
    }  # fmt: skip
    for name, values in optional.items():
        if draw(st.integers(0, 3)) == 0:
            step[name] = draw(values)
    step |= draw(own_fields(kind, depth))
    return step


def own_fields(kind: str, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    inner = st.lists(steps(depth + 1), min_size=1, max_size=3)
    branch = st.fixed_dictionaries({"name": ids, "steps": inner}, optional={"condition": texts})
    fields: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "TASK": {"taskId": st.sampled_from(["charge", "validate", "anything", "compute", "review", "gone"])},
        "HUMAN_TASK": {"taskDefinition": st.just({"assignee": "${input.who}", "actions": [{"actionKey": "approve"}]})},
        "DECISION": {"choices": st.lists(st.fixed_dictionaries({"condition": texts, "nextStep": ids}), min_size=1, max_size=3)},
        "EVENT_WAIT": {"eventPattern": st.just("a.*"), "eventCondition": texts, "eventPayloadMapping": mappings},
        "DELAY": {"duration": st.sampled_from(["PT1S", "${input.wait}"])},
        "SUB_WORKFLOW": {"workflowId": st.sampled_from(["child", "parent", "under-test", "gone"])},
        "EMIT_EVENT": {"pattern": st.just("orders.done"), "payload": mappings},
        "TRANSFORM": {"output": mappings},
        "END": {"output": mappings},
        "PARALLEL": {"branches": st.lists(branch, min_size=1, max_size=3), "join": st.sampled_from(["ALL", "ANY"])},
        "FOR_EACH": {"items": texts, "steps": inner, "output": mappings},
    }  # fmt: skip
    return st.fixed_dictionaries(fields[kind])


workflows = st.fixed_dictionaries(
    {"workflowId": st.just("under-test"), "steps": st.lists(steps(), min_size=1, max_size=6)},
    optional={
        "output": mappings,
        "startAt": ids,
        "variables": st.just({"n": {"schema": {"type": "integer"}, "initial": 0}, "m": {}}),
        "inputSchema": st.sampled_from(
            [
                {"type": "object", "properties": {"x": {"type": "boolean"}, "total": {"type": "number"}}},
                {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "object"}, {"type": ["null", "string"]}]}}},
                True,
            ]
        ),
        "compensationSteps": st.lists(
            st.fixed_dictionaries({"stepId": ids, "compensationFor": ids, "taskId": st.just("refund")}), max_size=2
        ),
        "onFailure": st.fixed_dictionaries({"nextStepId": ids}),
    },
)

words = st.sampled_from(
    [
        "steps",
        "branches",
        "stepId",
        "type",
        "next",
        "transitions",
        "condition",
        "input",
        "output",
        "choices",
        "default",
        "items",
        "setVariables",
        "onFailure",
        "variables",
        "schema",
        "initial",
        "inputSchema",
        "properties",
        "required",
        "anyOf",
        "allOf",
        "$ref",
        "startAt",
        "join",
        "count",
        "taskDefinition",
        "actions",
        "actionKey",
        "compensationSteps",
        "errorHandler",
        "conditions",
        "nextStepId",
        "eventTimeout",
        "triggers",
        "concurrency",
        "key",
    ]
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words, texts, ids),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=6)),
    max_leaves=40,
)


@RELAXED
@given(workflows)
def test_the_checks_never_raise_on_a_document_that_fits_the_schema(document: dict[str, Any]) -> None:
    fits = not check_document("workflow", document)
    found = check_workflow(document, catalog=catalog())
    assert found == check_workflow(document, catalog=catalog())
    if fits:
        assert all(each.message and each.code for each in found)


@RELAXED
@given(st.dictionaries(words, anything, max_size=8))
def test_the_checks_never_raise_on_other_json(document: dict[str, Any]) -> None:
    check_workflow(document, catalog=catalog())
