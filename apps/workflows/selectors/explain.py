"""Saying in a sentence what a run waits for, since when, and what would move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.tasks.models import ReadyTask, Task
from apps.workflows.engine.plan import Plan
from apps.workflows.models import StepExecution, Timer, WorkflowInstance

from . import queue as queues

HOLDERS = frozenset({"BRANCHES", "ITEMS"})
"""Kinds of positions that wait for others, which are positions themselves."""

SOON = timedelta(seconds=15)
"""What lies ready for longer than this is not just about to be taken."""

_SAID_AT_ONCE = 3
_FOREVER = 4_000  # the year that the ready time of a paused task lies behind


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: an execution that has not ended, and why.

    ``kind``: HUMAN, EVENT, TIMER, CHILD, TASK, BRANCHES or ITEMS. ``items``: of a FOR_EACH, {total, left, failed}.
    ``queued``: the row of the ready queue, of a task that is to be run. ``settled``: its result is in. ``remaining``: what
    a timer that stands still had left. ``otherwise``: what follows when the time is up first.
    """

    step_id: str
    kind: str
    since: datetime
    attempt: int = 1
    task_id: UUID | None = None
    title: str | None = None
    assignee: str | None = None
    candidates: tuple[str, ...] = ()
    due_at: datetime | None = None
    error: dict[str, Any] | None = None
    queued: ReadyTask | None = None
    settled: bool = False
    remaining: timedelta | None = None
    otherwise: str = ""
    instance_id: str | None = None
    workflow_id: str | None = None
    items: dict[str, int] | None = None

    @classmethod
    def of(
        cls,
        execution: StepExecution,
        task: Task | None,
        timer: Timer | None,
        users: dict[UUID, str],
        queued: ReadyTask | None = None,
        plan: Plan | None = None,
    ) -> Position:
        common: dict[str, Any] = {
            "step_id": execution.step_id,
            "since": execution.started_at,
            "attempt": execution.attempt,
            "error": execution.error,
            "remaining": timer.remaining if timer else None,
            "otherwise": _otherwise(execution, timer, plan),
        }
        if task is not None and task.type == Task.Type.MANUAL:
            return cls(
                kind="HUMAN",
                task_id=task.id,
                title=task.title,
                assignee=users.get(task.assignee_id) if task.assignee_id else None,
                candidates=(*task.candidate_users, *task.candidate_groups),
                due_at=task.due_at,
                **common,
            )
        if task is not None:
            settled = queued is None and task.status not in Task.OPEN
            return cls(kind="TASK", task_id=task.id, queued=queued, settled=settled, **common)
        data = execution.data or {}
        if "running" in data:
            counts = {name: data[name] for name in ("total", "left", "failed")}
            name = plan.steps[execution.step_id].name if plan and execution.step_id in plan.steps else execution.step_id
            return cls(kind="ITEMS", title=name, items=counts, **common)
        if "instanceId" in data:
            due = timer.due_at if timer else None
            return cls(
                kind="CHILD", instance_id=data["instanceId"], workflow_id=data.get("workflowId"), due_at=due, **common
            )
        if (pattern := (execution.data or {}).get("eventPattern")) is not None:
            return cls(kind="EVENT", title=pattern, due_at=timer.due_at if timer else None, **common)
        if timer is not None and timer.purpose != "timeout":
            return cls(kind="TIMER", due_at=timer.due_at, **common)
        return cls(kind="BRANCHES", **common)


