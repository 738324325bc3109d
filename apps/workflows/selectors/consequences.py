"""What a decision would do to a run, said in sentences before it is taken.

A consequence is {kind, sentence, stepId?, name?, count?}. Kinds: STEP_SKIPPED, STEP_CANCELLED, TASK_WITHDRAWN,
TIMER_STOPPED, TIMER_RESUMED, CHILD_CANCELLED, STEP_UNDONE, KEPT, STEP_AGAIN, STEP_BEGINS, EVENT_EMITTED, RUN_ENDS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.tasks.models import ReadyTask, Task
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.state import (
    CancelBelow,
    CancelWork,
    Decision,
    DisarmTimers,
    EmitEvent,
    Execution,
    OpenHumanTask,
    PauseWork,
)
from apps.workflows.engine.steering import ahead
from apps.workflows.engine.transitions import ACTIVE_STEP, TERMINAL, InstanceStatus, StepStatus
from apps.workflows.models import StepExecution, Timer, WorkflowInstance

from .instances import usernames

SHOWN = 20
"""So many of one kind are named one by one; the others are counted."""

READ = 500
"""So many positions of a run are looked at one by one."""

Consequence = dict[str, Any]


class Foreseen:
    """One decision beside what is stored of its run. ``entered``: the steps that the run has been at before."""

    def __init__(
        self,
        row: WorkflowInstance,
        plan: Plan,
        decision: Decision,
        entered: set[str],
        answered: Sequence[Execution],
    ) -> None:
        self.row, self.plan, self.decision = row, plan, decision
        self.entered, self.answered = entered, answered
        rows = StepExecution.objects.filter(instance_id=row.pk, status__in=StepExecution.ACTIVE).order_by("seq")
        self.active: dict[UUID, StepExecution] = {each.id: each for each in rows[:READ]}
        self.timers = list(Timer.objects.filter(instance_id=row.pk).order_by("due_at")[:READ])
        self.ended = self._ended()

    def consequences(self) -> list[Consequence]:
        return [
            *self._steps(),
            *self._tasks(),
            *self._timers(),
            *self._children(),
            *self._undone(),
            *self._kept(),
            *self._begun(),
            *self._events(),
            *self._end(),
        ]

    @property
    def ends_as(self) -> str | None:
        """The status that the run ends in because of this, also where something is undone before."""
        instance = self.decision.instance
        if instance.status in TERMINAL:
            return instance.status.value
        if instance.status is InstanceStatus.COMPENSATING:
            final: str = (instance.compensation or {})["final"]
            return final
        return None

    # What ends

    def _ended(self) -> dict[UUID, StepStatus]:
        """The positions that end, with the status they end in."""
        ended: dict[UUID, StepStatus] = {}
        for command in self.decision.commands:
            if isinstance(command, CancelBelow):
                for id_, each in self.active.items():
                    if command.execution_id is None or self._lies_below(each, command.execution_id):
                        ended[id_] = StepStatus.CANCELLED
        for changed in self.decision.changed:
            if changed.id in self.active and changed.status not in ACTIVE_STEP:
                ended[changed.id] = changed.status
        return ended

    def _lies_below(self, execution: StepExecution, ancestor: UUID) -> bool:
        parent = execution.parent_id
        while parent is not None and parent != ancestor:
            parent = self.active[parent].parent_id if parent in self.active else None
        return parent is not None

    def _steps(self) -> Iterator[Consequence]:
        for status, kind, verb in (
            (StepStatus.SKIPPED, "STEP_SKIPPED", "is skipped"),
            (StepStatus.CANCELLED, "STEP_CANCELLED", "is cancelled"),
        ):
            steps = [self.active[id_].step_id for id_, each in self.ended.items() if each is status]
            for step_id, count in Counter(steps).items():
                name = self._name(step_id)
                several = f" in {count} places" if count > 1 else ""
                yield _consequence(kind, f"“{name}” {verb}{several}.", step_id, name, count)
        if len(self.active) == READ and self.ended:
            yield _consequence("STEP_CANCELLED", f"More than {READ} positions are open; all that lie there end.")

    def _tasks(self) -> Iterator[Consequence]:
        ended = [id_ for id_ in self.active if self.ended.get(id_, StepStatus.COMPLETED) is not StepStatus.COMPLETED]
        if not ended:
            return
        # In the order in which the run came to them.
        tasks = sorted(Task.objects.filter(id__in=ended, status__in=Task.OPEN), key=lambda each: ended.index(each.id))
        users = usernames({each.assignee_id for each in tasks})
        at_work = set(
            ReadyTask.objects.filter(task_id__in=[each.id for each in tasks], worker__isnull=False).values_list(
                "task_id", flat=True
            )
        )
        for task in tasks[:SHOWN]:
            name = self._name(task.step_id)
            if task.type == Task.Type.MANUAL:
                owner = users.get(task.assignee_id) if task.assignee_id else None
                whose = owner or ", ".join((*task.candidate_users, *task.candidate_groups))
                sentence = f"Cancels the open task “{task.title or name}”" + (f" of {whose}." if whose else ".")
            elif task.id in at_work:
                sentence = f"A worker is at “{name}”; what it does outside stays done, and its result is not taken."
            else:
                sentence = f"Takes “{name}” out of the queue."
            yield _consequence("TASK_WITHDRAWN", sentence, task.step_id, task.title or name)
        if len(tasks) > SHOWN:
            yield _consequence(
                "TASK_WITHDRAWN", f"Withdraws {len(tasks) - SHOWN} more tasks.", count=len(tasks) - SHOWN
            )

    def _timers(self) -> Iterator[Consequence]:
        for command in self.decision.commands:
            if isinstance(command, PauseWork):
                yield from self._paused(command.resume)
        for timer in self._stopped()[:SHOWN]:
            step_id = self.active[timer.execution_id].step_id if timer.execution_id in self.active else None
            whose = "the whole run's limit" if timer.execution_id is None else "the timer"
            when = f" that would fire at {_at(timer.due_at)}" if timer.due_at else ", which rests"
            name = None if step_id is None else self._name(step_id)
            of = f" of “{name}”" if name else ""
            yield _consequence("TIMER_STOPPED", f"Stops {whose}{of}{when}.", step_id, name)

    def _stopped(self) -> list[Timer]:
        gone: set[UUID | None] = set(self.ended)
        for command in self.decision.commands:
            if isinstance(command, CancelWork | DisarmTimers):
                gone |= set(command.execution_ids)
            elif isinstance(command, CancelBelow) and command.execution_id is None:
                gone.add(None)
        return [each for each in self.timers if each.execution_id in gone]

    def _paused(self, resume: bool) -> Iterator[Consequence]:
        for timer in self.timers[:SHOWN]:
            if resume and timer.remaining is not None:
                due = _at(timezone.now() + timer.remaining)
                yield _consequence("TIMER_RESUMED", f"A timer runs on and fires at {due}.")
            elif not resume and timer.due_at is not None:
                sentence = f"The timer that would fire at {_at(timer.due_at)} rests with the time it has left."
                yield _consequence("TIMER_STOPPED", sentence)

    def _children(self) -> Iterator[Consequence]:
        waiting = [id_ for id_ in self.ended if self._type(self.active[id_].step_id) == "SUB_WORKFLOW"]
        if not waiting:
            return
        children = WorkflowInstance.objects.filter(parent_execution_id__in=waiting).exclude(
            status__in=WorkflowInstance.TERMINAL
        )
        for child in children[:SHOWN]:
            sentence = f"Cancels the child run of {child.workflow_id}."
            yield _consequence("CHILD_CANCELLED", sentence, name=child.workflow_id)

    # What is undone, kept, begun

    def _undone(self) -> Iterator[Consequence]:
        plan: list[str] = (self.decision.instance.compensation or {}).get("plan", [])
        if plan and self.decision.instance.compensation != self.row.compensation:
            times = Counter(plan)
            told = [
                f"{self._name(each)} ({count} times)" if count > 1 else self._name(each)
                for each, count in times.items()
            ]
            names = ", ".join(told[:SHOWN]) + (" …" if len(told) > SHOWN else "")
            steps = "1 completed step" if len(plan) == 1 else f"{len(plan)} completed steps"
            yield _consequence("STEP_UNDONE", f"Undoes {steps}: {names}.", count=len(plan))

    def _kept(self) -> Iterator[Consequence]:
        """What people have answered before, where the run goes on after it."""
        # A fork that was entered again goes on where its branches stood, which are among the steps begun.
        begun = {each.step_id for each in self.decision.new if not self._entered_below(each.step_id)}
        to_come = ahead(self.plan, begun)
        for each in self.answered[:SHOWN]:
            name = self._name(each.step_id)
            answer = f" (“{each.outcome}”)" if each.outcome else ""
            if each.step_id in to_come:
                sentence = f"“{name}” was answered before{answer} and is asked again should the run come to it."
                yield _consequence("STEP_AGAIN", sentence, each.step_id, name)
            else:
                yield _consequence("KEPT", f"Keeps the answer to “{name}”{answer}.", each.step_id, name)

    def _entered_below(self, step_id: str) -> bool:
        return any(self.plan.steps[each.step_id].parent == step_id for each in self.decision.new)

    def _begun(self) -> Iterator[Consequence]:
        asked = {each.execution_id: each for each in self.decision.commands if isinstance(each, OpenHumanTask)}
        for execution in self.decision.new[:SHOWN]:
            name = self._name(execution.step_id)
            kind = "STEP_AGAIN" if execution.step_id in self.entered else "STEP_BEGINS"
            sentence = self._begins(execution, name, asked.get(execution.id))
            yield _consequence(kind, sentence, execution.step_id, name)
        if (more := len(self.decision.new) - SHOWN) > 0:
            yield _consequence("STEP_BEGINS", f"{more} more steps begin.", count=more)

    def _begins(self, execution: Execution, name: str, asked: OpenHumanTask | None) -> str:
        again = " again" if execution.step_id in self.entered else ""
        if asked is not None and execution.active:
            title = asked.manual.get("title") or name
            whom = asked.manual.get("assignee") or asked.manual.get("assigneeRole")
            return f"Opens the task “{title}”{again}" + (f" for {whom}." if isinstance(whom, str) else ".")
        if execution.status is StepStatus.SKIPPED:
            return f"“{name}” is skipped."
        if execution.status in (StepStatus.FAILED, StepStatus.TIMED_OUT):
            return f"“{name}” is tried{again} and fails at once: {(execution.error or {}).get('message', '')}"
        if not execution.active:
            return f"“{name}” is done{again} at once."
        data = execution.data or {}
        if "eventPattern" in data:
            return f"Waits at “{name}”{again} for an event {data['eventPattern']}."
        if "dueAt" in data:
            return f"Waits at “{name}”{again} until {_at(datetime.fromisoformat(data['dueAt']))}."
        return f"“{name}” begins{again}."

    def _events(self) -> Iterator[Consequence]:
        emitted = [each.pattern for each in self.decision.commands if isinstance(each, EmitEvent)]
        for pattern, count in Counter(emitted).items():
            yield _consequence("EVENT_EMITTED", f"Emits the event {pattern}.", name=pattern, count=count)

    def _end(self) -> Iterator[Consequence]:
        if self.ends_as is None:
            return
        after = " once that is done" if self.decision.instance.status is InstanceStatus.COMPENSATING else ""
        yield _consequence("RUN_ENDS", f"The run ends as {self.ends_as}{after}.", name=self.ends_as)

    def _name(self, step_id: str) -> str:
        return self.plan.steps[step_id].name if step_id in self.plan.steps else step_id

    def _type(self, step_id: str) -> str:
        return self.plan.steps[step_id].type if step_id in self.plan.steps else ""


def _consequence(
    kind: str, sentence: str, step_id: str | None = None, name: str | None = None, count: int | None = None
) -> Consequence:
    more = {"stepId": step_id, "name": name, "count": count}
    return {"kind": kind, "sentence": sentence} | {key: value for key, value in more.items() if value is not None}


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
