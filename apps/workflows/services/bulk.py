"""One verb on many runs.

1. ``begin`` fixes the runs: their ids become items, so that a run started later is not swept in.
2. A job takes a batch: it locks the operation (so one worker is at it), does the verb to each run of the batch in a savepoint
   of its own, and commits batch and counts together. A worker that dies leaves the batch undone, and the next one takes it.
3. Rights are asked for each run, as the person has them at that time; each act is audited with the operation's id.

Lock order: the operation, then runs in the order of their ids.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import kombu.exceptions
import structlog
from celery import current_app
from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.auth.access import AccessDenied, permitted_scopes
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.failpoints import failpoint
from apps.validation.problems import Conflict, Problem, Unprocessable
from apps.validation.violations import Violation, pointer_to
from apps.workflows.engine.transitions import InstanceStatus
from apps.workflows.models import BulkItem, BulkOperation, WorkflowInstance
from apps.workflows.selectors.bulk import counts_by_status, find_bulk, matching, steerable_of
from apps.workflows.selectors.instances import visible_instances

from .verbs import VERBS, Verb, keywords

log = structlog.get_logger(__name__)

JOB = "apps.workflows.jobs.bulk"
MAX_RUNS = 100_000
MAX_NAMED = 10_000
BATCH = 20
"""Runs of one transaction: few, for their rows stay locked until its end."""

PATIENCE = ("1s", "3s")
"""How long a batch waits for a run that somebody else holds, and how long one that is alone in its batch."""

IDLE_SECONDS = 2.0
"""An operation that nobody has worked on for so long is rung for again."""


@transaction.atomic
def begin(
    *,
    actor: User,
    operation: str,
    arguments: Mapping[str, Any] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - as the API calls it
    ids: Sequence[UUID] | None = None,
    reason: str = "",
) -> BulkOperation:
    """Begin to do ``operation`` to the runs of ``filter``, or to those named; workers go on with it.

    ``arguments`` and ``filter`` as the API writes them. Of a filter's runs those are taken that the actor may steer and
    whose status allows the verb; of named ones all, and what cannot be done is told as a problem. AccessDenied for who
    may steer no run at all, Unprocessable for arguments, filters or numbers that do not fit.
    """
    arguments = dict(arguments or {})
    verb = _checked(actor, operation, arguments, filter, ids)
    stored = None if filter is None else {name: _plain(value) for name, value in filter.items()}
    bulk = BulkOperation.objects.create(
        operation=operation, arguments=arguments, filter=stored, reason=reason, requested_by=actor
    )
    if ids is not None:
        items = [BulkItem(operation_id=bulk.pk, instance_id=each) for each in sorted(set(ids))]
        BulkItem.objects.bulk_create(items, batch_size=1_000)
        bulk.total = len(items)
    else:
        assert filter is not None
        bulk.total = _take(bulk, steerable_of(actor, matching(actor, filter)).filter(status__in=_statuses(verb)))
    if not bulk.total:
        bulk.status, bulk.completed_at = BulkOperation.Status.COMPLETED, Now()
    bulk.save()
    bulk.refresh_from_db()
    details = {"operation": operation, "filter": stored, "total": bulk.total, "reason": reason}
    record_audit(actor=actor, action="workflow.bulk", resource="bulk", resource_id=str(bulk.pk), details=details)
    transaction.on_commit(ring)
    return bulk


def preview(
    *,
    actor: User,
    operation: str,
    arguments: Mapping[str, Any] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - as the API calls it
    ids: Sequence[UUID] | None = None,
) -> dict[str, Any]:
    """{matched, allowed, refused: [{status, count, sentence}], sentence}: what ``begin`` would take in. Raises as it does."""
    verb = _checked(actor, operation, dict(arguments or {}), filter, ids)
    rows = visible_instances(actor).filter(id__in=ids or ()) if filter is None else matching(actor, filter)
    return _summary(actor, verb, rows)


def _summary(actor: User, verb: Verb, rows: QuerySet[WorkflowInstance]) -> dict[str, Any]:
    found, mine = counts_by_status(rows), counts_by_status(steerable_of(actor, rows))
    refused = []
    allowed = 0
    for status, count in sorted(found.items()):
        may = mine.get(status, 0)
        if not verb.allowed_in(InstanceStatus(status)):
            refused.append({"status": status, "count": count, "sentence": verb.refusal(InstanceStatus(status))})
            continue
        allowed += may
        if may < count:
            refused.append({"status": status, "count": count - may, "sentence": "You may see them, not steer them."})
    matched = sum(found.values())
    if not matched:
        sentence = "No run matches."
    elif allowed == matched:
        sentence = f"{_runs(allowed)} will be {verb.participle}."
    else:
        sentence = f"{_runs(allowed)} of {matched} will be {verb.participle}; the others do not allow it."
    return {"matched": matched, "allowed": allowed, "refused": refused, "sentence": sentence}


@transaction.atomic
def cancel(*, actor: User, bulk_id: UUID, reason: str = "") -> BulkOperation:
    """Stop an operation after its present batch; what it has done stays done. Conflict when it has ended."""
    find_bulk(actor, bulk_id)
    bulk = BulkOperation.objects.select_for_update().get(id=bulk_id)
    if bulk.status != BulkOperation.Status.RUNNING:
        raise Conflict(f"It is {bulk.status} already.")
    _end(bulk, BulkOperation.Status.CANCELLED)
    BulkItem.objects.filter(operation_id=bulk.pk, detail__isnull=True).delete()
    record_audit(
        actor=actor,
        action="workflow.bulk_cancel",
        resource="bulk",
        resource_id=str(bulk.pk),
        details={"reason": reason, "done": bulk.succeeded + bulk.failed, "total": bulk.total},
    )
    return bulk


# Working it off


def ring() -> None:
    """Tell a worker that there is something to work off. Lost, it is rung again by the tick."""
    try:
        current_app.send_task(JOB, queue="control", retry=False, ignore_result=True, expires=10)
    except (kombu.exceptions.OperationalError, OSError) as error:
        log.warning("bulk.not_rung", error=str(error))


def ring_for_idle() -> None:
    """Ring where an operation is under way and nobody has been at it for a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM workflows_bulkoperation"
            " WHERE status = 'RUNNING' AND worked_at < now() - make_interval(secs => %s) LIMIT 1",
            [IDLE_SECONDS],
        )
        if cursor.fetchone():
            ring()


