"""Random definitions, random orders of what happens to their runs: the rules that hold for every one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.workflows.engine import items, undoing
from apps.workflows.engine.compile import compile_plan
from apps.workflows.engine.history import fold
from apps.workflows.engine.memory import Memory
from apps.workflows.engine.plan import ChildBinding, TaskBinding
from apps.workflows.engine.state import Execution, OpenHumanTask, Signal, StartChild, cancel_id
from apps.workflows.engine.steering import Refused
from apps.workflows.engine.transitions import TERMINAL, IllegalSignal, InstanceStatus, SignalKind
from apps.workflows.orchestrator.language import LANGUAGE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = UUID("01890000-0000-7000-8000-000000000001")


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A workflow of chains of steps of every type, PARALLEL and FOR_EACH nested up to twice, with every failure rule."""
    names = iter(f"s{n}" for n in range(1_000))

    def chain(depth: int) -> list[dict[str, Any]]:
        steps = [step(depth) for _ in range(draw(st.integers(1, 3)))]
        for this, following in pairwise(steps):
            if this["type"] != "END":
                this["next"] = following["stepId"]
        return steps

    def step(depth: int) -> dict[str, Any]:
        kinds = ["TASK", "HUMAN_TASK", "TRANSFORM", "DELAY", "EMIT_EVENT", "DECISION", "EVENT_WAIT", "SUB_WORKFLOW"]
        kind = draw(st.sampled_from(kinds + (["PARALLEL", "FOR_EACH"] * 2 if depth < 2 else [])))
        made: dict[str, Any] = {"stepId": next(names), "type": kind}
        if kind == "TASK":
            made["taskId"] = "do"
        elif kind == "TRANSFORM":
            made["output"] = {
                "n": draw(st.sampled_from(["${input.n}", "${vars.count + 1}", "${input.missing}", "${error.?code}"]))
            }
            made["setVariables"] = {"count": "vars.count + 1"}
        elif kind == "DELAY":
            made["duration"] = draw(st.sampled_from(["PT1S", "PT0S", "PT5M"]))
        elif kind == "EMIT_EVENT":
            made["pattern"] = "it.happened"
        elif kind == "EVENT_WAIT":
            made["eventPattern"] = "a.b"
            made["eventTimeout"] = {"duration": "PT2M"}
            made["eventCondition"] = draw(st.sampled_from(["true", "event.payload.n > 1"]))
        elif kind == "SUB_WORKFLOW":
            made |= {"workflowId": "other", "wait": draw(st.booleans()), "input": {"n": "${input.n}"}}
        elif kind == "DECISION":
            made["choices"] = []
            made["default"] = None
        elif kind == "PARALLEL":
            made["branches"] = [{"name": f"b{n}", "steps": chain(depth + 1)} for n in range(draw(st.integers(1, 3)))]
            made["join"] = draw(st.sampled_from(["ALL", "ANY", "N"]))
            made["count"] = draw(st.integers(1, len(made["branches"])))
        elif kind == "FOR_EACH":
            made["items"] = draw(st.sampled_from(["input.items", "[1, 2, 3]", "[]", "input.n", "input.many"]))
            made["steps"] = chain(depth + 1)
            made["concurrency"] = draw(st.integers(1, 3))
            made["onItemFailure"] = draw(st.sampled_from(["FAIL", "CONTINUE"]))
            if draw(st.booleans()):
                made["output"] = draw(st.sampled_from(["${item}", {"at": "${index}"}, "${item.missing}"]))
        if draw(st.booleans()):
            made["condition"] = draw(st.sampled_from(["true", "input.n > 1", "vars.count > 2"]))
        if draw(st.booleans()):
            made["onFailure"] = {"action": draw(st.sampled_from(["continue", "stop", "retry", "compensate"]))}
        if draw(st.booleans()):
            made["timeout"] = "PT1M"
        if draw(st.booleans()):
            made["retryPolicy"] = {"maxAttempts": 2, "delay": "PT1S"}
        return made

    document: dict[str, Any] = {
        "workflowId": "w",
        "version": "1.0.0",
        "variables": {"count": {"initial": 0}},
        "steps": chain(0),
    }
    last = document["steps"][-1]
    if last["type"] not in ("END", "DECISION") and draw(st.booleans()):
        last["next"] = [{"condition": "vars.count < 3", "nextStepId": "s0"}]
    if draw(st.booleans()):
        condition = draw(st.sampled_from(["event.payload.n > vars.count", "event.payload.missing == 1", "true"]))
        document["cancellationTriggers"] = [
            {"eventPattern": "x.y", "eventCondition": condition, "shouldCompensate": draw(st.booleans())},
            {
                "eventPattern": "x.z",
                "eventCondition": "event.payload.n == steps.s0.output.n",
                "reason": "${event.payload.who}",
            },
        ]
    tasks = [each["stepId"] for each in document["steps"] if each["type"] == "TASK"]
    if tasks:
        document["compensationSteps"] = [{"stepId": "undo", "compensationFor": tasks[0], "taskId": "undo"}]
    return document


