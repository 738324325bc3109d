"""Every scenario file, played through the engine in memory. A scenario is a definition with the cases of a test definition."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from apps.tasks.executors.emissions import ON_COMPLETE, ON_FAILURE, compile_emissions
from apps.validation.durations import parse_duration
from apps.validation.schemas import check_instance
from apps.workflows.engine.compile import compile_plan
from apps.workflows.engine.history import fold
from apps.workflows.engine.memory import Memory
from apps.workflows.engine.plan import ChildBinding, Plan, TaskBinding
from apps.workflows.engine.retry import parse_retry_policy
from apps.workflows.engine.simulation import Mock, Simulation
from apps.workflows.engine.state import Signal, cancel_id, execution_id
from apps.workflows.engine.steering import Refused
from apps.workflows.engine.transitions import TERMINAL, IllegalSignal, SignalKind
from apps.workflows.orchestrator.language import LANGUAGE, CelLanguage
from apps.workflows.rules.calendars import WorkingCalendar

NOW = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
RUN = UUID("01890000-0000-7000-8000-000000000001")
SCENARIOS = sorted(Path(__file__).with_name("scenarios").glob("*.json"))


def plan_of(scenario: dict[str, Any]) -> Plan:
    tasks = scenario.get("tasks", {})

    def binding(task_id: str, version: str | None) -> TaskBinding:
        document = tasks.get(task_id, {})
        return TaskBinding(
            definition_id=uuid5(RUN, task_id),
            task_id=task_id,
            manual=document.get("manual"),
            retry=parse_retry_policy(document.get("retryPolicy"), parse_duration),
            version="1.0.0",
            on_complete=compile_emissions(document, ON_COMPLETE),
            on_failure=compile_emissions(document, ON_FAILURE),
        )

    def child(workflow_id: str, version: str | None) -> ChildBinding:
        schema = scenario.get("children", {}).get(workflow_id, {}).get("inputSchema")

        def problems(value: Any) -> list[dict[str, Any]]:
            return [] if schema is None else [each.as_json() for each in check_instance(schema, value, "/input")]

        return ChildBinding(uuid5(RUN, workflow_id), workflow_id, "1.0.0", problems)

    def check_event(pattern: str, payload: Any) -> tuple[str, list[dict[str, Any]]]:
        known = scenario.get("events", {}).get(pattern, {})
        schema = known.get("payloadSchema")
        problems = [] if schema is None else [each.as_json() for each in check_instance(schema, payload, "/payload")]
        return known.get("version", "1.0.0"), problems

    document = {"version": "1.0.0", **scenario["definition"]}
    limit = scenario.get("maxTransitions", 1_000)
    calendars = {key: WorkingCalendar.of(each) for key, each in scenario.get("calendars", {}).items()}
    language = CelLanguage(calendars=calendars.__getitem__) if calendars else LANGUAGE
    return compile_plan(
        document,
        definition_id=RUN,
        language=language,
        tasks=binding,
        children=child,
        check_event=check_event,
        max_transitions=limit,
    )


@dataclass
class Played(Simulation):
    """A simulation that notes what was refused: the pointer of the field, or the status that does not allow it."""

    refused: list[str] = field(default_factory=list)

    def _give(self, signals: Sequence[Signal]) -> None:
        try:
            super()._give(signals)
        except Refused as refusal:
            self.refused.append(refusal.pointer)
        except IllegalSignal as refusal:
            self.refused.append(refusal.status.value)


def play(scenario: dict[str, Any], case: dict[str, Any]) -> Played:
    mocks = [Mock.of(mock, parse_duration) for mock in (*case.get("mocks", ()), *scenario.get("sharedMocks", ()))]
    plan = plan_of(scenario)
    memory = Memory.begin(plan, RUN, case.get("input", {}), NOW)
    simulation = Played(plan, memory, NOW, mocks)
    for signal in case.get("signals", ()):
        when = NOW + parse_duration(signal["after"])
        position = None
        if "stepId" in signal:
            place = (signal.get("scope", ""), signal["stepId"], signal.get("visit", 1))
            position = execution_id(memory.instance, *place)
        elif "trigger" in signal:
            position = cancel_id(RUN, signal["trigger"])
        simulation.at(when, Signal(SignalKind(signal["kind"]), position, signal.get("data", {})))
    simulation.run()
    return simulation


def all_cases() -> list[Any]:
    found = []
    for path in SCENARIOS:
        scenario = json.loads(path.read_text())
        found += [pytest.param(scenario, case, id=f"{path.stem}: {case['caseId']}") for case in scenario["cases"]]
    return found


@pytest.mark.parametrize(("scenario", "case"), all_cases())
def test_a_scenario_ends_as_its_file_says(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    simulation = play(scenario, case)
    instance = simulation.memory.instance
    expected = case["expected"]
    assert instance.status == expected["status"], instance.error
    if "path" in expected:
        assert simulation.path == expected["path"]
    if "output" in expected:
        assert instance.output == expected["output"]
    if "error" in expected:
        assert instance.error is not None
        assert instance.error["code"] == expected["error"]
    if "variables" in expected:
        assert instance.variables == expected["variables"]
    for step_id, status in expected.get("steps", {}).items():
        assert simulation.steps()[step_id]["status"] == status, step_id
    if "visits" in expected:
        assert {step: simulation.steps()[step]["visit"] for step in expected["visits"]} == expected["visits"]
    if "waitsAt" in expected:
        assert simulation.unanswered == expected["waitsAt"]
    if "events" in expected:
        events = [{"pattern": e.pattern, "payload": e.payload} for e in simulation.memory.events.values()]
        assert events == expected["events"]
    if instance.status in TERMINAL:
        assert not simulation.memory.subscriptions
    assert [each.failure.code for each in simulation.memory.refused] == expected.get("deadLetters", [])
    if "tookSeconds" in expected:
        assert simulation.now - NOW == timedelta(seconds=expected["tookSeconds"])
    assert simulation.refused == expected.get("refused", [])
    if "cancellation" in expected:
        assert instance.cancellation is not None
        assert {k: instance.cancellation[k] for k in expected["cancellation"]} == expected["cancellation"]
    if "compensation" in expected:
        assert instance.compensation is not None
        assert {k: instance.compensation[k] for k in expected["compensation"]} == expected["compensation"]


@pytest.mark.parametrize(("scenario", "case"), all_cases())
def test_the_history_of_a_scenario_folds_to_its_state(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    memory = play(scenario, case).memory
    folded = fold(memory.history)
    assert folded.status == memory.instance.status
    assert folded.seq == memory.instance.seq
    assert folded.variables == memory.instance.variables
    assert folded.events == list(memory.events)
    actual = {str(e.id): ("RUNNING" if e.active else e.status.value) for e in memory.executions.values()}
    assert {key: step.status.value for key, step in folded.steps.items()} == actual
