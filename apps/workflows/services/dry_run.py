"""Dry runs: a definition played to its end on a virtual clock, with mocks for the outside world. Nothing is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.auth.access import require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.tasks.executors.checks import check_input, check_output
from apps.tasks.executors.plans import TaskDefinitionPlan, plans_by_id
from apps.validation.definitions.services import check
from apps.validation.durations import parse_duration
from apps.validation.problems import Unprocessable
from apps.validation.schemas import check_instance
from apps.workflows.engine.simulation import Asked, Mock, Simulation
from apps.workflows.engine.state import OpenHumanTask, RunTask, StartChild
from apps.workflows.kind import WORKFLOW
from apps.workflows.orchestrator.plans import UnknownTask, UnknownWorkflow, compile_definition
from apps.workflows.selectors.effects import Report
from apps.workflows.selectors.mocks import answer_of, child_output, output_of

LISTED = 2_000
"""Of everything that is told one by one, at most so many: a run may go on for as long as its budget lasts."""


def dry_run(
    *,
    actor: User,
    document: dict[str, Any],
    start_input: Any,
    mocks: list[dict[str, Any]],
    examples: bool = False,
) -> dict[str, Any]:
    """The path, data, tasks, events, timings and outside effects of a run of ``document`` that only happens in memory.

    ``mocks`` as in test definitions: [{taskId | stepId | workflowId, response | error, action, delay, times}]; one for a step that
    waits for an event gives its payload. What no mock answers leaves the run waiting and is named in ``waitsAt``; with
    ``examples`` it is answered by an example of what its schema asks for. Inputs and mocked outputs are held against the
    tasks' schemas, as live. Unprocessable when the document has errors, the input does not fit, or a mock is none.
    """
    require(actor, "design:workflow")
    errors = [each for each in check(WORKFLOW, document) if each.severity == "error"]
    if errors:
        raise Unprocessable("The definition has errors.", violations=errors)
    schema = document.get("inputSchema")
    if schema is not None and (violations := check_instance(schema, start_input, "/input")):
        raise Unprocessable("The input does not fit what the workflow asks for.", violations=violations)
    begin = timezone.now()
    run_id = uuid7()
    try:
        plan = compile_definition({"version": "1.0.0", **document}, run_id, {})
        answers = [Mock.of(mock, parse_duration) for mock in mocks]
    except (UnknownTask, UnknownWorkflow, ValueError) as error:
        raise Unprocessable(str(error)) from error
    tasks = plans_by_id({step.task.definition_id for step in plan.steps.values() if step.task})
    simulation = Simulation.begin(
        plan,
        instance_id=run_id,
        start_input=start_input,
        now=begin,
        mocks=answers,
        answer=partial(_answer, tasks, examples),
    )
    simulation.run()
    return _told(simulation, begin, Report(simulation, tasks))


def _answer(tasks: dict[UUID, TaskDefinitionPlan], examples: bool, asked: Asked) -> Mock | None:
    """What a worker would refuse fails here too; what nobody answers gets an example, if that is wanted."""
    definition = tasks.get(asked.work.definition_id) if asked.work and asked.work.definition_id else None
    if isinstance(asked.work, RunTask) and definition is not None:
        given = asked.mock if asked.mock is not None and asked.mock.error is None else None
        refused = check_input(definition, asked.input)
        if refused is None and given is not None:
            refused = check_output(definition, given.output)
        if refused is not None:
            error = {**refused.as_json(), "retryable": refused.retryable}
            return Mock(asked.step_id, error=error, delay=given.delay if given is not None else timedelta())
    if asked.mock is None and examples:
        if isinstance(asked.work, OpenHumanTask):
            found = answer_of(asked.work.manual)
            return Mock(asked.step_id, output=found["response"], outcome=found["action"])
        if isinstance(asked.work, StartChild):
            return Mock(asked.step_id, output=child_output(asked.work.definition_id))
        return Mock(asked.step_id, output=output_of(definition) if asked.work else {})
    return None


def _told(simulation: Simulation, begin: datetime, report: Report) -> dict[str, Any]:
    memory = simulation.memory
    visits = sorted(memory.executions.values(), key=lambda each: (each.started_at or begin, each.seq))
    return {
        "status": memory.instance.status.value,
        "path": simulation.path[:LISTED],
        "steps": simulation.steps(),
        "output": memory.instance.output,
        "error": memory.instance.error,
        "variables": memory.instance.variables,
        "tasks": report.tasks(LISTED),
        "events": report.events(LISTED),
        "effects": report.effects(LISTED),
        "timings": [
            {
                "stepId": each.step_id,
                "visit": each.visit,
                "status": each.status.value,
                "attempts": each.attempt,
                "startedAt": each.started_at,
                "completedAt": each.completed_at,
                "seconds": ((each.completed_at or simulation.now) - (each.started_at or begin)).total_seconds(),
            }
            for each in visits[:LISTED]
        ],
        "waitsAt": simulation.unanswered,
        "startedAt": begin,
        "seconds": (simulation.now - begin).total_seconds(),
        "history": memory.history[:LISTED],
    }
