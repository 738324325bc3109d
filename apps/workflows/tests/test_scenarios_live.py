"""Every engine scenario again, played by the live orchestrator on Postgres: same end, and a history that folds to it.

Workers, people and time are played by hand (see live.py): tasks are claimed from the ready queue and settled with the
scenario's mocks, timers come due because everything that waits is moved nearer.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.dateparse import parse_datetime

from apps.auth.models import User
from apps.events import routing
from apps.events.models import DeadLetter, Event
from apps.events.services import NewEvent, record_events
from apps.events.tests.factories import EventDefinitionFactory
from apps.tasks.models import Task, TaskDefinition
from apps.tasks.runtime.outcomes import ClaimedTask
from apps.tasks.runtime.queue import Finished
from apps.tasks.tests.factories import TaskDefinitionFactory
from apps.validation.durations import parse_duration
from apps.validation.problems import Conflict, Unprocessable
from apps.workflows.engine.history import fold
from apps.workflows.engine.simulation import Mock
from apps.workflows.engine.transitions import TERMINAL
from apps.workflows.models import InboxSignal, StepExecution, Subscription, Timer, WorkflowInstance
from apps.workflows.selectors.instances import history
from apps.workflows.services import instances as services
from apps.workflows.services import steering
from apps.workflows.tests.factories import (
    CalendarDefinitionFactory,
    WorkflowDefinitionFactory,
    flow,
    started,
    worker_task,
)
from apps.workflows.tests.live import Outside, advance, next_due, now, pass_time
from apps.workflows.tests.test_engine_scenarios import NOW, all_cases, play

pytestmark = pytest.mark.django_db


@dataclass
class Player:
    """Answers a run's tasks with mocks, in the order of a clock of its own (seconds since the start)."""

    run: WorkflowInstance
    actor: User
    mocks: list[Mock]
    outside: Outside = field(default_factory=Outside)
    clock: float = 0.0
    agenda: list[tuple[float, int, Any]] = field(default_factory=list)
    order: Any = field(default_factory=count)
    asked: set[Any] = field(default_factory=set)
    unanswered: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def later(self, seconds: float, act: Any) -> None:
        heapq.heappush(self.agenda, (self.clock + seconds, next(self.order), act))

    def play(self) -> None:
        for _ in range(1_000):
            advance()
            self._take_work()
            due = next_due()
            next_act = self.agenda[0][0] - self.clock if self.agenda else None
            wait = min((each for each in (due, next_act) if each is not None), default=None)
            if wait is None or (not self.agenda and self._over()):
                return
            pass_time(max(wait, 0))
            self.clock += max(wait, 0)
            advance()
            while self.agenda and self.agenda[0][0] <= self.clock + 1e-6:
                heapq.heappop(self.agenda)[2]()
        pytest.fail("The run does not end.")

    def _over(self) -> bool:
        return WorkflowInstance.objects.get(id=self.run.id).status in TERMINAL

    def _take_work(self) -> None:
        for claimed in self.outside.claim():
            task_id = TaskDefinition.objects.get(id=claimed.definition_id).key
            if mock := self._mock(claimed.step_id, task_id):
                self.later(mock.delay.total_seconds(), lambda c=claimed, m=mock: self._settle(c, m))
        for task in Task.objects.filter(type=Task.Type.MANUAL, status__in=Task.OPEN).exclude(id__in=self.asked):
            self.asked.add(task.id)
            if mock := self._mock(task.step_id, task.step_id):
                self.later(mock.delay.total_seconds(), lambda t=task, m=mock: self._answer(t, m))

    def _mock(self, *names: str) -> Mock | None:
        found = next((each for each in self.mocks if each.target in names and each.times != 0), None)
        if found is not None and found.times is not None:
            found.times -= 1
        return found

    def _settle(self, claimed: ClaimedTask, mock: Mock) -> None:
        signal = mock.signal(claimed.task_id)
        if "error" in signal.data:
            self.outside.report(Finished(claimed, "FAILED", error=signal.data["error"]))
        else:
            self.outside.report(Finished(claimed, "COMPLETED", mock.output, mock.outcome))

    def _answer(self, task: Task, mock: Mock) -> None:
        task.refresh_from_db()
        if task.status in Task.OPEN:
            self.outside.answer(task, mock.output, mock.outcome)

    def steer(self, kind: str, step_id: str | None, data: dict[str, Any]) -> None:
        try:
            self._steer(kind, step_id, data)
        except Conflict:
            self.refused.append(WorkflowInstance.objects.get(id=self.run.id).status)
        except Unprocessable as refusal:
            # That the run does not stand there is said of the step that was named.
            self.refused += [{"/stepId": "/executionId"}.get(each.pointer, each.pointer) for each in refusal.violations]

    def _steer(self, kind: str, step_id: str | None, data: dict[str, Any]) -> None:
        about: dict[str, Any] = {"actor": self.actor, "instance_id": self.run.id}
        match kind:
            case "CANCEL":
                compensate = data.get("shouldCompensate", False)
                services.cancel(**about, reason=data["reason"], should_compensate=compensate)
            case "SUSPEND":
                services.suspend(**about, reason="")
            case "RESUME":
                services.resume(**about)
            case "RETRY":
                steering.retry(**about, step_id=data.get("stepId"))
            case "SKIP":
                result = {name: data[name] for name in ("output", "outcome") if name in data}
                steering.skip(**about, step_id=step_id or data.get("stepId"), **result)
            case "MOVE":
                edited = {"step_input": data["input"]} if "input" in data else {}
                steering.move(**about, step_id=step_id, to=data["to"], **edited)
            case "EVENT" | "CANCEL_EVENT":
                self._happens(data["event"])
            case _:
                pytest.fail(f"No verb sends {kind}.")

    def _happens(self, event: dict[str, Any]) -> None:
        """An event from outside: whom it concerns is found by what it says, not by the step that the scenario names."""
        source = {"type": "external", "id": None, "name": None}
        record_events([NewEvent(event.get("eventId", str(uuid4())), event["pattern"], event["payload"], source)])
        while routing.route():
            pass


