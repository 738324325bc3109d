"""What a verb would do to a run, computed by the engine that would do it, from what is stored. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.auth.models import User
from apps.validation.problems import Conflict, NotFound, Problem, Unprocessable
from apps.validation.violations import Violation
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.state import Decision, Execution, Signal
from apps.workflows.engine.steering import Refused
from apps.workflows.engine.transitions import IllegalSignal, InstanceStatus, SignalKind, StepStatus
from apps.workflows.models import InboxSignal, StepExecution, WorkflowInstance
from apps.workflows.orchestrator import load, wave
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.selectors.consequences import Foreseen
from apps.workflows.selectors.instances import latest_visits

from . import instances, migration, steering
from .acting import allow, refusal, steerable, unprocessable
from .verbs import keywords


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the engine is asked, about ``row`` as it would be then."""

    row: WorkflowInstance
    signals: list[Signal]
    step: str = ""
    warnings: tuple[Violation, ...] = ()
    version: str | None = None


@transaction.atomic
def preview(*, actor: User, instance_id: UUID, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """{operation, allowed, refusal, sentence, consequences, endsAs, violations} of a verb with these arguments.

    ``arguments`` as the verb's route takes them. Who may not use the verb gets its NotFound or AccessDenied; what the
    run's state or the arguments do not allow is an answer: ``allowed`` false, with the reason.
    """
    found = steerable(actor, instance_id)
    given = keywords(operation, arguments)
    try:
        if operation == "migrate":
            return _migration(found, given)
        asked = _ask(actor, found, operation, given)
        row = asked.row
        decision = wave.foresee(
            load.head_of(row), row.definition_id, asked.signals, timezone.now(), concurrency_key=row.concurrency_key
        )
        if operation == "signal" and not decision.history and not decision.held:
            raise Conflict(instances.not_taken(arguments["name"]))
    except IllegalSignal as error:
        return _refused(operation, Conflict(refusal(error.status, error.signal)))
    except (Refused, wave.EventRefused) as error:
        return _refused(operation, unprocessable(error))
    except (Conflict, Unprocessable, NotFound) as problem:
        return _refused(operation, problem)
    plan = plan_for(asked.row.definition_id)
    visits = latest_visits(plan, load.head_of(asked.row))
    answered = _answered(visits, plan) if operation == "retry" else []
    foreseen = Foreseen(found, plan, decision, {each.step_id for each in visits}, answered)
    consequences = foreseen.consequences()
    if asked.version is not None:
        sentence = f"The run goes on with version {asked.version}."
        consequences.insert(0, {"kind": "KEPT", "sentence": sentence, "name": asked.version})
    return {
        "operation": operation,
        "allowed": True,
        "refusal": None,
        "sentence": _sentence(operation, asked, plan, decision, foreseen.ends_as),
        "consequences": consequences,
        "endsAs": foreseen.ends_as,
        "violations": [each.as_json() for each in asked.warnings],
    }


def _ask(actor: User, found: WorkflowInstance, operation: str, arguments: dict[str, Any]) -> _Asked:
    match operation:
        case "cancel":
            reason, undo = arguments.get("reason", ""), arguments.get("should_compensate", False)
            return _Asked(found, [instances.cancel_signal(actor, reason, undo)])
        case "suspend" | "resume":
            return _Asked(found, [Signal(SignalKind(operation.upper()))])
        case "signal":
            allow(found, SignalKind.EVENT)
            name, payload = arguments["name"], arguments.get("payload", {})
            return _Asked(found, instances.event_signals(actor, found, name, payload))
        case "skip":
            prepared = steering.prepare_skip(actor, found, **arguments)
        case "move":
            prepared = steering.prepare_move(actor, found, **arguments)
        case _:
            # It is pinned to the version it would go on with; what is shown of it is read before that.
            row = WorkflowInstance.objects.get(pk=found.pk)
            prepared = steering.prepare_retry(actor, row, **arguments)
            version = None if prepared.target is None else prepared.target.version
            return _Asked(row, [prepared.signal], prepared.step.step_id, (), version)
    return _Asked(found, [prepared.signal], prepared.step.step_id, prepared.warnings)


def _sentence(operation: str, asked: _Asked, plan: Plan, decision: Decision, ends_as: str | None) -> str:
    """The whole of it in one sentence."""
    if operation == "suspend":
        return "The run rests until somebody resumes it; what comes in meanwhile is kept."
    if operation == "resume":
        kept = InboxSignal.objects.filter(instance_id=asked.row.pk, held=True).count()
        taken = f" Takes in {kept} result{'s' if kept > 1 else ''} that came meanwhile." if kept else ""
        return f"The run goes on where it was.{taken}"
    undoing = decision.instance.status is InstanceStatus.COMPENSATING and ends_as is not None
    if operation == "cancel":
        return (
            f"The run undoes what it has done, and then ends as {ends_as}."
            if undoing
            else f"The run ends as {ends_as}."
        )
    if decision.held:
        return "The run is suspended; it takes the event once it is resumed."
    step = plan.steps[asked.step].name if asked.step else ""
    leads = {
        "skip": f"The run passes over “{step}”",
        "move": f"The run leaves “{step}”",
        "retry": f"The run goes on from “{step}”",
        "signal": "The run takes the event",
    }
    places = [
        plan.steps[each.step_id].name
        for each in decision.new
        if each.active and plan.steps[each.step_id].type != "PARALLEL"
    ]
    if undoing:
        end = f", undoes what it has done, and then ends as {ends_as}."
    elif ends_as is not None:
        end = f" and ends as {ends_as}."
    elif places and places != [step]:
        end = " and then stands at " + ", ".join(f"“{each}”" for each in places[:5]) + "."
    else:
        end = "."
    return leads[operation] + end


def _answered(visits: Sequence[StepExecution], plan: Plan) -> list[Execution]:
    """The steps that people have answered, the latest visit of each."""
    asks = {each.step_id for each in plan.steps.values() if each.manual is not None}
    return [
        Execution(each.id, each.step_id, each.visit, StepStatus.COMPLETED, outcome=each.outcome)
        for each in visits
        if each.step_id in asks and each.status == StepStatus.COMPLETED
    ]


def _migration(found: WorkflowInstance, arguments: Mapping[str, Any]) -> dict[str, Any]:
    version, mapping = arguments["version"], arguments.get("mapping") or {}
    migration.allow_migration(found)
    target, problems = migration.verdict(found, version, mapping)
    if problems:
        message = f"The run cannot go on with {found.workflow_id} {version}."
        raise Unprocessable(message, violations=problems)
    plan = plan_for(target.id)
    kept = []
    for each in StepExecution.objects.filter(instance_id=found.pk, status__in=StepExecution.ACTIVE)[:20]:
        step = plan.steps[mapping.get(each.step_id, each.step_id)]
        renamed = "" if step.step_id == each.step_id else f", until now {each.step_id}"
        sentence = f"The run stays where it is: at “{step.name}”{renamed}."
        kept.append({"kind": "KEPT", "stepId": step.step_id, "name": step.name, "sentence": sentence})
    return {
        "operation": "migrate",
        "allowed": True,
        "refusal": None,
        "sentence": f"The run goes on with version {target.version} instead of {found.definition_version}.",
        "consequences": kept,
        "endsAs": None,
        "violations": [],
    }


def _refused(operation: str, problem: Problem) -> dict[str, Any]:
    hints = [each.hint for each in problem.violations if each.hint and each.hint not in problem.detail]
    return {
        "operation": operation,
        "allowed": False,
        "refusal": " ".join([problem.detail, *hints[:3]]),
        "sentence": problem.detail,
        "consequences": [],
        "endsAs": None,
        "violations": [each.as_json() for each in problem.violations],
    }
