"""Undoing completed work: every completed visit of a step that has a compensation, the last to be completed first.

A run's record of it (``instance.compensation``): ``plan``, the undoing step for each visit; ``visits``, which visit of the
step it undoes; ``completed`` and ``failed``, what became of them so far. Which visits there were follows from the run's
counters, so their rows are found by their ids: a few at a time while they are undone, and all of them once, in a turn
of its own, to put them in order. A run without loops has them all at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from . import failures
from .plan import Plan
from .state import AnotherTurn, Execution, Failure, Instance, Signal, execution_id
from .transitions import InstanceStatus, SignalKind, StepStatus

if TYPE_CHECKING:
    from .run import Run

AHEAD = 16
"""How many of the visits to be undone an advance is given: undoing steps that do not wait follow each other in one."""


def needed(plan: Plan, instance: Instance, signals: Sequence[Signal]) -> Iterator[UUID]:
    """The ids of earlier visits that an advance may look at."""
    record = instance.compensation or {}
    if instance.status is InstanceStatus.COMPENSATING and "gathers" not in record:
        if "visits" not in record:  # begun before visits were noted: only the latest are undone
            return
        done, begin = _inverse(plan), _settled(record)
        end = begin + AHEAD
        pairs = zip(record["plan"][begin:end], record["visits"][begin:end], strict=True)
        yield from (execution_id(instance, "", done[undo], visit) for undo, visit in pairs if undo in done)
    elif "gathers" in record or any(_undoes(plan, signal) for signal in signals):
        for step_id in plan.compensations:
            yield from (execution_id(instance, "", step_id, visit) for visit in _visits(instance, step_id))


def compensate(run: Run, failure: Failure | None, final: InstanceStatus, *, at_hand: bool = False) -> None:
    """Undo completed work, the latest first. ``final``: the status the run ends in afterwards.

    ``at_hand``: the advance was given every visit.
    """
    instance = run.instance
    if failure is not None:
        instance.error = failure.as_json()
        failures.note(run)
    run.end_cancels()
    instance.status = InstanceStatus.COMPENSATING
    run.undoes = True
    instance.compensation = {
        "status": "IN_PROGRESS",
        "plan": [],
        "visits": [],
        "completed": [],
        "failed": [],
        "final": final.value,
    }
    why = {"cancellation": instance.cancellation} if instance.cancellation else {}
    known = _known(run)
    if at_hand or all(
        execution_id(instance, "", step_id, visit) in known
        for step_id in run.plan.compensations
        for visit in _visits(instance, step_id)
    ):
        _make_plan(run, known)
        run.record("COMPENSATION_STARTED", None, {"plan": instance.compensation["plan"], **why})
        compensate_next(run, None)
        return
    instance.compensation["gathers"] = True
    run.record("COMPENSATION_STARTED", None, why)
    run.command(AnotherTurn(None))


def go_on(run: Run) -> None:
    """The turn that was asked for."""
    record = run.instance.compensation or {}
    if run.instance.status is not InstanceStatus.COMPENSATING or not record.keys() & {"gathers", "asked"}:
        return
    run.instance.compensation = {key: value for key, value in record.items() if key not in ("gathers", "asked")}
    if "gathers" in record:
        _make_plan(run, _known(run))
        run.record("COMPENSATION_PLANNED", None, {"plan": run.instance.compensation["plan"]})
    compensate_next(run, None)


def _make_plan(run: Run, known: Mapping[UUID, Execution]) -> None:
    undo = [
        each
        for each in known.values()
        if each.status is StepStatus.COMPLETED and not each.scope and each.step_id in run.plan.compensations
    ]
    undo.sort(key=lambda execution: execution.seq, reverse=True)
    record = run.instance.compensation
    assert record is not None
    record["plan"] = [run.plan.compensations[execution.step_id] for execution in undo]
    record["visits"] = [execution.visit for execution in undo]


def compensate_next(run: Run, ended: Execution | None) -> None:
    """Note what became of one undoing step and begin the next; end the run after the last."""
    instance = run.instance
    assert instance.compensation is not None
    record = {**instance.compensation}
    if ended is not None:
        done = undone(run)
        well = ended.status in (StepStatus.COMPLETED, StepStatus.SKIPPED)
        field = "completed" if well else "failed"
        record[field] = [*record[field], ended.step_id]
        if ended.status is StepStatus.COMPLETED and done is not None:
            _mark_undone(run, done)
    instance.compensation = record
    settled = _settled(record)
    if settled < len(record["plan"]):
        if ended is not None and undone(run) is None:
            record["asked"] = True
            run.command(AnotherTurn(None))
        else:
            run.enter(record["plan"][settled])
        return
    record["status"] = "COMPLETED_WITH_ERRORS" if record["failed"] else "COMPLETED"
    final = InstanceStatus(record["final"])
    run.record("COMPENSATION_ENDED", None, {"status": record["status"], "failed": record["failed"]})
    run.finish(final)


def undone(run: Run) -> Execution | None:
    """The visit that is being undone; None when there is none, or when the advance was not given it."""
    record, instance = run.instance.compensation or {}, run.instance
    settled = _settled(record) if record else 0
    if settled >= len(record.get("plan", ())):
        return None
    step_id = _inverse(run.plan).get(record["plan"][settled])
    if step_id is None:
        return None
    latest = run.results.get(step_id)
    if "visits" not in record:
        return latest
    id_ = execution_id(instance, "", step_id, record["visits"][settled])
    found = run.executions.get(id_) or run.earlier.get(id_)
    return latest if found is None and latest is not None and latest.id == id_ else found


def shown(run: Run, context: dict[str, Any]) -> dict[str, Any]:
    """The context in which the step that is being undone shows the visit that is, not its latest."""
    done = undone(run)
    if done is None or run.results.get(done.step_id) is done:
        return context
    return {**context, "steps": {**context["steps"], done.step_id: done.result()}}


def _mark_undone(run: Run, execution: Execution) -> None:
    """That work is not there any more; nobody may undo it a second time."""
    if execution.status is StepStatus.COMPLETED:
        execution = run.touch(execution)
        run.set_status(execution, StepStatus.COMPENSATED)
        latest = run.results.get(execution.step_id)
        if latest is None or latest.id == execution.id:
            run.set_result(execution)
        run.record("STEP_COMPENSATED", execution)


def _known(run: Run) -> dict[UUID, Execution]:
    return {each.id: each for each in run.results.values()} | run.earlier | run.executions


def _visits(instance: Instance, step_id: str) -> range:
    """The visits of a step that is counted. The few of one that is not are always at hand."""
    return range(1, instance.visits.get(step_id, 0) + 1)


def _settled(record: Mapping[str, Any]) -> int:
    return len(record["completed"]) + len(record["failed"])


def _inverse(plan: Plan) -> dict[str, str]:
    return {undo: done for done, undo in plan.compensations.items()}


def _undoes(plan: Plan, signal: Signal) -> bool:
    if signal.kind is SignalKind.CANCEL_EVENT:
        return any(trigger.compensate for trigger in plan.cancels)
    return signal.kind is SignalKind.CANCEL and bool(signal.data.get("shouldCompensate"))