def begin(scenario: dict[str, Any], case: dict[str, Any], actor: User) -> Player:
    for task_id in task_ids(scenario["definition"]):
        document = worker_task(task_id)
        said = scenario.get("tasks", {}).get(task_id, {})
        own = {name: said[name] for name in ("retryPolicy", "onComplete", "onFailure") if name in said}
        TaskDefinitionFactory(document=document | own)
    for workflow_id in child_ids(scenario["definition"]):
        TaskDefinitionFactory(document=worker_task(workflow_id))
        schema = scenario.get("children", {}).get(workflow_id, {})
        WorkflowDefinitionFactory(document=child_of_one_task(workflow_id) | schema)
    for number, (pattern, document) in enumerate(scenario.get("events", {}).items()):
        about = {"eventId": f"event{number}", "name": pattern, "pattern": pattern, "version": "1.0.0"}
        EventDefinitionFactory(document=about | document)
    for document in scenario.get("calendars", {}).values():
        CalendarDefinitionFactory(document=document)
    WorkflowDefinitionFactory(document={"version": "1.0.0", **scenario["definition"]})
    mocks = [Mock.of(mock, parse_duration) for mock in (*case.get("mocks", ()), *scenario.get("sharedMocks", ()))]
    run = started(actor, scenario["definition"]["workflowId"], as_if_now(case.get("input", {})))
    player = Player(run, actor, mocks)
    for signal in case.get("signals", ()):
        seconds = parse_duration(signal["after"]).total_seconds()
        player.later(seconds, lambda s=signal: player.steer(s["kind"], s.get("stepId"), s.get("data", {})))
    return player


def as_if_now(value: Any) -> Any:
    """The input with its instants as far from the database's now as they are from the scenario's."""
    if isinstance(value, dict):
        return {name: as_if_now(each) for name, each in value.items()}
    instant = parse_datetime(value) if isinstance(value, str) else None
    return value if instant is None else (instant + (now() - NOW)).isoformat()


def comparable(output: Any) -> Any:
    """An output without what differs from run to run: the time of a DELAY, the id of an event or run."""
    if isinstance(output, dict):
        return {name: value for name, value in output.items() if name not in ("until", "eventId", "instanceId")}
    return output