def work(seconds: float) -> bool:
    """Work off batches for so long. Returns whether there may be more; two at once do no harm."""
    until = time.monotonic() + seconds
    size = BATCH
    while time.monotonic() < until:
        try:
            with transaction.atomic():
                if not _batch(size):
                    return False
                failpoint("bulk.before_commit")
            failpoint("bulk.after_commit")
        except OperationalError as error:
            # A deadlock, or a run that somebody holds for too long. Which one it was is seen one at a time.
            log.warning("bulk.batch_refused", error=str(error), size=size)
            if size == 1:
                _give_up_next()
            size = 1
    return True


def _batch(size: int) -> bool:
    """Do the verb to the next runs of the operation that was worked on longest ago. False when there is none."""
    bulk = _next()
    if bulk is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE[size == 1]])
    items = list(
        BulkItem.objects.filter(operation_id=bulk.pk, detail__isnull=True)
        .order_by("instance_id")
        .values_list("instance_id", flat=True)[:size]
    )
    actor = User.objects.filter(pk=bulk.requested_by_id).first() if bulk.requested_by_id else None
    problems = {each: detail for each in items if (detail := _one(bulk, actor, each)) is not None}
    well = [each for each in items if each not in problems]
    BulkItem.objects.filter(operation_id=bulk.pk, instance_id__in=well).delete()
    _note(bulk, problems)
    bulk.succeeded += len(well)
    if bulk.succeeded + bulk.failed >= bulk.total or not items:
        _end(bulk, BulkOperation.Status.COMPLETED)
    else:
        bulk.worked_at = Now()
        bulk.save(update_fields=["succeeded", "failed", "worked_at"])
    return True


def _next() -> BulkOperation | None:
    rows = BulkOperation.objects.select_for_update(skip_locked=True).filter(status=BulkOperation.Status.RUNNING)
    return rows.order_by("worked_at").first()


