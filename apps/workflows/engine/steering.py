"""What a person does to a run's positions: pass a step over, take a position elsewhere, go on after a failure.

Nothing here fails a step: what a person asks for and cannot be done is refused, and the run stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from . import cancelling
from .flow import complete, next_step
from .flow import skip as pass_over
from .plan import Branch, Plan, Step
from .run import Move, Run, Unusable
from .state import ArmTimer, Execution, Instance, Signal, Unsubscribe
from .transitions import InstanceStatus, StepStatus

Way = Sequence[tuple[str, int]]
"""The forks around a step, the outermost first, each with the branch that the step lies in."""


class Refused(Exception):
    """What was asked for does not fit the run. ``pointer``: the field that says so; ``hint``: what would fit."""

    def __init__(self, pointer: str, message: str, hint: str = "") -> None:
        self.pointer, self.message, self.hint = pointer, message, hint
        super().__init__(message)


# Skip


def skip(run: Run, signal: Signal) -> None:
    """End a position as SKIPPED, or pass over the step where a failed run stopped, and go on as the step would."""
    data = signal.data
    with _refusing(run, "/output"):
        if run.instance.status is InstanceStatus.FAILED:
            _skip_failed(run, signal)
            return
        step, execution = _position(run, signal)
        _withdraw(run, step, execution)
        around, run.scope = run.scope, execution.scope
        _end_as_skipped(run, step, execution, data)
        run.scope = around


def _skip_failed(run: Run, signal: Signal) -> None:
    wanted, results = signal.data.get("stepId"), run.results
    step = place(run.plan, run.instance, None)
    if run.instance.current_step_id is None:
        raise Refused("/stepId", "The run failed before its first step; there is nothing to skip.", "Retry it.")
    if wanted is not None and wanted != step.step_id:
        stopped = {StepStatus.FAILED, StepStatus.TIMED_OUT}
        if wanted not in run.plan.steps or wanted not in results or results[wanted].status not in stopped:
            raise Refused("/stepId", f"The run did not stop at {wanted}.", f"It failed at {step.step_id}.")
        step = run.plan.steps[wanted]
    way = _way_to(run.plan, step)
    undone = run.instance.compensation is not None
    if way and undone:
        hint = f"Retry {way[0][0]}."
        raise Refused("/stepId", "The run's work has been undone; no branch can go on where it was.", hint)
    reopen(run, signal, step)
    _arm_run(run)

    def enter(parent_id: UUID | None, branch: int) -> None:
        run.instance.transitions += 1
        _end_as_skipped(run, step, run.open(Move(step.step_id, "", parent_id, branch)), signal.data)

    if not way:
        enter(None, 0)
    elif not _reenter(run, way, None, 0, enter):
        raise _no_need(way)


def _end_as_skipped(run: Run, step: Step, execution: Execution, data: dict[str, Any]) -> None:
    run.at = step.step_id
    output, outcome = data.get("output"), data.get("outcome")
    if outcome is None and isinstance(output, dict) and isinstance(output.get("outcome"), str):
        outcome = output["outcome"]
    why = who_and_why(data)
    if step.type == "DECISION" and (outcome is not None or not step.next):
        targets = sorted({target for _, target in (*step.choices, *step.next)})
        if outcome not in targets:
            hint = "Give as outcome one of " + ", ".join(targets) + "."
            raise Refused("/outcome", f"{step.name} decides where the run goes on.", hint)
        complete(run, step, execution, {"nextStep": outcome}, None, target=outcome, skipped=why)
        return
    if step.transitions and not step.next and not {outcome, "default"} & step.transitions.keys():
        hint = "Give as outcome one of " + ", ".join(sorted(step.transitions)) + "."
        raise Refused("/outcome", f"{step.name} goes on by its outcome, and has no way for {outcome or 'none'}.", hint)
    if "output" in data or outcome is not None:
        complete(run, step, execution, output, outcome, skipped=why)
    else:
        pass_over(run, step, execution, why)


# Move


def move(run: Run, signal: Signal) -> None:
    """Take a position to another step of its path. What was done there before stays done."""
    data = signal.data
    step, execution = _position(run, signal)
    target = run.plan.steps.get(data["to"])
    allowed = reachable_by_move(run.plan, step)
    if target is None or target.step_id not in allowed:
        hint = "Steps of the same path are " + ", ".join(allowed) + "."
        if target is None:
            raise Refused("/to", f"The definition has no step {data['to']}.", hint)
        if target.step_id in run.plan.compensations.values():
            raise Refused("/to", f"{target.name} undoes work; only a compensation enters it.", hint)
        raise Refused("/to", f"{target.name} lies on another path than {step.name}.", hint)
    _withdraw(run, step, execution)
    run.set_status(execution, StepStatus.CANCELLED)
    run.set_result(execution)
    run.record("STEP_MOVED", execution, {"to": target.step_id, **who_and_why(data)})
    _new_visits(run)
    run.moves.append(
        Move(
            target.step_id,
            execution.scope,
            execution.parent_id,
            execution.branch,
            data.get("input"),
            "input" in data,
        )
    )


def reachable_by_move(plan: Plan, step: Step) -> list[str]:
    """The steps that a position at ``step`` may be taken to: those of its path, itself included."""
    undoing = set(plan.compensations.values())
    siblings = [each for each in plan.steps.values() if each.parent == step.parent and each.step_id not in undoing]
    branch = branch_of(plan, step)
    return [each.step_id for each in siblings if branch_of(plan, each) == branch]


# Retry


def retry(run: Run, signal: Signal) -> None:
    """Go on with a run that failed or was cancelled, from a step, as a new visit of it.

    Inside a PARALLEL, what its other branches completed is kept and the others go on where they stood; with no step
    named, that is so for every branch. ``whole``: the PARALLEL is done again from its beginning.
    """
    data = signal.data
    named = data.get("stepId") is not None or "input" in data
    step, way = place_of_retry(run.plan, run.instance, data.get("stepId"))
    whole = bool(data.get("whole")) or run.instance.compensation is not None
    with _refusing(run, "/stepId"):
        reopen(run, signal, step)
        _arm_run(run)
        if whole and way:
            run.moves.append(Move(way[0][0]))
        elif not named and not whole and _resume_branches(run, step, way):
            pass
        elif not way:
            run.moves.append(Move(step.step_id, input=data.get("input"), edited="input" in data, again=True))
        else:

            def enter(parent_id: UUID | None, branch: int) -> None:
                edited = "input" in data
                run.moves.append(Move(step.step_id, "", parent_id, branch, data.get("input"), edited, again=True))

            if not _reenter(run, way, None, 0, enter):
                raise _no_need(way)


def _resume_branches(run: Run, step: Step, way: Way) -> bool:
    """Let every branch of the outermost PARALLEL go on where it stood. False where there is none, or it had joined."""
    outermost = way[0][0] if way else step.step_id
    done = run.results.get(outermost)
    if run.plan.steps[outermost].type != "PARALLEL" or done is None or done.status is StepStatus.COMPLETED:
        if way:
            run.moves.append(Move(outermost))
        return bool(way)
    if not _reenter(run, [(outermost, -1)], None, 0, None):
        run.moves.append(Move(outermost))
    return True


def place(plan: Plan, instance: Instance, step_id: str | None) -> Step:
    """The step that a retry or skip of a run that has ended is about: the one named, else where it stopped."""
    failed_at = ((instance.error or {}).get("details") or {}).get("stepId")
    # The details are whatever the failed task said, and a migration may have left the current step behind.
    places = (step_id, failed_at, instance.current_step_id)
    undoing = set(plan.compensations.values())
    found = (each for each in places if isinstance(each, str) and each in plan.steps and each not in undoing)
    return plan.steps[next(found, plan.start_at)]


def place_of_retry(plan: Plan, instance: Instance, step_id: str | None) -> tuple[Step, Way]:
    """The step that a retry enters, and the forks around it. What goes through items is done again as one."""
    step = place(plan, instance, step_id)
    way = _way_to(plan, step, cut=step_id is None)
    if way and plan.steps[way[-1][0]].type != "PARALLEL":
        step, way = plan.steps[way[-1][0]], way[:-1]
    return step, way


def reopen(run: Run, signal: Signal, step: Step) -> None:
    """Make a run that has ended one that is under way again."""
    instance = run.instance
    # Inside the run's failure handler it goes on with what the handler is there for.
    cause = instance.error
    if instance.status is InstanceStatus.FAILED:
        cause = ((cause or {}).get("details") or {}).get("cause")
    _new_visits(run)
    instance.status = InstanceStatus.RUNNING
    instance.error = cause if step.step_id in run.plan.handling and isinstance(cause, dict) else None
    instance.completed_at = instance.output = None
    instance.cancellation = instance.compensation = None
    run._context = None
    run.record("INSTANCE_RETRIED", None, {"stepId": step.step_id, **who_and_why(signal.data)})
    cancelling.subscribe(run)


def _new_visits(run: Run) -> None:
    """A path goes where it may have been before: what it enters from here on is a new visit."""
    run.instance.visits["*"] = run.instance.visits.get("*", 0) + 1


def _arm_run(run: Run) -> None:
    if run.plan.timeout is not None:
        run.command(ArmTimer(None, "timeout", run.now + timedelta(seconds=run.plan.timeout)))


# Forks that are entered again


@dataclass(frozen=True, slots=True)
class _Stand:
    """How far a branch had come: the step it goes on at, or (None) the output it ended with."""

    branch: int
    step_id: str | None
    output: Any = None
    again: bool = False
    """It stood inside that step, a PARALLEL, whose branches go on where they were too."""


def _reenter(
    run: Run, way: Way, parent_id: UUID | None, branch: int, enter: Callable[[UUID | None, int], None] | None
) -> bool:
    """Open the first fork of ``way`` anew, keep what its branches have done, and let the others go on.

    The branch on the way is taken to ``enter`` instead (-1: none is). False when the join would be met, or could not
    be, with what there is; then nothing has been opened.
    """
    fork_id, chosen = way[0]
    fork = run.plan.steps[fork_id]
    stands = [
        _Stand(index, "") if index == chosen else _stand(run, fork, index)
        for index, each in enumerate(fork.branches)
        if index == chosen or _holds(run, fork, each)
    ]
    done = [each for each in stands if each.step_id is None]
    need = {"ALL": len(stands), "ANY": min(1, len(stands))}.get(fork.join, fork.count)
    if not len(done) < need <= len(stands):
        return False
    run.instance.transitions += 1
    execution = run.open(Move(fork_id, "", parent_id, branch))
    output = {fork.branches[each.branch].name: each.output for each in done}
    execution.data = {"need": need, "left": len(stands) - len(done), "done": len(done), "output": output}
    if fork.timeout is not None:
        run.arm_timeout(fork, execution, run.now + timedelta(seconds=fork.timeout))
    for each in stands:
        if each.step_id is None or each.branch == chosen:
            continue
        if not (each.again and _reenter(run, [(each.step_id, -1)], execution.id, each.branch, None)):
            run.moves.append(Move(each.step_id, "", execution.id, each.branch, again=True))
    if chosen == -1:
        return True
    # Last, so that the others are there should this branch end at once and meet the join.
    if len(way) == 1:
        assert enter is not None
        enter(execution.id, chosen)
    elif not _reenter(run, way[1:], execution.id, chosen, enter):
        raise _no_need(way[1:])
    return True


def _holds(run: Run, fork: Step, branch: Branch) -> bool:
    run.at = fork.step_id
    return branch.condition is None or run.is_true(branch.condition)


def _stand(run: Run, fork: Step, branch: int) -> _Stand:
    steps = run.plan.steps
    mine = [
        each
        for each in run.results.values()
        if each.branch == branch and each.step_id in steps and steps[each.step_id].parent == fork.step_id
    ]
    if not mine:
        return _Stand(branch, fork.branches[branch].start_at)
    last = max(mine, key=lambda each: each.seq)  # a branch has one position: what changed last is where it is
    step = steps[last.step_id]
    if last.status is StepStatus.COMPLETED and step.type == "DECISION":
        return _Stand(branch, last.output["nextStep"])
    if last.status in (StepStatus.COMPLETED, StepStatus.SKIPPED):
        # It may have been on its way to the next step when another branch failed.
        return _Stand(branch, next_step(run, step, last.outcome), last.output)
    return _Stand(branch, last.step_id, again=step.type == "PARALLEL")


def _no_need(way: Way) -> Refused:
    fork = way[0][0]
    message = f"Enough branches of {fork} have ended well already, or too few could."
    return Refused("/stepId", message, f"Retry {fork} itself, or a step after it.")


def _way_to(plan: Plan, step: Step, *, cut: bool = False) -> list[tuple[str, int]]:
    """The forks around a step. ``cut``: only as far as a step that goes through items; otherwise that is refused."""
    way: list[tuple[str, int]] = []
    inner = step
    while inner.parent is not None:
        outer = plan.steps[inner.parent]
        if outer.type != "PARALLEL":
            if not cut:
                message = f"{step.name} lies in {outer.name}, which goes through items."
                raise Refused("/stepId", message, f"Retry {outer.step_id} itself.")
            way.clear()
        way.insert(0, (outer.step_id, branch_of(plan, inner)))
        inner = outer
    return way


def branch_of(plan: Plan, step: Step) -> int:
    """Which branch of the step around it a step lies in: the one from whose first step it can be reached."""
    if step.parent is None:
        return 0
    branches = plan.steps[step.parent].branches
    for index, branch in enumerate(branches if len(branches) > 1 else ()):
        seen: set[str] = set()
        pending = [branch.start_at]
        while pending:
            step_id = pending.pop()
            if step_id == step.step_id:
                return index
            if step_id not in seen and plan.steps[step_id].parent == step.parent:
                seen.add(step_id)
                pending.extend(plan.steps[step_id].targets())
    return 0


def ahead(plan: Plan, begun: Iterable[str]) -> set[str]:
    """The steps that a run which enters ``begun`` may come to, those included; not the other branches of their forks."""
    seen: set[str] = set()
    pending = list(begun)
    while pending:
        step_id = pending.pop()
        if step_id in seen:
            continue
        seen.add(step_id)
        pending.extend(plan.steps[step_id].targets())
        parent = plan.steps[step_id].parent
        if parent is not None:
            pending.extend(each for each in plan.steps[parent].targets() if plan.steps[each].parent != parent)
    return seen


# What skip and move share


def who_and_why(data: dict[str, Any]) -> dict[str, Any]:
    """What the history says of a person's act."""
    return {"reason": data.get("reason", ""), "requestedBy": data.get("requestedBy")}


