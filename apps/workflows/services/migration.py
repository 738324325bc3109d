"""Moving a run to another version of its workflow, when its position is one that the other version has too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Max, Value, When
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.tasks.models import Task
from apps.validation.definitions.services import find_published
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.violations import Violation, pointer_to
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.run import Run, Unusable
from apps.workflows.engine.state import State
from apps.workflows.engine.transitions import TERMINAL, InstanceStatus
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import HistoryRecord, StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import live
from apps.workflows.orchestrator.load import head_of
from apps.workflows.rules.verdict import Finding, Judge, Standing, Verdict
from apps.workflows.selectors.instances import is_visible
from apps.workflows.selectors.versions import judge_of, misfits


@transaction.atomic
def migrate(*, actor: User, instance_id: UUID, version: str, mapping: Mapping[str, str], reason: str = "") -> None:
    """Pin a run to ``version``. ``mapping``: step of the present version → step of the new one, where they differ.

    NotFound, Conflict (the run is over), or Unprocessable with every position that has no place in the new version; then
    nothing has changed.
    """
    instance = WorkflowInstance.objects.select_for_update().filter(id=instance_id).first()
    if instance is None or not is_visible(actor, instance):
        raise NotFound(f"There is no run {instance_id}.")
    require(actor, "steer:instance", owner_id=instance.started_by_id)
    # What a run is undoing is written down by the steps of the version that did it.
    if InstanceStatus(instance.status) in TERMINAL | {InstanceStatus.COMPENSATING}:
        raise Conflict(f"A run that is {instance.status} cannot be migrated.")
    target = find_published(WORKFLOW, key=instance.workflow_id, version=version)
    if target.id == instance.definition_id:
        raise Conflict(f"The run is on {version} already.")
    judge = judge_of(instance.definition, target, mapping)
    if problems := _problems(judge, instance, target):
        message = f"The run cannot go on with {instance.workflow_id} {version}."
        raise Unprocessable(message, violations=problems)
    source, after = instance.definition_version, judge.after
    if mapping:
        # One statement, so that two steps may exchange their names.
        renaming = Case(*(When(step_id=old, then=Value(new)) for old, new in mapping.items()))
        StepExecution.objects.filter(instance_id=instance_id, step_id__in=mapping).update(step_id=renaming)
        Task.objects.filter(workflow_instance_id=instance_id, step_id__in=mapping).update(step_id=renaming)
    if moved := judge.branch_changes():
        numbers = Case(*(When(step_id=step_id, then=Value(branch)) for step_id, branch in moved.items()))
        active = StepExecution.objects.filter(instance_id=instance_id, status__in=StepExecution.ACTIVE)
        active.filter(step_id__in=moved).update(branch=numbers)
    instance.aliases = _aliases(instance.aliases, mapping, after)
    instance.visits = {_renamed(key, mapping): visits for key, visits in instance.visits.items()}
    # A step that the new version can enter again needs a counter from here on.
    looping = after.cyclic - instance.visits.keys()
    entered = StepExecution.objects.filter(instance_id=instance_id, step_id__in=looping, scope="")
    for row in entered.values("step_id").annotate(latest=Max("visit")):
        instance.visits[row["step_id"]] = row["latest"]
    initial = _new_variables(instance, judge)
    instance.variables |= initial
    instance.current_step_id = mapping.get(instance.current_step_id or "", instance.current_step_id)
    instance.definition, instance.definition_version = target, target.version
    data = {"from": source, "to": version, "mapping": dict(mapping), "reason": reason}
    entries: list[dict[str, Any]] = [{"type": "INSTANCE_MIGRATED", "data": data}]
    if initial:
        entries.append({"type": "VARIABLES_SET", "data": {"variables": initial}})
    first = instance.seq + 1
    instance.seq += len(entries)
    instance.version += 1
    instance.save()
    HistoryRecord.objects.create(
        instance_id=instance_id,
        first_seq=first,
        last_seq=instance.seq,
        entries=[{"seq": first + index, **entry} for index, entry in enumerate(entries)],
    )
    live.push_on_commit([(instance_id, instance.seq)])
    record_audit(
        actor=actor,
        action="workflow.migrate",
        resource="instance",
        resource_id=str(instance_id),
        details=data,
    )


def _aliases(before: Mapping[str, str], mapping: Mapping[str, str], after: Plan) -> dict[str, str]:
    """Which names the ids of executions are made of: what was done stays found, and nothing new takes its name."""
    aliases = {step_id: name for step_id, name in before.items() if step_id not in mapping}
    aliases |= {new: before.get(old, old) for old, new in mapping.items() if old != new}
    used = set(aliases.values())
    for step_id in after.steps:
        if step_id in used and step_id not in aliases:
            aliases[step_id] = f"{step_id}@{after.version}"
    return aliases


def _renamed(key: str, mapping: Mapping[str, str]) -> str:
    """The key of a counter of visits: a step's id, behind the scope it lies in if that is not the workflow's own."""
    scope, slash, step_id = key.rpartition("/")
    return scope + slash + mapping.get(step_id, step_id)


def _new_variables(instance: WorkflowInstance, judge: Judge) -> dict[str, Any]:
    """The first values of the variables that only the new version has."""
    fresh = {name: value for name, value in judge.after.variables.items() if name not in instance.variables}
    if not fresh or not StepExecution.objects.filter(instance_id=instance.id).exists():
        return {}  # a run that has not begun gets all of them when it does
    run = Run(judge.after, State(head_of(instance), {}, {}), timezone.now())
    try:
        return {name: run.evaluate(value) for name, value in fresh.items()}
    except (judge.after.language.error, Unusable) as error:
        violation = Violation("variable-unset", f"A new variable has no first value here: {error}")
        raise Unprocessable(f"The run cannot go on with {judge.after.version}.", violations=[violation]) from error


def _problems(judge: Judge, instance: WorkflowInstance, target: WorkflowDefinition) -> list[Violation]:
    """What keeps this one run from going on with the target; nothing for a run that can."""
    active = StepExecution.objects.filter(instance_id=instance.id, status__in=StepExecution.ACTIVE)
    steps = tuple(active.order_by("step_id").values_list("step_id", flat=True).distinct())
    standing = Standing(steps, misfits=misfits(instance.definition, target, instance.input))
    return [
        Violation(
            finding.code,
            f"{finding.step_id}: {finding.message}" if finding.step_id else finding.message,
            pointer_to("mapping", finding.step_id) if finding.step_id else "/version",
            hint=_hint(finding),
        )
        for finding in judge.findings(standing)
        if finding.verdict is not Verdict.COMPATIBLE
    ]


def _hint(finding: Finding) -> str:
    if finding.suggested:
        return f"Map it to {finding.suggested}."
    if finding.candidates:
        return "Map it to a step of the same type: " + ", ".join(finding.candidates) + "."
    return ""
