"""Which rows of a run an advance may read: a handful, found by their ids, however long the run has been going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from .plan import Plan
from .state import Execution, Instance, Signal, execution_id
from .transitions import SignalKind


def result_ids(
    plan: Plan, instance: Instance, signals: Sequence[Signal], addressed: Mapping[UUID, Execution]
) -> list[UUID]:
    """The ids of the executions whose results an advance may read. They follow from what each is: no search."""
    steps: set[str] = set()
    for signal in signals:
        execution = addressed.get(signal.execution_id) if signal.execution_id else None
        if execution is not None:
            steps |= plan.reads_from[execution.step_id]
            if signal.kind is SignalKind.MOVE:
                steps |= plan.reads_from.get(signal.data["to"], frozenset())
        elif signal.kind in (SignalKind.RETRY, SignalKind.SKIP):
            steps |= plan.steps.keys()
        elif signal.kind is SignalKind.TIMER_DUE and plan.on_failure is not None:  # the run took too long
            for handler in plan.on_failure.targets():
                steps |= plan.reads_from[handler]
    # Whatever comes may end in undoing, which looks at what was done.
    for done, undo in plan.compensations.items():
        steps |= {done} | plan.reads_from[undo]
    return latest_ids(plan, instance, steps)


def latest_ids(plan: Plan, instance: Instance, steps: Iterable[str]) -> list[UUID]:
    """The ids that the latest visit of each of these steps may have; of a step never entered none exists."""
    retries = instance.visits.get("*", 0)
    ids = []
    for step_id in steps:
        if visits := instance.visits.get(step_id, 0):
            ids.append(execution_id(instance, "", step_id, visits))
        elif step_id not in plan.cyclic:
            ids += [execution_id(instance, "", step_id, visit) for visit in range(1, retries + 2)]
    return ids


def results(found: Iterable[Execution]) -> dict[str, Execution]:
    """The latest execution of each step."""
    latest: dict[str, Execution] = {}
    for execution in found:
        known = latest.get(execution.step_id)
        if known is None or known.visit < execution.visit:
            latest[execution.step_id] = execution
    return latest
