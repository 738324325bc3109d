"""The items of a FOR_EACH: created all at once, begun a few at a time, gathered when all have ended.

Each item is a row of its own, so what one costs does not depend on how many there are. The FOR_EACH keeps counters only:

* ``total``, ``next`` (the first that was never looked at), ``running``, ``left`` (that have not ended)
* ``failed``, and ``failures``: the first of them as [{index, code, message}]
* ``asked``: it has asked for another turn; ``keep``: where the items of its last attempt are, until they were looked at

An advance begins ROOM items at most. Where there is more to do, or where it was not given a row it needs, the step asks for
another turn, for which ``needs`` names the rows: the next items to begin, or all of them to gather what they gave.
"""

from __future__ import annotations

from typing import Any

from .plan import Step
from .run import MAX_ADVANCE, Move, Run, Unusable
from .state import AnotherTurn, Execution, Failure, id_of, item_id, items_of, name_of
from .transitions import StepStatus

MAX_ITEMS = 10_000
ROOM = 500
"""How many items one advance begins at most."""

MAX_FAILURES = 100
"""How many failed items are named; the others are counted."""


def create(run: Run, execution: Execution, values: Any, keep: str | None) -> None:
    """Create every item, none begun. ``keep``: ``items_of`` an earlier attempt, whose completed items are done already."""
    if not isinstance(values, list):
        raise Unusable("NOT_A_LIST", f"`items` gave {_kind(values)} instead of a list.")
    if len(values) > MAX_ITEMS:
        raise Unusable("TOO_MANY_ITEMS", f"There are {len(values):,} items; a step goes through {MAX_ITEMS:,} at most.")
    total = len(values)
    execution.data = {"total": total, "next": 0, "running": 0, "left": total, "failed": 0}
    if not values:
        return
    if keep is not None:
        execution.data["keep"] = keep
    items, name = items_of(run.instance, execution), name_of(run.instance, execution.step_id)
    for index, value in enumerate(values):
        scope = f"{items}[{index}]"
        run.add(
            Execution(
                id=id_of(run.instance.id, scope, name, 0),
                step_id=execution.step_id,
                visit=0,
                status=StepStatus.PENDING,
                scope=scope,
                parent_id=execution.id,
                branch=index,
                input=value,
                started_at=run.now,
            )
        )
    data = {"total": total, "items": items, "name": name, "instanceId": str(run.instance.id)}
    run.record("ITEMS_CREATED", execution, data)


def keep(run: Run, execution: Execution) -> None:
    """Take over what an earlier attempt has completed, where the item is still the same."""
    assert execution.data is not None
    before = execution.data.pop("keep")
    items = items_of(run.instance, execution)
    for index in range(execution.data["total"]):
        done = run.executions.get(item_id(run.instance, before, execution.step_id, index))
        item = run.executions.get(item_id(run.instance, items, execution.step_id, index))
        if done is None or item is None or done.status is not StepStatus.COMPLETED or done.input != item.input:
            continue
        if item.status is StepStatus.PENDING:
            item = run.touch(item)
            item.output = done.output
            _end(run, item, StepStatus.COMPLETED, {"kept": True})
            execution.data["left"] -= 1


def begin(run: Run, step: Step, execution: Execution) -> None:
    """Begin as many items as may be under way at once; ask for another turn where that is too much for this one."""
    data = execution.data
    assert data is not None
    if "keep" in data:
        ask(run, execution)
        return
    items = items_of(run.instance, execution)
    while data["running"] < step.concurrency and data["next"] < data["total"]:
        item = run.executions.get(item_id(run.instance, items, execution.step_id, data["next"]))
        if item is None or run.items_begun >= ROOM or run.weight > MAX_ADVANCE // 4:
            ask(run, execution)
            return
        data["next"] += 1
        if item.status is not StepStatus.PENDING:  # it was kept
            continue
        item = run.touch(item)
        run.set_status(item, StepStatus.RUNNING)
        item.started_at, item.data = run.now, {"visits": {}}
        data["running"] += 1
        run.items_begun += 1
        run.moves.append(Move(step.body, item.scope, item.id, item.branch))


def end(run: Run, item: Execution, execution: Execution, output: Any, failure: Failure | None) -> None:
    """Write down how one item ended."""
    data = execution.data
    assert data is not None
    data["running"] -= 1
    data["left"] -= 1
    if failure is None:
        item.output = output
        _end(run, item, StepStatus.COMPLETED, {})
        return
    item.error = failure.as_json()
    _end(run, item, StepStatus.FAILED, {"error": item.error})
    data["failed"] += 1
    if data["failed"] <= MAX_FAILURES:
        told = {"index": item.branch, "code": failure.code, "message": failure.message}
        data["failures"] = [*data.get("failures", ()), told]


def outputs(run: Run, execution: Execution) -> list[Any] | None:
    """What the items gave, in their order; null for one that failed. None when not all of them are at hand."""
    assert execution.data is not None
    items, found = items_of(run.instance, execution), []
    for index in range(execution.data["total"]):
        item = run.executions.get(item_id(run.instance, items, execution.step_id, index))
        if item is None:
            return None
        found.append(item.output)
    return found


def failures(execution: Execution) -> dict[str, Any] | None:
    """What ``steps.<id>.error`` says of a FOR_EACH that went on although items failed."""
    data = execution.data
    assert data is not None
    if not data["failed"]:
        return None
    message = f"{data['failed']:,} of {data['total']:,} items failed."
    details = {"failed": data["failed"], "total": data["total"], "items": data["failures"]}
    return Failure("PERMANENT", "ITEMS_FAILED", message, details).as_json()


def ask(run: Run, execution: Execution) -> None:
    """Ask for another turn, once."""
    assert execution.data is not None
    if not execution.data.get("asked"):
        execution.data["asked"] = True
        run.command(AnotherTurn(execution.id))


def _end(run: Run, item: Execution, status: StepStatus, told: dict[str, Any]) -> None:
    run.set_status(item, status)
    run.record(f"ITEM_{status.value}", item, {"index": item.branch, **told})
    run.scopes.leave(item.scope)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", dict: "an object"}
    return names.get(type(value), type(value).__name__)