def _otherwise(execution: StepExecution, timer: Timer | None, plan: Plan | None) -> str:
    """What becomes of a step whose time is up."""
    step = None if plan is None else plan.steps.get(execution.step_id)
    if timer is None or timer.purpose not in ("event", "timeout") or step is None:
        return ""
    when = f" at {_clock(timer.due_at)}" if timer.due_at else ""
    return f"goes on at {step.timeout_handler}{when}" if step.timeout_handler else f"times out{when}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else bears on a run: ``suspension`` {at, reason, requestedBy} while it is suspended, signals that wait in its
    inbox and those that are kept until it is resumed, the timer of the run as a whole, how many tasks workers are at, its
    place in the queue for a slot, the events that would cancel it."""

    now: datetime
    suspension: dict[str, Any] | None = None
    inbox: int = 0
    held: int = 0
    ends_by: datetime | None = None
    busy_workers: int = 0
    more: bool = False
    compensation: dict[str, Any] = field(default_factory=dict)
    queue: dict[str, Any] | None = None
    cancelled_by: Sequence[dict[str, Any]] = ()


def waiting_for(positions: Sequence[Position]) -> list[dict[str, Any]]:
    """``state.waitingFor``. A PARALLEL or FOR_EACH waits for what is inside it, which is listed itself."""
    return [
        {
            "kind": each.kind,
            "stepId": each.step_id,
            "since": each.since,
            **({"taskId": str(each.task_id)} if each.task_id else {}),
            **({"title": each.title} if each.title else {}),
            **({"assignee": each.assignee} if each.assignee else {}),
            **({"candidates": list(each.candidates)} if each.candidates else {}),
            **({"dueAt": each.due_at} if each.due_at else {}),
            **({"instanceId": each.instance_id} if each.instance_id else {}),
            **({"workflowId": each.workflow_id} if each.workflow_id else {}),
        }
        for each in positions
        if each.kind not in HOLDERS
    ]


def explain(instance: WorkflowInstance, positions: Sequence[Position], around: Surroundings) -> dict[str, Any]:
    """{status, sentence, since, movesWhen, waitingFor, queue, endsBy, cancelledBy} for a run; ``positions``: its active executions.

    Each entry of ``waitingFor`` has a ``sentence`` and a ``movesWhen`` of its own.
    """
    leaves = [each for each in positions if each.kind not in HOLDERS]
    loop = next((each for each in positions if each.kind == "ITEMS"), None)
    sentence, moves = _sentence(instance, leaves, loop, around)
    told = [_waits(each, around) for each in leaves]
    return {
        "status": instance.status,
        "sentence": sentence,
        "since": _since(instance, leaves, around),
        "movesWhen": moves,
        "waitingFor": [
            {**wait, "sentence": said, "movesWhen": moved}
            for wait, (said, moved) in zip(waiting_for(leaves), told, strict=True)
        ],
        "queue": around.queue,
        "endsBy": around.ends_by,
        "cancelledBy": list(around.cancelled_by),
    }


def _since(instance: WorkflowInstance, leaves: Sequence[Position], around: Surroundings) -> datetime:
    if instance.completed_at is not None:
        return instance.completed_at
    if around.suspension is not None:
        suspended: datetime = around.suspension["at"]
        return suspended
    if instance.status == "CREATED":
        return instance.started_at
    return min((each.since for each in leaves), default=instance.updated_at)


def _sentence(
    instance: WorkflowInstance, leaves: Sequence[Position], loop: Position | None, around: Surroundings
) -> tuple[str, str]:
    if around.queue is not None:
        return queues.sentence(around.queue)
    match instance.status:
        case "COMPLETED":
            return "The run is complete.", "Nothing: it has reached its end."
        case "FAILED":
            error = instance.error or {}
            where = (error.get("details") or {}).get("stepId")
            at = f" at {where}" if where else ""
            return f"The run failed{at}: {error.get('message', '')}", "Retry it from a step once the cause is mended."
        case "CANCELLED":
            return _cancelled(instance.cancellation or {}), "Retry it to go on after all."
        case "SUSPENDED":
            return _suspended(leaves, around)
        case "CREATED":
            if around.now - instance.started_at > SOON:
                waited = _span(around.now - instance.started_at)
                return f"The run is accepted, and for {waited} no worker has begun it.", _NEEDS_A_WORKER
            return "The run is accepted and has not begun.", "A worker begins it."
        case "COMPENSATING":
            said, moves = _open(leaves, None, around)
            return f"{_undoing(around.compensation)} {said}", moves
    return _open(leaves, loop, around)


_NEEDS_A_WORKER = "A worker becomes free, or one is started."


def _cancelled(cancellation: dict[str, Any]) -> str:
    by = cancellation.get("requestedBy")
    reason = cancellation.get("reason")
    who = f" by {by}" if by else " by an event" if cancellation.get("source") == "EVENT" else ""
    return f"The run was cancelled{who}" + (f": {reason}" if reason else ".")


def _suspended(leaves: Sequence[Position], around: Surroundings) -> tuple[str, str]:
    about = around.suspension or {}
    by = f" by {about['requestedBy']}" if about.get("requestedBy") else ""
    why = f": {about['reason']}" if about.get("reason") else "."
    said = f"The run is suspended{by}{why}"
    said += "" if said.endswith((".", "!", "?")) else "."
    kept = f" {_count(around.held, 'thing')} that came in since {'is' if around.held == 1 else 'are'} kept."
    resting = [each for each in leaves if each.remaining is not None]
    left = "".join(
        f" The timer of {each.step_id} stands still with {_span(each.remaining)} left."
        for each in resting[:_SAID_AT_ONCE]
        if each.remaining is not None
    )
    open_to = "".join(
        f" “{each.title or each.step_id}” stays open, and its answer is kept."
        for each in leaves
        if each.kind == "HUMAN"
    )
    return said + (kept if around.held else "") + left + open_to, "Somebody resumes it."


def _undoing(compensation: dict[str, Any]) -> str:
    plan, done = compensation.get("plan") or [], compensation.get("completed") or []
    failed = compensation.get("failed") or []
    said = f"What was done is being undone: {len(done)} of {_count(len(plan), 'step')} so far"
    return said + (f", {len(failed)} could not be." if failed else ".")


def _open(leaves: Sequence[Position], loop: Position | None, around: Surroundings) -> tuple[str, str]:
    if loop is not None:
        return _items(loop, leaves, around)
    if not leaves:
        if around.inbox:
            what = f"{_count(around.inbox, 'thing')} that happened to the run"
            return f"{what} {'waits' if around.inbox == 1 else 'wait'} for a worker to take in.", _NEEDS_A_WORKER
        return "The run is being advanced at this moment.", "The worker that is at it goes on."
    if len(leaves) == 1:
        return _waits(leaves[0], around)
    told = [_waits(each, around) for each in leaves[:_SAID_AT_ONCE]]
    number = f"{'At least ' if around.more else ''}{len(leaves)}"
    more = f" And {len(leaves) - _SAID_AT_ONCE} more." if len(leaves) > _SAID_AT_ONCE else ""
    said = f"{number} branches are open. " + " ".join(sentence for sentence, _ in told) + more
    return said, "Any of them moves. " + " ".join(dict.fromkeys(moves for _, moves in told))


def _items(loop: Position, leaves: Sequence[Position], around: Surroundings) -> tuple[str, str]:
    counts = loop.items or {}
    failed = f"; {counts['failed']:,} failed" if counts["failed"] else ""
    sentence = f"Waits for {counts['left']:,} of {counts['total']:,} items of “{loop.title}”{failed}."
    if not leaves:
        return sentence, "A worker goes on with them."
    return sentence, f"Any of its items goes on. The first: {_waits(leaves[0], around)[0]}"


def _waits(position: Position, around: Surroundings) -> tuple[str, str]:
    step = position.step_id
    if position.kind == "HUMAN":
        return _waits_for_a_person(position)
    if position.kind == "EVENT":
        until = f", until {_clock(position.due_at)}" if position.due_at else ""
        or_else = f" Otherwise the step {position.otherwise}." if position.otherwise else ""
        return f"Waits at {step} for an event {position.title}{until}.", f"An event {position.title} arrives.{or_else}"
    if position.kind == "CHILD":
        or_else = f" Otherwise the step {position.otherwise}." if position.otherwise else ""
        return (
            f"Waits at {step} for the run of {position.workflow_id} that it has started.",
            f"The run of {position.workflow_id} ends.{or_else}",
        )
    if position.kind == "TIMER":
        when = f" until {_clock(position.due_at)}" if position.due_at else ""
        if position.error:
            return _tried_again(position, position.due_at)
        return f"Waits at {step}{when}.", "The time comes."
    return _waits_for_a_worker(position, around)


def _waits_for_a_person(position: Position) -> tuple[str, str]:
    title = position.title or position.step_id
    or_else = f" Otherwise the step {position.otherwise}." if position.otherwise else ""
    if position.assignee:
        who = position.assignee
        return f"Waits for {who} to complete “{title}”.", f"{who} completes the task.{or_else}"
    who = ", ".join(position.candidates)
    if not who:
        return (
            f"“{title}” is open to nobody in particular; only who may assign tasks can give it to somebody.",
            f"Somebody is assigned and completes the task.{or_else}",
        )
    return (
        f"“{title}” is open to {who}; nobody has taken it yet.",
        f"Somebody of them claims and completes the task.{or_else}",
    )


def _waits_for_a_worker(position: Position, around: Surroundings) -> tuple[str, str]:
    step, queued, now = position.step_id, position.queued, around.now
    if queued is None:
        if position.settled:
            return f"The result of {step} is in and is about to be taken over.", "A worker takes it over."
        return f"A worker is to run {step}.", "The task ends."
    if queued.worker is not None and queued.leased_until is not None:
        if queued.leased_until < now:
            lost = _clock(queued.leased_until)
            return (
                f"The worker {queued.worker} ran {step} and has not been heard of since {lost}.",
                "It is given to another worker at the next sweep, some seconds from now.",
            )
        return (
            f"The worker {queued.worker} is at {step}.",
            f"The task ends. Should the worker die, another one begins it after {_clock(queued.leased_until)}.",
        )
    if position.error and queued.ready_at > now:
        return _tried_again(position, queued.ready_at if queued.ready_at.year < _FOREVER else None)
    if now - queued.ready_at > SOON:
        waited = _span(now - queued.ready_at)
        if around.busy_workers:
            at_it = f"the workers are at {_count(around.busy_workers, 'other task')}"
        else:
            at_it = "no worker is at any task, so perhaps none is running"
        return f"{step} has been ready for {waited} and no worker has taken it; {at_it}.", _NEEDS_A_WORKER
    return f"{step} is ready to be run by a worker.", "A worker takes it and the task ends."


def _tried_again(position: Position, when: datetime | None) -> tuple[str, str]:
    at = f" at {_clock(when)}" if when else ""
    message = (position.error or {}).get("message", "")
    return (
        f"{position.step_id} failed ({message}) and is tried again{at}.",
        f"Attempt {position.attempt} begins{at}.",
    )


def _clock(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"


def _span(length: timedelta) -> str:
    """`40 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit, smaller, smaller_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