def _position(run: Run, signal: Signal) -> tuple[Step, Execution]:
    execution = run.executions.get(signal.execution_id) if signal.execution_id else None
    if execution is None or not execution.active:
        raise Refused("/executionId", "The run does not stand there any more.", "Look at where it stands now.")
    if execution.is_item:
        message = f"This is one item of {execution.step_id}, not a step."
        raise Refused("/executionId", message, "Name a step of the item, or the whole step.")
    return run.plan.steps[execution.step_id], run.touch(execution)


def _withdraw(run: Run, step: Step, execution: Execution) -> None:
    """Take back everything that would bring the position on: what lies below it, its task, its timers, its wait."""
    if any(each.parent == step.step_id for each in run.plan.steps.values()):
        run.cancel_below(execution)
    run.withdraw(execution, work=True)
    if "eventPattern" in (execution.data or {}):
        run.command(Unsubscribe(execution.id, "cancelled"))
        run.record("EVENT_WAIT_ENDED", execution)
        if run.instance.status is InstanceStatus.WAITING_FOR_EVENT:
            run.instance.status = InstanceStatus.RUNNING


@contextmanager
def _refusing(run: Run, pointer: str) -> Iterator[None]:
    """What cannot be evaluated on the way is told to the person; it fails neither the step nor the run."""
    try:
        yield
    except (run.plan.language.error, Unusable) as error:
        raise Refused(pointer, str(getattr(error, "message", error))) from error
