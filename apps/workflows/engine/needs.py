"""Which rows of a run an advance may read: a handful, found by their ids, however long the run has been going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from . import items, undoing
from .plan import Plan
from .state import Execution, Instance, Signal, State, execution_id, item_id, items_of, name_of
from .transitions import SignalKind


def result_ids(
    plan: Plan, instance: Instance, signals: Sequence[Signal], addressed: Mapping[UUID, Execution]
) -> list[UUID]:
    """The ids of the executions that an advance may read. They follow from what each is: no search."""
    steps: set[str] = set()
    ids: list[UUID] = []
    turns: Counter[UUID] = Counter()
    for signal in signals:
        execution = addressed.get(signal.execution_id) if signal.execution_id else None
        if execution is not None:
            reads = plan.reads_from[execution.step_id]
            if signal.kind is SignalKind.MOVE:
                reads |= plan.reads_from.get(signal.data["to"], frozenset())
            chain = list(_chain(execution, addressed))
            steps |= reads
            around = [each for each in reversed(chain) if each.is_item]
            ids += _inside_items(plan, instance, reads, around)
            turns.update(each.id for each in chain if plan.steps[each.step_id].type == "FOR_EACH" and not each.is_item)
            if signal.kind is SignalKind.CONTINUE:
                turns[execution.id] += items.ROOM
        elif signal.kind in (SignalKind.RETRY, SignalKind.SKIP):
            steps |= plan.steps.keys()
        elif signal.kind is SignalKind.CANCEL_EVENT:
            steps |= plan.cancel_reads
        elif signal.kind is SignalKind.TIMER_DUE and plan.on_failure is not None:  # the run took too long
            for handler in plan.on_failure.targets():
                steps |= plan.reads_from[handler]
    # Whatever comes may end in undoing, which looks at what was done.
    for done, undo in plan.compensations.items():
        steps |= {done} | plan.reads_from[undo]
    ids += undoing.needed(plan, instance, signals)
    for for_each, count in turns.items():
        ids += _items(instance, addressed[for_each], count)
    outside = [step_id for step_id in steps if not plan.steps[step_id].scopes]
    return list(dict.fromkeys([*ids, *latest_ids(plan, instance, outside)]))


def _chain(execution: Execution, addressed: Mapping[UUID, Execution]) -> Iterator[Execution]:
    """An execution and everything it is nested in."""
    at: Execution | None = execution
    while at is not None:
        yield at
        at = addressed.get(at.parent_id) if at.parent_id else None


def _inside_items(plan: Plan, instance: Instance, steps: Iterable[str], around: Sequence[Execution]) -> Iterator[UUID]:
    """The ids of the latest visits of steps inside items, the outermost first. An item knows its visits."""
    within = tuple(item.step_id for item in around)
    for step_id in steps:
        scopes = plan.steps[step_id].scopes
        if not scopes or scopes != within[: len(scopes)]:
            continue
        item = around[len(scopes) - 1]
        if visit := (item.data or {}).get("visits", {}).get(name_of(instance, step_id)):
            yield execution_id(instance, item.scope, step_id, visit)


def _items(instance: Instance, execution: Execution, count: int) -> Iterator[UUID]:
    """The ids of the items that a FOR_EACH may look at when up to ``count`` of them end, or when it goes on."""
    data = execution.data or {}
    if "left" not in data:
        return
    total, first, last = data["total"], data["next"], min(data["next"] + count, data["total"])
    gathers = data["left"] <= count and (total <= items.ROOM or data["left"] == 0)
    if gathers or "keep" in data:
        first, last = 0, total
    for place in filter(None, (items_of(instance, execution), data.get("keep"))):
        for index in range(first, last):
            yield item_id(instance, place, execution.step_id, index)


def state(instance: Instance, addressed: Mapping[UUID, Execution], found: Iterable[Execution]) -> State:
    """What an advance is given, from the rows that ``result_ids`` named."""
    executions, outside, inner = dict(addressed), [], dict[str, dict[str, Execution]]()
    for execution in found:
        if execution.is_item:
            executions[execution.id] = execution
        elif execution.scope:
            inner.setdefault(execution.scope, {})[execution.step_id] = execution
        else:
            outside.append(execution)
    latest = results(outside)
    return State(instance, executions, latest, inner, [each for each in outside if latest[each.step_id] is not each])


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