def task_ids(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {document["taskId"]} if "taskId" in document else set()
        return own.union(*(task_ids(value) for value in document.values()))
    return set().union(*(task_ids(each) for each in document)) if isinstance(document, list) else set()


def child_ids(document: Any) -> set[str]:
    """The workflows that SUB_WORKFLOW steps start."""
    if isinstance(document, dict):
        own = {document["workflowId"]} if document.get("type") == "SUB_WORKFLOW" else set()
        return own.union(*(child_ids(value) for value in document.values()))
    return set().union(*(child_ids(each) for each in document)) if isinstance(document, list) else set()


def child_of_one_task(workflow_id: str) -> dict[str, Any]:
    """A workflow that ends as its only task does: what mocks of the workflow say of it."""
    return flow(
        {"stepId": f"{workflow_id}-work", "type": "TASK", "taskId": workflow_id},
        workflowId=workflow_id,
        output=f"${{steps['{workflow_id}-work'].output}}",
    )


@pytest.mark.parametrize(("scenario", "case"), all_cases())
def test_a_scenario_ends_on_postgres_as_it_does_in_memory(
    scenario: dict[str, Any], case: dict[str, Any], alice: User, settings: Any
) -> None:
    settings.AUGMENTED_MAX_TRANSITIONS = scenario.get("maxTransitions", 1_000)
    player = begin(json.loads(json.dumps(scenario)), case, alice)
    player.play()
    run = WorkflowInstance.objects.get(id=player.run.id)
    memory = play(scenario, case).memory

    assert run.status == memory.instance.status, run.error
    assert run.output == memory.instance.output
    assert run.variables == memory.instance.variables
    assert (run.error or {}).get("code") == (memory.instance.error or {}).get("code")
    expected = case["expected"].get("cancellation", {})
    assert {name: (run.cancellation or {})[name] for name in expected} == expected
    assert (run.compensation or {}).get("status") == (memory.instance.compensation or {}).get("status")
    # Time passes here by moving what waits; an instant that the input names stays where it is.
    # … and a calendar's working time depends on today.
    fixed = "at" in case.get("input", {}) or "calendars" in scenario
    if "tookSeconds" in case["expected"] and not fixed:
        assert player.clock == pytest.approx(case["expected"]["tookSeconds"], abs=0.01)

    told = [{"/stepId": "/executionId"}.get(each, each) for each in case["expected"].get("refused", [])]
    assert player.refused == told

    executions = list(StepExecution.objects.filter(instance_id=run.id))
    assert visits(executions) == visits(memory.executions.values())
    emitted = list(Event.objects.filter(source__type__in=["workflow", "task"]).order_by("timestamp", "id"))
    assert [(e.payload, e.version) for e in emitted] == [(e.payload, e.version) for e in memory.events.values()]
    letters = DeadLetter.objects.filter(subscriber_id__startswith="run:").values_list("error_code", flat=True)
    assert sorted(letters) == sorted(each.failure.code for each in memory.refused)

    entries, more = history(run.id, limit=10_000)
    assert more is None
    folded = fold(entries)
    assert (folded.status, folded.seq, folded.variables) == (run.status, run.seq, run.variables)
    assert {key: step.status for key, step in folded.steps.items()} == {
        str(e.id): ("RUNNING" if e.status in StepExecution.ACTIVE else e.status) for e in executions
    }
    assert folded.events == [e.event_id for e in emitted]
    if run.status in TERMINAL:
        assert_nothing_is_left()


def visits(executions: Iterable[Any]) -> dict[Any, Any]:
    return {
        (each.scope, each.step_id, each.visit): (each.status, comparable(each.output), each.attempt)
        for each in executions
    }


def assert_nothing_is_left() -> None:
    """A run at its end leaves no timer, no signal, no queued or open task behind."""
    assert not Timer.objects.exists()
    assert not InboxSignal.objects.exists()
    assert not Subscription.objects.filter(status="active").exists()
    assert not Task.objects.filter(status__in=Task.OPEN).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tasks_readytask")
        assert cursor.fetchone() == (0,)
