"""Dry runs: a definition played to its end on a virtual clock, with mocks for the outside world. Nothing is kept."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from apps.auth.access import require
from apps.auth.identifiers import uuid7
from apps.auth.models import User
from apps.validation.definitions.services import check
from apps.validation.durations import parse_duration
from apps.validation.problems import Unprocessable
from apps.validation.schemas import check_instance
from apps.workflows.engine.simulation import Mock, Simulation
from apps.workflows.kind import WORKFLOW
from apps.workflows.orchestrator.plans import UnknownTask, UnknownWorkflow, compile_definition


def dry_run(*, actor: User, document: dict[str, Any], start_input: Any, mocks: list[dict[str, Any]]) -> dict[str, Any]:
    """The path, data, events and timings of a run of ``document`` that only happens in memory.

    ``mocks`` as in test definitions: [{taskId | stepId | workflowId, response | error, action, delay, times}]. A
    task or sub-workflow without a mock leaves the run waiting, and is named in ``waitsAt``. Unprocessable when the document has errors, the input does not
    fit, or a mock is none.
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
    simulation = Simulation.begin(plan, instance_id=run_id, start_input=start_input, now=begin, mocks=answers)
    simulation.run()
    memory = simulation.memory
    return {
        "status": memory.instance.status.value,
        "path": simulation.path,
        "steps": simulation.steps(),
        "output": memory.instance.output,
        "error": memory.instance.error,
        "variables": memory.instance.variables,
        "events": [{"pattern": each.pattern, "payload": each.payload} for each in memory.events.values()],
        "waitsAt": simulation.unanswered,
        "seconds": (simulation.now - begin).total_seconds(),
        "history": memory.history,
    }