def binding(task_id: str, version: str | None) -> TaskBinding:
    return TaskBinding(definition_id=uuid5(RUN, task_id), task_id=task_id)


def child(workflow_id: str, version: str | None) -> ChildBinding:
    """A workflow that takes any input but {"n": 3}."""
    return ChildBinding(uuid5(RUN, workflow_id), workflow_id, "1.0.0", lambda value: [{}] if value["n"] == 3 else [])


class RunMachine(RuleBasedStateMachine):
    """One run; each rule is something that may happen to it, at any time and as often as it likes."""

    memory: Memory
    now: datetime
    given: list[Signal]
    past: list[tuple[int, dict[str, Any]]]

    @initialize(
        document=definitions(),
        n=st.integers(0, 3),
        room=st.sampled_from([1, 2, 500]),
        ahead=st.sampled_from([1, 16]),
    )
    def begin(self, document: dict[str, Any], n: int, room: int, ahead: int) -> None:
        items.ROOM, undoing.AHEAD = room, ahead
        for each in document["steps"]:
            _without_none(each)
        plan = compile_plan(
            document, definition_id=RUN, language=LANGUAGE, tasks=binding, children=child, max_transitions=200
        )
        self.now, self.given, self.past = NOW, [], []
        self.memory = Memory.begin(plan, RUN, {"n": n, "items": [{"a": 1}, n], "many": list(range(5))}, NOW)
        self.give(Signal(SignalKind.START))

    def give(self, signal: Signal) -> None:
        before = (self.memory.instance, len(self.memory.history))
        try:
            self.memory.give([signal], self.now)
        except (IllegalSignal, Refused):
            assert (self.memory.instance, len(self.memory.history)) == before
        else:
            self.given.append(signal)
            self.past.append((len(self.memory.history), as_the_engine_has_it(self.memory)))
        if self.memory.instance.status is not InstanceStatus.SUSPENDED:
            held, self.memory.held = self.memory.held, []
            for each in held:
                self.give(each)

    @property
    def _open(self) -> list[UUID]:
        return sorted(self.memory.open_work)

    @precondition(lambda self: self.memory.open_work)
    @rule(pick=st.integers(0, 99), well=st.booleans(), transient=st.booleans())
    def a_task_ends(self, pick: int, well: bool, transient: bool) -> None:
        execution_id = self._open[pick % len(self._open)]
        work = self.memory.open_work[execution_id]
        if isinstance(work, StartChild):
            self.a_child_ends(work, well, transient)
            return
        human = isinstance(self.memory.open_work[execution_id], OpenHumanTask)
        if well or human:
            self.give(Signal(SignalKind.TASK_COMPLETED, execution_id, {"output": {"n": pick}}))
        else:
            error = {"type": "TRANSIENT" if transient else "PERMANENT", "code": "X", "retryable": transient}
            self.give(Signal(SignalKind.TASK_FAILED, execution_id, {"error": error}))

    def a_child_ends(self, work: StartChild, well: bool, transient: bool) -> None:
        told = {"instanceId": str(work.instance_id)}
        if well:
            self.give(Signal(SignalKind.CHILD_COMPLETED, work.execution_id, told | {"output": {"n": 1}}))
        else:
            error = {"type": "TRANSIENT" if transient else "PERMANENT", "code": "X", "message": ""}
            error |= {"details": told, "retryable": transient}
            self.give(Signal(SignalKind.CHILD_FAILED, work.execution_id, told | {"error": error}))

    @rule(n=st.integers(0, 3))
    def an_event_arrives(self, n: int) -> None:
        for execution in list(self.memory.executions.values()):
            if execution.active and "eventPattern" in (execution.data or {}):
                self.give(Signal(SignalKind.EVENT, execution.id, {"event": {"payload": {"n": n}}}))

    @rule(n=st.integers(0, 9), index=st.integers(0, 1))
    def an_event_comes_that_may_cancel_it(self, n: int, index: int) -> None:
        self.give(
            Signal(SignalKind.CANCEL_EVENT, cancel_id(RUN, index), {"event": {"eventId": "e", "payload": {"n": n}}})
        )

    @rule()
    def a_wait_looks_back(self) -> None:
        for id_ in list(self.memory.subscriptions):
            self.give(Signal(SignalKind.LOOK_BACK, id_))

    @precondition(lambda self: self.memory.next_due() is not None)
    @rule()
    def time_passes_to_the_next_timer(self) -> None:
        self.now = max(self.now, self.memory.next_due() or self.now)
        for signal in self.memory.due(self.now):
            self.give(signal)

    @precondition(lambda self: self.memory.inbox)
    @rule()
    def a_step_gets_the_turn_it_asked_for(self) -> None:
        self.give(self.memory.inbox.pop(0))

    @rule()
    def time_passes(self) -> None:
        self.now += timedelta(milliseconds=1)

    @precondition(lambda self: len(self.given) > 1)
    @rule(pick=st.integers(0, 99))
    def something_is_delivered_again(self, pick: int) -> None:
        signal = self.given[pick % len(self.given)]
        execution = self.memory.executions.get(signal.execution_id) if signal.execution_id else None
        ends = signal.kind in (SignalKind.TASK_COMPLETED, SignalKind.TASK_FAILED)
        if signal.kind in (SignalKind.CHILD_COMPLETED, SignalKind.CHILD_FAILED):
            ended = signal.data["instanceId"]
            ends = execution is not None and (execution.data or {}).get("instanceId") != ended
            if ends and execution is not None and self.memory.instance.status is not InstanceStatus.SUSPENDED:
                before = len(self.memory.history)
                self.give(signal)
                assert len(self.memory.history) == before
            return
        if ends and execution and not execution.active:
            before = len(self.memory.history)
            self.give(signal)
            assert len(self.memory.history) == before

    @rule(kind=st.sampled_from([SignalKind.SUSPEND, SignalKind.RESUME]))
    def somebody_holds_it_or_lets_it_go(self, kind: SignalKind) -> None:
        self.give(Signal(kind))

    @rule(compensate=st.booleans())
    def somebody_cancels(self, compensate: bool) -> None:
        self.give(Signal(SignalKind.CANCEL, None, {"reason": "", "shouldCompensate": compensate}))

    @rule()
    def somebody_retries(self) -> None:
        if self.memory.instance.status in (InstanceStatus.FAILED, InstanceStatus.CANCELLED):
            self.give(Signal(SignalKind.RETRY))

    @rule(pick=st.integers(0, 99))
    def somebody_retries_from_a_step(self, pick: int) -> None:
        if self.memory.instance.status in (InstanceStatus.FAILED, InstanceStatus.CANCELLED):
            steps = sorted(self.memory.plan.steps.keys() - set(self.memory.plan.compensations.values()))
            self.give(Signal(SignalKind.RETRY, None, {"stepId": steps[pick % len(steps)]}))

    @property
    def _positions(self) -> list[Execution]:
        active = [each for each in self.memory.executions.values() if each.active]
        return sorted(active, key=lambda each: each.id)

    @precondition(lambda self: self._positions)
    @rule(pick=st.integers(0, 99), given=st.booleans())
    def somebody_skips_a_step(self, pick: int, given: bool) -> None:
        position = self._positions[pick % len(self._positions)]
        self.give(Signal(SignalKind.SKIP, position.id, {"output": {"n": pick}} if given else {}))

    @precondition(lambda self: self.memory.instance.status is InstanceStatus.FAILED)
    @rule(given=st.booleans())
    def somebody_skips_what_failed(self, given: bool) -> None:
        self.give(Signal(SignalKind.SKIP, None, {"output": {}} if given else {}))

    @precondition(lambda self: self._positions)
    @rule(pick=st.integers(0, 99), to=st.integers(0, 99))
    def somebody_moves_a_position(self, pick: int, to: int) -> None:
        position = self._positions[pick % len(self._positions)]
        steps = sorted(self.memory.plan.steps)
        self.give(Signal(SignalKind.MOVE, position.id, {"to": steps[to % len(steps)]}))

    @invariant()
    def a_run_that_is_over_has_nothing_open(self) -> None:
        if self.memory.instance.status in TERMINAL:
            assert not self.memory.open_work
            assert not [timer for timer in self.memory.timers if timer.execution_id is not None]
            assert not [each for each in self.memory.executions.values() if each.active]
            assert self.memory.instance.completed_at is not None

    @invariant()
    def a_run_that_is_under_way_waits_for_something(self) -> None:
        if self.memory.instance.status not in TERMINAL:
            assert self.memory.open_work or self.memory.timers or self.memory.held or self.memory.inbox

    @invariant()
    def every_position_has_its_cause_and_every_cause_its_position(self) -> None:
        waiting = {each.id for each in self.memory.executions.values() if each.active}
        unbegun = {each.id for each in self.memory.executions.values() if each.is_item and each.status == "PENDING"}
        parents = {each.parent_id for each in self.memory.executions.values() if each.active}
        causes = set(self.memory.open_work) | {timer.execution_id for timer in self.memory.timers if timer.execution_id}
        held = {signal.execution_id for signal in (*self.memory.held, *self.memory.inbox)}
        assert waiting - parents - unbegun <= causes | held
        assert causes <= waiting

    @invariant()
    def a_for_each_under_way_has_begun_what_it_may_or_asked_for_a_turn(self) -> None:
        for each in self.memory.executions.values():
            if not each.active or "running" not in (each.data or {}):
                continue
            items = [item for item in self.memory.executions.values() if item.is_item and item.parent_id == each.id]
            running = sum(item.status == "RUNNING" for item in items)
            data, step = each.data or {}, self.memory.plan.steps[each.step_id]
            assert (running, sum(item.active for item in items)) == (data["running"], data["left"])
            assert running <= step.concurrency
            if not data.get("asked"):
                assert running == min(step.concurrency, data["left"]) > 0

    @invariant()
    def every_wait_for_an_event_has_its_subscription_and_every_subscription_its_wait(self) -> None:
        waits = {
            id_ for id_, each in self.memory.executions.items() if each.active and "eventPattern" in (each.data or {})
        }
        assert waits == {id_ for id_, each in self.memory.subscriptions.items() if each.step_id is not None}

    @invariant()
    def it_waits_for_what_would_cancel_it_as_long_as_that_can_be(self) -> None:
        under_way = self.memory.instance.status in (
            InstanceStatus.RUNNING,
            InstanceStatus.WAITING_FOR_EVENT,
            InstanceStatus.SUSPENDED,
        )
        wanted = {cancel_id(RUN, index) for index in range(len(self.memory.plan.cancels))} if under_way else set()
        assert wanted == {id_ for id_, each in self.memory.subscriptions.items() if each.step_id is None}

    @invariant()
    def undoing_leaves_nothing_that_was_completed(self) -> None:
        record, executions = self.memory.instance.compensation, list(self.memory.executions.values())
        if record is None or record["status"] == "IN_PROGRESS":
            return
        assert len(record["plan"]) == len(record["visits"]) == len(record["completed"]) + len(record["failed"])
        for done, undo in self.memory.plan.compensations.items():
            left = [each for each in executions if each.step_id == done and each.status == "COMPLETED"]
            in_vain = [each for each in executions if each.step_id == undo and each.status in ("SKIPPED", "FAILED")]
            assert len(left) <= len(in_vain)
            assert len(
                {each.id for each in executions if each.status == "COMPENSATED" and each.step_id == done}
            ) == len([each for each in executions if each.step_id == undo and each.status == "COMPLETED"])

    @invariant()
    def the_history_has_no_gap_and_folds_to_the_present(self) -> None:
        assert as_the_history_tells_it(self.memory.history) == as_the_engine_has_it(self.memory)

    def teardown(self) -> None:
        """Every beginning of the history folds to what the engine had when it was written."""
        items.ROOM, undoing.AHEAD = 500, 16
        for length, snapshot in self.past:
            assert as_the_history_tells_it(self.memory.history[:length]) == snapshot


