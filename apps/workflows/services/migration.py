"""Moving a run to another version of its workflow, when its position is one that the other version has too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Max, Value, When

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.definitions.services import find_published
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.violations import Violation
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.transitions import TERMINAL, InstanceStatus
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import HistoryRecord, StepExecution, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import live
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.selectors.instances import is_visible

from .acting import within


@transaction.atomic
def migrate(
    *,
    actor: User,
    instance_id: UUID,
    version: str,
    mapping: Mapping[str, str],
    reason: str = "",
    bulk_id: UUID | None = None,
) -> None:
    """Pin a run to ``version``. ``mapping``: step of the present version → step of the new one, where they differ.

    NotFound, Conflict (the run is over), or Unprocessable with every position that has no place in the new version; then
    nothing has changed.
    """
    instance = WorkflowInstance.objects.select_for_update().filter(id=instance_id).first()
    if instance is None or not is_visible(actor, instance):
        raise NotFound(f"There is no run {instance_id}.")
    require(actor, "steer:instance", owner_id=instance.started_by_id)
    allow_migration(instance)
    target, problems = verdict(instance, version, mapping)
    if problems:
        message = f"The run cannot go on with {instance.workflow_id} {version}."
        raise Unprocessable(message, violations=problems)
    source = instance.definition_version
    if mapping:
        # One statement, so that two steps may exchange their names.
        renaming = Case(*(When(step_id=old, then=Value(new)) for old, new in mapping.items()))
        StepExecution.objects.filter(instance_id=instance_id, step_id__in=mapping).update(step_id=renaming)
    repin(instance, target, mapping)
    data = {"from": source, "to": version, "mapping": dict(mapping), "reason": reason, "requestedBy": actor.username}
    save_repinned(instance, data)
    record_audit(
        actor=actor,
        action="workflow.migrate",
        resource="instance",
        resource_id=str(instance_id),
        details={**data, **within(bulk_id)},
    )


MIGRATABLE = frozenset(InstanceStatus) - TERMINAL - {InstanceStatus.COMPENSATING}
"""What a run is undoing is written down by the steps of the version that did it."""


def allow_migration(instance: WorkflowInstance) -> None:
    """Conflict unless the run is in a status in which it can go on with another version."""
    status = InstanceStatus(instance.status)
    if status not in MIGRATABLE:
        raise Conflict(refusal(status))


def refusal(status: InstanceStatus) -> str:
    """Why a run in this status cannot be migrated, and what could be done instead."""
    remedy = "Its undoing has to end first." if status not in TERMINAL else "It is over."
    if status in (InstanceStatus.FAILED, InstanceStatus.CANCELLED):
        remedy = "It is over; retry it on the other version."
    return f"A run that is {status.value} cannot be migrated. {remedy}"


def verdict(
    instance: WorkflowInstance, version: str, mapping: Mapping[str, str]
) -> tuple[WorkflowDefinition, list[Violation]]:
    """The version, and everything that keeps the run from going on with it. NotFound, Conflict: there is none such."""
    target = find_published(WORKFLOW, key=instance.workflow_id, version=version)
    active = list(StepExecution.objects.filter(instance_id=instance.pk, status__in=StepExecution.ACTIVE))
    return target, _problems(active, plan_for(instance.definition_id), plan_for(target.id), mapping)


def repin(instance: WorkflowInstance, target: WorkflowDefinition, mapping: Mapping[str, str]) -> None:
    """Let a run's head be one of another version; the caller saves it, and has renamed its executions."""
    after = plan_for(target.id)
    instance.aliases = _aliases(instance.aliases, mapping, after)
    instance.visits = {mapping.get(step_id, step_id): visits for step_id, visits in instance.visits.items()}
    # A step that the new version can enter again needs a counter from here on.
    looping = after.cyclic - instance.visits.keys()
    entered = StepExecution.objects.filter(instance_id=instance.pk, step_id__in=looping, scope="")
    for row in entered.values("step_id").annotate(latest=Max("visit")):
        instance.visits[row["step_id"]] = row["latest"]
    instance.current_step_id = mapping.get(instance.current_step_id or "", instance.current_step_id)
    instance.definition, instance.definition_version = target, target.version


def save_repinned(instance: WorkflowInstance, data: dict[str, Any]) -> None:
    """Save a run that was pinned to another version, with its history entry."""
    instance.seq += 1
    instance.version += 1
    instance.save()
    HistoryRecord.objects.create(
        instance_id=instance.pk,
        first_seq=instance.seq,
        last_seq=instance.seq,
        entries=[{"seq": instance.seq, "type": "INSTANCE_MIGRATED", "data": data}],
    )
    live.push_on_commit([(instance.pk, instance.seq)])


def _aliases(before: Mapping[str, str], mapping: Mapping[str, str], after: Plan) -> dict[str, str]:
    """Which names the ids of executions are made of: what was done stays found, and nothing new takes its name."""
    aliases = {step_id: name for step_id, name in before.items() if step_id not in mapping}
    aliases |= {new: before.get(old, old) for old, new in mapping.items() if old != new}
    used = set(aliases.values())
    for step_id in after.steps:
        if step_id in used and step_id not in aliases:
            aliases[step_id] = f"{step_id}@{after.version}"
    return aliases


def _problems(active: list[StepExecution], before: Plan, after: Plan, mapping: Mapping[str, str]) -> list[Violation]:
    found = [
        Violation("unknown-step", f"{name} is no step of this version.", f"/mapping/{name}")
        for name in mapping
        if name not in before.steps
    ]
    taken = [*mapping.values(), *(step_id for step_id in before.steps if step_id not in mapping)]
    found += [
        Violation("mapped-twice", f"More than one step would become {name}.", f"/mapping/{step_id}")
        for step_id, name in mapping.items()
        if taken.count(name) > 1
    ]
    for execution in active:
        old = before.steps[execution.step_id]
        wanted = mapping.get(old.step_id, old.step_id)
        new = after.steps.get(wanted)
        parent = None if old.parent is None else mapping.get(old.parent, old.parent)
        hint = ""
        if new is None:
            message = f"The run stands at {old.step_id}; the new version has no step {wanted}."
            hint = "Map it to a step of the same type: " + ", ".join(
                each.step_id for each in after.steps.values() if each.type == old.type
            )
        elif new.type != old.type or new.parent != parent:
            message = (
                f"The run stands at {old.step_id}, a {old.type}; {wanted} is a {new.type} elsewhere in the workflow."
            )
        elif len(new.branches) != len(old.branches):
            message = f"The run stands in {old.step_id}, whose branches differ in the new version."
        else:
            continue
        found.append(Violation("position-lost", message, f"/mapping/{old.step_id}", hint=hint))
    return found
