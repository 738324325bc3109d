"""Moving runs to another version of their workflow, where the rules of :mod:`apps.workflows.rules.verdict` allow it."""

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
from apps.events.matching import ANYTHING, keep_shapes
from apps.tasks.models import Task
from apps.validation.definitions.services import find_published
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.violations import Violation, pointer_to
from apps.workflows.engine import cancelling
from apps.workflows.engine.plan import Plan
from apps.workflows.engine.run import Run, Unusable
from apps.workflows.engine.state import ITEM, State, Subscribe, Unsubscribe, cancel_id
from apps.workflows.engine.transitions import TERMINAL, InstanceStatus
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import HistoryRecord, StepExecution, Subscription, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import live, subscriptions
from apps.workflows.orchestrator.load import head_of
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.orchestrator.subscriptions import OWNER
from apps.workflows.rules.verdict import Finding, Judge, Standing, Verdict
from apps.workflows.selectors.instances import is_visible
from apps.workflows.selectors.versions import judge_of, misfits

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

    NotFound, Conflict (the run is over), or Unprocessable with every position that has no place in the new version and
    everything that the run would fail on; then nothing has changed.
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
    source, before = instance.definition_version, plan_for(instance.definition_id)
    _move_executions(judge_of(instance.definition, target, mapping), instance_id)
    repin(instance, target, mapping)
    data = {"from": source, "to": version, "mapping": dict(mapping), "reason": reason, "requestedBy": actor.username}
    save_repinned(instance, data)
    _renew_waits(instance, before, plan_for(target.id), mapping)
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
    """The version, and everything that keeps the run from going on with it. NotFound, Conflict, Unprocessable."""
    target = find_published(WORKFLOW, key=instance.workflow_id, version=version)
    if target.id == instance.definition_id:
        raise Conflict(f"The run is on {version} already.")
    judge = judge_of(instance.definition, target, mapping)
    problems = _problems(judge, instance, target)
    return target, problems or _first_values(instance, judge.after)[1]


def repin(instance: WorkflowInstance, target: WorkflowDefinition, mapping: Mapping[str, str]) -> None:
    """Let a run's head be one of another version; the caller saves it, and has renamed its executions."""
    after = plan_for(target.id)
    instance.aliases = _aliases(instance.aliases, mapping, after)
    instance.visits = {_renamed(key, mapping): visits for key, visits in instance.visits.items()}
    # A step that the new version can enter again needs a counter from here on.
    looping = after.cyclic - instance.visits.keys()
    entered = StepExecution.objects.filter(instance_id=instance.pk, step_id__in=looping, scope="")
    for row in entered.values("step_id").annotate(latest=Max("visit")):
        instance.visits[row["step_id"]] = row["latest"]
    instance.current_step_id = mapping.get(instance.current_step_id or "", instance.current_step_id)
    instance.definition, instance.definition_version = target, target.version


def save_repinned(instance: WorkflowInstance, data: dict[str, Any]) -> None:
    """Save a run that was pinned to another version, with its history. Variables that are new get their first value."""
    initial, problems = _first_values(instance, plan_for(instance.definition_id))
    if problems:
        raise Unprocessable(f"The run cannot go on with {instance.definition_version}.", violations=problems)
    entries: list[dict[str, Any]] = [{"type": "INSTANCE_MIGRATED", "data": data}]
    if initial:
        instance.variables |= initial
        entries.append({"type": "VARIABLES_SET", "data": {"variables": initial}})
    first = instance.seq + 1
    instance.seq += len(entries)
    instance.version += 1
    instance.save()
    HistoryRecord.objects.create(
        instance_id=instance.pk,
        first_seq=first,
        last_seq=instance.seq,
        entries=[{"seq": first + index, **entry} for index, entry in enumerate(entries)],
    )
    live.push_on_commit([(instance.pk, instance.seq)])


def _move_executions(judge: Judge, instance_id: UUID) -> None:
    """Name what the run did, and number the branches it stands in, as the new version does."""
    rows = StepExecution.objects.filter(instance_id=instance_id)
    if judge.mapping:
        # One statement, so that two steps may exchange their names.
        renaming = Case(*(When(step_id=old, then=Value(new)) for old, new in judge.mapping.items()))
        rows.filter(step_id__in=judge.mapping).update(step_id=renaming)
        waits = Case(*(When(wait_step_id=old, then=Value(new)) for old, new in judge.mapping.items()))
        Subscription.objects.filter(instance_id=instance_id, wait_step_id__in=judge.mapping).update(wait_step_id=waits)
        Task.objects.filter(workflow_instance_id=instance_id, step_id__in=judge.mapping).update(step_id=renaming)
    if moved := judge.branch_changes():
        numbers = Case(*(When(step_id=step_id, then=Value(branch)) for step_id, branch in moved.items()))
        # The row of an item bears its step's name, and its place among the items for a branch.
        moving = rows.filter(status__in=StepExecution.ACTIVE, step_id__in=moved).exclude(visit=ITEM)
        moving.update(branch=numbers)


def _renew_waits(instance: WorkflowInstance, before: Plan, after: Plan, mapping: Mapping[str, str]) -> None:
    """Let the run be cancelled by the events that the new version names, and be found where a condition is another now."""
    waits = Subscription.objects.filter(instance_id=instance.pk, status=Subscription.Status.ACTIVE, purpose="wait")
    for old in (each for each in before.steps.values() if each.type == "EVENT_WAIT"):
        new = after.steps.get(mapping.get(old.step_id, old.step_id))
        if new is not None and new.condition_text != old.condition_text:
            # What the new one demands to be equal is not worked out anew: every event of the pattern is judged.
            rows = waits.filter(wait_step_id=new.step_id)
            rows.update(filter_condition=new.condition_text, correlation={}, correlation_key=ANYTHING)
            keep_shapes(OWNER, [(old.pattern, ())])
    if instance.status == InstanceStatus.CREATED or not (before.cancels or after.cancels):
        return
    ids = [cancel_id(instance.pk, index) for index in range(len(before.cancels))]
    run = Run(after, State(head_of(instance), {}, {}), timezone.now())
    cancelling.subscribe(run)
    subscriptions.close([Unsubscribe(id_, "cancelled") for id_ in ids])
    subscriptions.begin([(instance.pk, each) for each in run.decision().commands if isinstance(each, Subscribe)])


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


def _first_values(instance: WorkflowInstance, after: Plan) -> tuple[dict[str, Any], list[Violation]]:
    """The first values of the variables that only the new version has, or why they cannot be computed."""
    fresh = {name: value for name, value in after.variables.items() if name not in instance.variables}
    if not fresh or instance.status == InstanceStatus.CREATED:
        return {}, []  # a run that has not begun gets all of them when it does
    run = Run(after, State(head_of(instance), {}, {}), timezone.now())
    try:
        return {name: run.evaluate(value) for name, value in fresh.items()}, []
    except (after.language.error, Unusable) as error:
        message = f"A new variable has no first value here: {error}"
        return {}, [Violation("variable-unset", message, "/version")]


def _problems(judge: Judge, instance: WorkflowInstance, target: WorkflowDefinition) -> list[Violation]:
    """What keeps this one run from going on with the target; nothing for a run that can."""
    active = StepExecution.objects.filter(instance_id=instance.pk, status__in=StepExecution.ACTIVE)
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
