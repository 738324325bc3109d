"""What a simulated run asked of the outside world: tasks, calls, events, people; credentials are never told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.tasks.assignment import Assignment, resolve_many
from apps.tasks.executors.base import TaskCall
from apps.tasks.executors.effects import call_of
from apps.tasks.executors.plans import TaskDefinitionPlan
from apps.tasks.models import Priority
from apps.workflows.engine.items_told import inside_items
from apps.workflows.engine.simulation import Asked, Simulation
from apps.workflows.engine.state import OpenHumanTask, RunTask, StartChild

from .cancelled_by import cancelled_by
from .instances import usernames

EXAMPLES = 3
"""Of what each item of a FOR_EACH does, so many are told one by one; of the others, how many there are."""


class Report:
    """Reads a simulation that has been run. ``tasks``: the task definitions of its plan."""

    def __init__(self, simulation: Simulation, tasks: Mapping[UUID, TaskDefinitionPlan]) -> None:
        self._simulation, self._definitions = simulation, tasks
        self._begin = simulation.memory.instance.started_at
        executions = simulation.memory.executions
        self._inside = inside_items((each.id, each.parent_id, each.is_item) for each in executions.values())
        self._human = [each for each in simulation.asked if isinstance(each.work, OpenHumanTask)]
        self._people = self._assignments()
        ids = {each.assignee_id for each in self._people.values()}
        self._names = usernames(ids)

    def _assignments(self) -> dict[int, Assignment]:
        """Who would get each person's task: names are looked up as live, with a few queries for all of them."""
        works = [each.work for each in self._human]
        manual = [work.manual for work in works if isinstance(work, OpenHumanTask)]
        found = resolve_many(manual, now=self._begin)
        return {id(asked): assignment for asked, assignment in zip(self._human, found, strict=True)}

    def tasks(self, limit: int) -> list[dict[str, Any]]:
        """Each attempt of each task, in order."""
        works = [asked for asked in self._simulation.asked if isinstance(asked.work, RunTask | OpenHumanTask)]
        return [self._task(asked) for asked in works[:limit]]

    def events(self, limit: int) -> list[dict[str, Any]]:
        """Every event that would be recorded, in order."""
        memory = self._simulation.memory
        emitted = [entry for entry in memory.history if entry["type"] == "EVENT_EMITTED"]
        return [
            {
                "pattern": entry["data"]["pattern"],
                "payload": memory.events[entry["data"]["eventId"]].payload,
                "stepId": entry.get("stepId"),
                "at": entry["at"],
            }
            for entry in emitted[:limit]
        ]

    def effects(self, limit: int) -> dict[str, Any]:
        """{sentence, calls, tasks, children, events, each, cancelledBy}.

        ``each``: [{stepId, kind: CALL | TASK | CHILD | EVENT, items, count, sentence}], what the items of a FOR_EACH do at one of
        its steps; of that only a few are among the calls, tasks and children.
        """
        asked = self._simulation.asked
        calls = [each for each in asked if isinstance(each.work, RunTask) and self._calls_out(each)]
        children = [each for each in asked if isinstance(each.work, StartChild)]
        events = self.events(limit)
        said = [
            _count(len(calls), "outside call"),
            _count(len(self._human), "task for people", "tasks for people"),
            _count(len(children), "run of another workflow", "runs of other workflows"),
            _count(len(self._simulation.memory.events), "event"),
        ]
        verbs = ["make", "open", "start", "emit"]
        parts = [f"{verb} {each}" for verb, each in zip(verbs, said, strict=True) if not each.startswith("0 ")]
        return {
            "sentence": f"Live it would {_listed(parts)}." if parts else "Live it would do nothing outside itself.",
            "calls": [self._call(each) for each in self._few(calls)[:limit]],
            "tasks": [self._for_people(each) for each in self._few(self._human)[:limit]],
            "children": [_child(each) for each in self._few(children)[:limit]],
            "events": [{name: each[name] for name in ("pattern", "stepId", "at")} for each in events],
            "each": [
                *self._by_items("CALL", calls),
                *self._by_items("TASK", self._human),
                *self._by_items("CHILD", children),
                *self._events_by_items(),
            ],
            "cancelledBy": cancelled_by(self._simulation.plan),
        }

    def _few(self, asked: list[Asked]) -> list[Asked]:
        """All outside of items; of each step inside items the first."""
        seen: Counter[str] = Counter()
        found = []
        for each in asked:
            if each.execution_id in self._inside:
                seen[each.step_id] += 1
                if seen[each.step_id] > EXAMPLES:
                    continue
            found.append(each)
        return found

    def _by_items(self, kind: str, asked: list[Asked]) -> list[dict[str, Any]]:
        grouped: dict[str, list[Asked]] = {}
        for each in asked:
            if each.execution_id in self._inside:
                grouped.setdefault(each.step_id, []).append(each)
        return [
            _of_items(kind, step_id, len({self._item_of(each.execution_id) for each in found}), len(found))
            for step_id, found in grouped.items()
        ]

    def _events_by_items(self) -> list[dict[str, Any]]:
        grouped: dict[str, list[UUID]] = {}
        for entry in self._simulation.memory.history:
            if entry["type"] == "EVENT_EMITTED" and entry.get("executionId") in self._inside:
                grouped.setdefault(entry["stepId"], []).append(entry["executionId"])
        return [
            _of_items("EVENT", name, len({self._item_of(id_) for id_ in ids}), len(ids))
            for name, ids in grouped.items()
        ]

    def _item_of(self, execution_id: UUID) -> UUID:
        """The innermost item that it is done for."""
        executions = self._simulation.memory.executions
        execution = executions[execution_id]
        while execution.parent_id is not None and not execution.is_item:
            execution = executions[execution.parent_id]
        return execution.id

    def _definition(self, asked: Asked) -> TaskDefinitionPlan | None:
        definition_id = None if asked.work is None or isinstance(asked.work, StartChild) else asked.work.definition_id
        return None if definition_id is None else self._definitions.get(definition_id)

    def _calls_out(self, asked: Asked) -> bool:
        definition = self._definition(asked)
        return definition is not None and definition.kind != "EXPRESSION" and not _refused_before(asked)

    def _task(self, asked: Asked) -> dict[str, Any]:
        definition, mock = self._definition(asked), asked.mock
        told: dict[str, Any] = {
            "stepId": asked.step_id,
            "visit": asked.visit,
            "attempt": asked.attempt,
            "kind": definition.type if definition else "MANUAL",
            "taskId": definition.key if definition else None,
            "input": asked.input,
            "at": asked.at,
            "seconds": (asked.at - self._begin).total_seconds(),
            "answer": None if mock is None or mock.error else {"output": mock.output, "outcome": mock.outcome},
            "answeredAt": asked.answered_at,
            "error": None if mock is None else mock.error,
        }
        if id(asked) in self._people:
            told["person"] = self._person(asked)
        return told

    def _person(self, asked: Asked) -> dict[str, Any]:
        assignment = self._people[id(asked)]
        return {
            "title": assignment.title,
            "description": assignment.description,
            "assignee": self._names.get(assignment.assignee_id) if assignment.assignee_id else None,
            "candidateUsers": assignment.candidate_users,
            "candidateGroups": assignment.candidate_groups,
            "dueAt": self._due(asked, assignment),
            "priority": Priority(assignment.priority).name,
            "actions": assignment.actions,
            "problem": assignment.manual.get("assignmentProblem"),
        }

    def _due(self, asked: Asked, assignment: Assignment) -> datetime | None:
        """``dueIn`` counts from when the task is opened, which on the virtual clock may be later than the beginning."""
        assert isinstance(asked.work, OpenHumanTask)
        if assignment.due_at is None or asked.work.manual.get("dueAt"):
            return assignment.due_at
        return assignment.due_at + (asked.at - self._begin)

    def _for_people(self, asked: Asked) -> dict[str, Any]:
        person = self._person(asked)
        names = [person["assignee"]] if person["assignee"] else person["candidateUsers"] + person["candidateGroups"]
        return {
            "stepId": asked.step_id,
            "at": asked.at,
            "title": person["title"],
            "for": names,
            "dueAt": person["dueAt"],
        }

    def _call(self, asked: Asked) -> dict[str, Any]:
        definition = self._definition(asked)
        assert definition is not None
        run_id = self._simulation.memory.instance.id
        call = TaskCall(asked.execution_id, asked.attempt, definition, asked.input, run_id, now=asked.at)
        return {
            "stepId": asked.step_id,
            "taskId": definition.key,
            "attempt": asked.attempt,
            "at": asked.at,
            **call_of(definition, call),
        }


def _child(asked: Asked) -> dict[str, Any]:
    assert isinstance(asked.work, StartChild)
    return {
        "stepId": asked.step_id,
        "workflowId": asked.work.workflow_id,
        "version": asked.work.version,
        "input": asked.input,
        "at": asked.at,
        "wait": asked.work.wait,
    }


_DOES = {
    "CALL": ("makes", "make", "call"),
    "TASK": ("opens", "open", "task"),
    "CHILD": ("starts", "start", "run"),
    "EVENT": ("emits", "emit", "event"),
}


def _of_items(kind: str, step_id: str, items: int, count: int) -> dict[str, Any]:
    one, many, noun = _DOES[kind]
    sentence = f"{items:,} items {many} {_count(count, noun)}."
    if count % items == 0:
        each = "1 item" if items == 1 else f"Each of {items:,} items"
        sentence = f"{each} {one} {_count(count // items, noun)}."
    return {"stepId": step_id, "kind": kind, "items": items, "count": count, "sentence": sentence}


def _refused_before(asked: Asked) -> bool:
    """Whether the task fails on its own input, before any call is made."""
    return asked.mock is not None and (asked.mock.error or {}).get("code") == "INPUT_INVALID"


def _count(number: int, word: str, words: str = "") -> str:
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