def as_the_engine_has_it(memory: Memory) -> dict[str, Any]:
    instance, executions = memory.instance, memory.executions.values()
    return {
        "seq": instance.seq,
        "status": instance.status,
        "variables": dict(instance.variables),
        "currentStepId": instance.current_step_id,
        "cancellation": instance.cancellation,
        "output": instance.output,
        "error": instance.error if instance.status is InstanceStatus.FAILED else None,
        "steps": {
            str(e.id): (e.step_id, e.visit, "RUNNING" if e.active else e.status.value, e.attempt, e.outcome, e.error)
            for e in executions
        },
        "positions": {str(e.id) for e in executions if e.active},
        "events": list(memory.events),
    }


def as_the_history_tells_it(entries: list[dict[str, Any]]) -> dict[str, Any]:
    told = fold(entries)
    return {
        "seq": told.seq,
        "status": told.status,
        "variables": told.variables,
        "currentStepId": told.current_step_id,
        "cancellation": told.cancellation,
        "output": told.output,
        "error": told.error if told.status is InstanceStatus.FAILED else None,
        "steps": {
            key: (s.step_id, s.visit, s.status.value, s.attempts, s.outcome, s.error) for key, s in told.steps.items()
        },
        "positions": set(told.positions),
        "events": told.events,
    }


def _without_none(step: dict[str, Any]) -> None:
    """A DECISION at the end of a chain has nowhere to go: it becomes a TRANSFORM."""
    if step["type"] == "DECISION":
        target = step.pop("next", None)
        if target is None:
            step["type"] = "TRANSFORM"
            step.pop("choices"), step.pop("default")
        else:
            step["default"] = target
    for each in step.get("steps", ()):
        _without_none(each)
    for branch in step.get("branches", ()):
        for each in branch["steps"]:
            _without_none(each)


RunMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
test_a_run_keeps_its_rules_whatever_happens = RunMachine.TestCase