def _one(bulk: BulkOperation, actor: User | None, instance_id: UUID) -> str | None:
    """Do the verb to one run; why it could not be done, or None."""
    if actor is None:
        return "Who asked for this is not there any more."
    try:
        with transaction.atomic():
            VERBS[bulk.operation].service(
                actor=actor,
                instance_id=instance_id,
                reason=bulk.reason,
                bulk_id=bulk.pk,
                **keywords(bulk.operation, bulk.arguments),
            )
    except Problem as problem:
        return problem.detail
    except AccessDenied as denied:
        return str(denied)
    except OperationalError:
        raise
    except Exception as error:
        # One run that cannot be read or stored must not stop the others.
        log.exception("bulk.defect", bulk_id=str(bulk.pk), instance_id=str(instance_id))
        kind = "The database refused it" if isinstance(error, DatabaseError) else "Something went wrong"
        return f"{kind}: {type(error).__name__}."
    return None


@transaction.atomic
def _give_up_next() -> None:
    """The next run of an operation cannot be had even alone: say so, and go on with the others."""
    if (bulk := _next()) is None:
        return
    first = BulkItem.objects.filter(operation_id=bulk.pk, detail__isnull=True).order_by("instance_id").first()
    if first is not None:
        _note(bulk, {first.instance_id: "The run was busy for too long; try again."})
        if bulk.succeeded + bulk.failed >= bulk.total:
            _end(bulk, BulkOperation.Status.COMPLETED)
        else:
            bulk.save(update_fields=["failed"])


def _note(bulk: BulkOperation, problems: Mapping[UUID, str]) -> None:
    for instance_id, detail in problems.items():
        BulkItem.objects.filter(operation_id=bulk.pk, instance_id=instance_id).update(detail=detail)
    bulk.failed += len(problems)


def _end(bulk: BulkOperation, status: BulkOperation.Status) -> None:
    bulk.status, bulk.completed_at, bulk.worked_at = status, Now(), Now()
    bulk.save()
    bulk.refresh_from_db()


# What is asked for


def _checked(
    actor: User,
    operation: str,
    arguments: Mapping[str, Any],
    filter: Mapping[str, Any] | None,  # noqa: A002
    ids: Sequence[UUID] | None,
) -> Verb:
    if not permitted_scopes(actor, "steer:instance"):
        raise AccessDenied("steer:instance")
    verb = VERBS.get(operation)
    if verb is None:
        hint = "It is one of " + ", ".join(VERBS) + "."
        raise Unprocessable(
            violations=[Violation("unknown-operation", f"There is no {operation}.", "/operation", hint=hint)]
        )
    if "executionId" in arguments:
        message = "An execution belongs to one run."
        raise Unprocessable(violations=[Violation("unknown-field", message, pointer_to("executionId"))])
    keywords(operation, arguments)
    if (filter is None) == (ids is None):
        raise Unprocessable(violations=[Violation("required", "Give either filter or ids.", "")])
    if ids is not None and not 0 < len(set(ids)) <= MAX_NAMED:
        message = f"1 to {MAX_NAMED} runs can be named at once."
        raise Unprocessable(violations=[Violation("too-many", message, "/ids", hint="Use a filter.")])
    return verb


def _statuses(verb: Verb) -> list[str]:
    return [each.value for each in InstanceStatus if verb.allowed_in(each)]


def _take(bulk: BulkOperation, rows: QuerySet[WorkflowInstance]) -> int:
    """Make items of the rows, with one statement; how many they are."""
    try:
        query, parameters = rows.order_by().values("id")[: MAX_RUNS + 1].query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        # The query is Django's own, with its parameters apart.
        insert = f"INSERT INTO workflows_bulkitem (operation_id, instance_id) SELECT %s, id FROM ({query}) AS runs"  # noqa: S608
        cursor.execute(insert, [bulk.pk, *parameters])
        count = int(cursor.rowcount)
    if count > MAX_RUNS:
        message = f"The filter takes in more than {MAX_RUNS} runs."
        hint = "Narrow it, by time for example, and do it in several parts."
        raise Unprocessable(violations=[Violation("too-many", message, "/filter", hint=hint)])
    return count


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
