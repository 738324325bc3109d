"""What the checks let pass, the engine can run: no expression of a clean workflow ever misses what it reads.

Hypothesis builds workflows that read each other's results at random; what the checks complain about is taken out; what
is left is run by the engine with random answers of the outside world. A read that fails then is a hole in the checks.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from apps.workflows.checks import DocumentCatalog, check_workflow
from apps.workflows.checks.tests.test_corpus import holder_of
from apps.workflows.engine.compile import compile_plan
from apps.workflows.engine.plan import TaskBinding
from apps.workflows.engine.simulation import Mock, Simulation
from apps.workflows.orchestrator.language import LANGUAGE

RUN = UUID("01890000-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
INPUT = {
    "type": "object",
    "properties": {"x": {"type": "boolean"}, "y": {"type": "boolean"}, "z": {"type": "boolean"}},
    "required": ["x", "y"],
    "additionalProperties": False,
}
CATALOG = DocumentCatalog.of(
    [{"kind": "task", "taskId": "work", "implementation": {"kind": "HTTP"}, "outputSchema": NUMBER}]
)
READS = [
    "steps.{id}.output.n",
    "steps.{id}.error.code",
    "steps.{id}.status",
    "steps.?{id}.output.n",
    "steps.{id}.output.?n",
    "coalesce(steps.{id}.output.n, 0)",
    "has(steps.{id}.output.n)",
    "steps.{id}.status == 'COMPLETED' ? steps.{id}.output.n : 0",
    "exists(steps.{id}.output) ? steps.{id}.output.n : 0",
    "steps.{id}.error == null ? 0 : steps.{id}.error.details.failed",
    "input.z",
    "has(input.z) && input.z",
    "error.code",
    "error.?code",
    "error == null ? '' : error.code",
]
CONDITIONS = [
    "input.x",
    "!input.y",
    "input.x && input.y",
    "has(input.z)",
    "exists(steps.{id}.output)",
    "steps.?{id}.status.orValue('') == 'COMPLETED'",
    "steps.{id}.status != 'COMPLETED'",
]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    ids = [f"s{number}" for number in range(draw(st.integers(2, 7)))]
    inner_ids, item_ids = ["p0", "p1", "p2"], ["f0", "f1"]
    known = st.sampled_from([*ids, *inner_ids, *item_ids])

    def reading(texts: list[str]) -> str:
        return draw(st.sampled_from(texts)).format(id=draw(known))

    def step(step_id: str, later: list[str], kinds: list[str]) -> dict[str, Any]:
        kind = draw(st.sampled_from(kinds))
        found: dict[str, Any] = {"stepId": step_id, "type": kind}
        if kind == "TASK":
            found |= {"taskId": "work", "input": {"v": "${" + reading(READS) + "}"}}
        if kind == "TRANSFORM":
            found["output"] = {"n": 1, "v": "${" + reading(READS) + "}"}
        if kind == "PARALLEL":
            parts = inner_ids[: draw(st.integers(2, 3))]
            branches = [{"name": name, "steps": [step(name, [], ["TASK", "TRANSFORM"])]} for name in parts]
            found |= {"branches": branches, **draw(st.sampled_from([{}, {"join": "ANY"}, {"join": "N", "count": 2}]))}
            inner_ids.clear()
        if kind == "FOR_EACH":
            parts = [
                step(item_ids[0], item_ids[1:], ["TASK", "TRANSFORM"]),
                step(item_ids[1], [], ["TASK", "TRANSFORM"]),
            ]
            output = {"output": {"n": "${" + reading(READS) + "}"}} if draw(st.booleans()) else {}
            failing = draw(st.sampled_from([{}, {"onItemFailure": "CONTINUE"}]))
            found |= {"items": "[1, 2, 3]", "concurrency": draw(st.integers(1, 3)), "steps": parts, **output, **failing}
            item_ids.clear()
        if draw(st.integers(0, 3)) == 0:
            found["condition"] = reading(CONDITIONS)
        if not later:
            return found
        target = st.sampled_from(later)
        if kind == "DECISION":
            choice = {"condition": reading(CONDITIONS), "nextStep": draw(target)}
            return found | {"choices": [choice], "default": draw(target)}
        if draw(st.booleans()):
            found["next"] = later[0]
        else:
            found["next"] = [{"condition": reading(CONDITIONS), "nextStepId": draw(target)}, {"nextStepId": later[0]}]
        if kind == "TASK" and draw(st.booleans()):
            handled = [
                {"transitions": {"X": draw(target), "default": draw(target)}},
                {"onFailure": {"action": "continue"}},
            ]
            followed = draw(st.sampled_from([*handled, {"onFailure": {"nextStepId": draw(target)}}]))
            if "transitions" in followed:
                del found["next"]
            found |= followed
        return found

    kinds = ["TASK", "TRANSFORM", "DECISION", "DELAY"]
    steps = []
    for position, step_id in enumerate(ids):
        later = ids[position + 1 :]
        allowed = [kind for kind in kinds if later or kind != "DECISION"] + (["PARALLEL"] if inner_ids else [])
        allowed += ["FOR_EACH"] if item_ids else []
        steps.append(step(step_id, later, allowed))
    for each in steps:
        if each["type"] == "DELAY":
            each["duration"] = "PT1S"
            if draw(st.integers(0, 2)) == 0:
                each["next"] = [
                    {"condition": "input.x && input.y && !input.x", "nextStepId": ids[0]},
                    {"nextStepId": ids[-1]},
                ]
    return {
        "workflowId": "random",
        "version": "1.0.0",
        "inputSchema": INPUT,
        "steps": steps,
        "output": {"v": "${" + reading(READS) + "}"},
    }


def cleaned(document: dict[str, Any]) -> dict[str, Any] | None:
    """The document without what the checks complain about; None when that cannot be taken out."""
    document = copy.deepcopy(document)
    for _ in range(30):
        found = check_workflow(document, catalog=CATALOG)
        if not found:
            return document
        for violation in found:
            if violation.code == "unreachable-step":
                steps, index = holder_of(document, violation.pointer)
                steps.pop(index)
                break
            if violation.column is None:
                return None
            holder, key = holder_of(document, violation.pointer)
            holder[key] = "input.x" if key == "condition" else "${input.x}"
    return None


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.data())
def test_a_clean_workflow_never_misses_what_it_reads(document: dict[str, Any], data: st.DataObject) -> None:
    clean = cleaned(document)
    assume(clean is not None)
    assert clean is not None
    sample = data.draw(st.fixed_dictionaries({"x": st.booleans(), "y": st.booleans()}, optional={"z": st.booleans()}))
    answers = st.sampled_from([{"output": {"n": 3}}, {"error": {"code": "X"}}, {"error": {"code": "OTHER"}}])
    mocks = [
        Mock(f"{letter}{number}", delay=timedelta(seconds=data.draw(st.integers(0, 3))), **data.draw(answers))
        for letter in "spf"
        for number in range(7)
    ]
    plan = compile_plan(
        clean,
        definition_id=RUN,
        language=LANGUAGE,
        tasks=lambda task_id, version: TaskBinding(definition_id=uuid5(RUN, task_id), task_id=task_id),
        max_transitions=200,
    )
    simulation = Simulation.begin(plan, instance_id=RUN, start_input=sample, now=NOW, mocks=mocks)
    simulation.run()
    errors = [each["data"]["error"] for each in simulation.memory.history if each["type"] == "STEP_FAILED"]
    errors.append(simulation.memory.instance.error or {})
    assert [error for error in errors if error.get("type") == "EXPRESSION"] == []
