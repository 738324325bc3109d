"""Firing schedules: every slot is decided about once, by whoever has locked its schedule.

``fire_due`` and ``start_queued`` take schedules in batches that nobody else holds, so two of them at once share the work.
Per batch: judge what is due, look up which last runs are still going, hand the runs of each owner to the one start
service together, write the decisions, move the schedules on. A refused start is a FAILED fire and stops nothing else.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import PermissionDenied
from django.db import DataError, IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef

from apps.auth.access import allowed
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events import doorbell
from apps.events.sql import as_rows, run
from apps.validation.expressions import EvaluationError, ExpressionError
from apps.validation.problems import Problem
from apps.workflows.checks.schedule import event_id, input_of
from apps.workflows.engine.state import Signal
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.models import Schedule, ScheduleFire, WorkflowInstance
from apps.workflows.orchestrator import store
from apps.workflows.rules.firing import CatchUp, Decision, Missed, Origin, Overlap, meets
from apps.workflows.services import instances
from apps.workflows.services.instances import Start
from apps.workflows.services.schedule_rows import given_up, halt, now, pace

log = structlog.get_logger(__name__)

BATCH = instances.BATCH_LIMIT
FORGET_BATCH = 10_000
SECONDS = 15.0
"""How long one call goes on; the next tick takes what is left."""

_REFUSED = (Problem, PermissionDenied, DataError, IntegrityError, TypeError)
"""What a start is refused with. Anything else says nothing about the schedule."""

_MOVE = """
UPDATE workflows_schedule s SET
  decided_until = r.decided_until, next_slot = r.next_slot, due_at = r.due_at, enabled = r.enabled,
  paused_at = r.paused_at, last_run_id = r.last_run_id, last_slot = r.last_slot
FROM json_to_recordset(%s::json) AS r(
  id uuid, decided_until timestamptz, next_slot timestamptz, due_at timestamptz, enabled bool, paused_at timestamptz,
  last_run_id uuid, last_slot timestamptz)
WHERE s.id = ANY(%s) AND s.id = r.id
"""


_WRITE_DOWN = """
INSERT INTO workflows_schedulefire (id, schedule_id, slot, until, count, more, due_at, decision, origin, instance_id, reason,
                                    by, at)
SELECT id, schedule_id, slot, until, count, more, due_at, decision, origin, instance_id, reason, by, now()
FROM json_to_recordset(%s::json) AS r(
  id uuid, schedule_id uuid, slot timestamptz, until timestamptz, count int, more bool, due_at timestamptz, decision text,
  origin text, instance_id uuid, reason text, by text)
"""


_FORGET = """
DELETE FROM workflows_schedulefire WHERE id IN (
  SELECT id FROM workflows_schedulefire WHERE id < %s AND decision <> 'QUEUED' ORDER BY id LIMIT %s)
"""


@dataclass(slots=True)
class Work:
    """A locked schedule, the slots to fire in order, and those that are given up."""

    schedule: Schedule
    slots: list[tuple[datetime, Origin]]
    missed: Missed | None = None
    by: str = ""


@dataclass(slots=True)
class Outcome:
    """What carrying out one batch led to."""

    fires: list[ScheduleFire] = field(default_factory=list)

    def count(self, schedule: Schedule, decision: Decision) -> int:
        return sum(each.schedule_id == schedule.id and each.decision == decision for each in self.fires)


def fire_due() -> int:
    """Fire every slot that is due, once, and returns how many were started. Two callers at once share the work."""
    started, until = 0, time.monotonic() + SECONDS
    while True:
        with transaction.atomic():
            moment = now()
            due = Schedule.objects.filter(due_at__lte=moment).order_by("due_at")
            batch = list(due.select_for_update(skip_locked=True)[:BATCH])
            works = [work for work in (_judged(schedule, moment) for schedule in batch) if work is not None]
            outcome = carry_out(works)
        started += sum(each.decision == Decision.STARTED for each in outcome.fires)
        if len(batch) < BATCH or time.monotonic() > until:
            return started


def _judged(schedule: Schedule, moment: datetime) -> Work | None:
    """The work of a schedule that is due; it is moved on to its next slot."""
    try:
        mine = pace(schedule)
        catch_up = CatchUp(schedule.document.get("catchUp", CatchUp.LAST))
        verdict = mine.judge(catch_up, after=schedule.decided_until, now=moment)
        schedule.decided_until = verdict.decided_until
        schedule.next_slot, schedule.due_at = mine.next(verdict.decided_until)
    except Exception as error:
        # A defect, or a time zone that is no longer known: it must not come up again every second.
        log.exception("schedule.unusable", schedule=schedule.key)
        halt(schedule, moment)
        schedule.save()
        ScheduleFire.objects.create(
            schedule=schedule,
            slot=moment,
            due_at=moment,
            decision=Decision.FAILED,
            origin=Origin.DUE,
            reason=f"The schedule cannot be computed and was paused: {error}",
        )
        return None
    slots = [(slot, Origin.CATCH_UP) for slot in verdict.caught_up] + [(slot, Origin.DUE) for slot in verdict.on_time]
    return Work(schedule, slots, verdict.missed)


def carry_out(works: Sequence[Work]) -> Outcome:
    """Decide about every slot, start what is to be started, and write it all down. The schedules are locked."""
    outcome = Outcome([given_up(work.schedule, work.missed, work.by) for work in works if work.missed is not None])
    going, queued = _still_going(works), _queued(works)
    # Turn by turn: whether a slot starts may depend on what became of the one before it.
    for turn in range(max((len(work.slots) for work in works), default=0)):
        starts: list[ScheduleFire] = []
        for work in works:
            if turn >= len(work.slots):
                continue
            schedule, (slot, origin) = work.schedule, work.slots[turn]
            overlap = _overlap(schedule)
            if overlap is Overlap.CANCEL_RUNNING and turn + 1 < len(work.slots):
                decision, reason = Decision.SKIPPED, "A later fire takes its place."
            else:
                running = schedule.id in going
                decision, reason = meets(overlap, running=running, queued=queued[schedule.id])
            due_at = pace(schedule).due_at(slot) if origin is not Origin.MANUAL else slot
            fire = ScheduleFire(
                schedule=schedule, slot=slot, due_at=due_at, decision=decision, origin=origin, reason=reason, by=work.by
            )
            queued[schedule.id] += decision is Decision.QUEUED
            outcome.fires.append(fire)
            if decision is Decision.STARTED:
                starts.append(fire)
        going |= _start(starts, going)
    _write_down(outcome.fires)
    _move([work.schedule for work in works])
    return outcome


def start_queued() -> int:
    """Start the oldest queued fire of each schedule whose last run has ended; returns how many were started."""
    waiting = ScheduleFire.objects.filter(schedule=OuterRef("pk"), decision=Decision.QUEUED)
    going = WorkflowInstance.objects.filter(id=OuterRef("last_run_id"), completed_at__isnull=True)
    with transaction.atomic():
        rows = Schedule.objects.filter(Exists(waiting), ~Exists(going), enabled=True)
        schedules = {each.id: each for each in rows.select_for_update(skip_locked=True)[:BATCH]}
        if not schedules:
            return 0
        oldest = ScheduleFire.objects.filter(schedule__in=schedules, decision=Decision.QUEUED)
        fires = list(oldest.order_by("schedule", "slot").distinct("schedule"))
        for fire in fires:
            fire.schedule, fire.decision, fire.reason = schedules[fire.schedule_id], Decision.STARTED, ""
        _start(fires, set())
        for fire in fires:
            fire.save(update_fields=["decision", "reason", "instance_id"])
        _move(list(schedules.values()))
    return sum(fire.decision == Decision.STARTED for fire in fires)


def forget_fires(*, keep: timedelta) -> int:
    """Delete what was decided longer ago than ``keep``, in batches; what is still queued stays. Returns how many."""
    # Ids are made of the time they were made at, so that their index finds the oldest.
    oldest_kept = UUID(int=int((now() - keep).timestamp() * 1000) << 80)
    gone = 0
    while True:
        count = run(_FORGET, oldest_kept, FORGET_BATCH)
        gone += count
        if count < FORGET_BATCH:
            return gone


def _overlap(schedule: Schedule) -> Overlap:
    return Overlap(schedule.document.get("overlap", Overlap.SKIP))


def _still_going(works: Iterable[Work]) -> set[UUID]:
    """The schedules whose last run has not ended."""
    last = {work.schedule.last_run_id: work.schedule.id for work in works if work.schedule.last_run_id is not None}
    if not last:
        return set()
    found = WorkflowInstance.objects.filter(id__in=last, completed_at__isnull=True).values_list("id", flat=True)
    return {last[id_] for id_ in found}


def _queued(works: Iterable[Work]) -> dict[UUID, int]:
    counts: dict[UUID, int] = defaultdict(int)
    ids = [work.schedule.id for work in works if _overlap(work.schedule) is Overlap.QUEUE]
    if ids:
        rows = ScheduleFire.objects.filter(schedule__in=ids, decision=Decision.QUEUED)
        counts |= dict(rows.values_list("schedule").annotate(Count("pk")))
    return counts


def _start(fires: Sequence[ScheduleFire], going: set[UUID]) -> set[UUID]:
    """Start the runs of these fires; one that cannot be started becomes FAILED. Returns the schedules that now run."""
    owners = User.objects.in_bulk({fire.schedule.owner_id for fire in fires})
    by_owner: dict[User, list[tuple[ScheduleFire, Start]]] = defaultdict(list)
    for fire in fires:
        schedule, owner = fire.schedule, owners.get(fire.schedule.owner_id)
        try:
            if owner is None:
                raise PermissionDenied("Its owner is gone.")
            if schedule.id in going and _overlap(schedule) is Overlap.CANCEL_RUNNING:
                cancel_running(schedule, owner)
            value = input_of(schedule.document, schedule.key, fire.slot)
        except (EvaluationError, ExpressionError, PermissionDenied) as error:
            _fail(fire, error)
            continue
        start = Start(schedule.workflow_id, value, trigger_event_id=event_id(schedule.key, fire.slot))
        by_owner[owner].append((fire, start))
    for owner, pairs in by_owner.items():
        _start_as(owner, pairs)
    started = [fire for fire in fires if fire.instance_id is not None]
    for fire in started:
        fire.schedule.last_run_id, fire.schedule.last_slot = fire.instance_id, fire.slot
    return {fire.schedule_id for fire in started}


def _start_as(owner: User, pairs: Sequence[tuple[ScheduleFire, Start]]) -> None:
    """All at once; where the start service refuses one of them, by halves, until it stands alone."""
    try:
        with transaction.atomic():
            ids = instances.start_batch(actor=owner, requests=[start for _, start in pairs])
    except _REFUSED as error:
        if len(pairs) == 1:
            _fail(pairs[0][0], error)
            return
        middle = len(pairs) // 2
        _start_as(owner, pairs[:middle])
        _start_as(owner, pairs[middle:])
        return
    for (fire, _), id_ in zip(pairs, ids, strict=True):
        fire.instance_id = id_


def _fail(fire: ScheduleFire, error: Exception) -> None:
    more = [each.message for each in error.violations[:3]] if isinstance(error, Problem) else []
    detail = error.message if isinstance(error, EvaluationError | ExpressionError) else str(error)
    fire.decision = Decision.FAILED
    fire.reason = " ".join(dict.fromkeys([detail, *more]))[:2_000] or type(error).__name__


def cancel_running(schedule: Schedule, actor: User) -> None:
    """Have the last run cancelled: a signal in its inbox, so that nobody waits for its lock. AccessDenied."""
    assert schedule.last_run_id is not None
    last = WorkflowInstance.objects.filter(id=schedule.last_run_id).only("id", "started_by_id").first()
    if last is None:
        return
    if not allowed(actor, "steer:instance", owner_id=last.started_by_id):
        raise PermissionDenied("Its owner may not cancel the run that is still going.")
    reason = f"The schedule {schedule.key} fires again."
    data: dict[str, Any] = {"reason": reason, "requestedBy": actor.username, "source": "SYSTEM"}
    store.post([(last.id, Signal(SignalKind.CANCEL, None, data | {"shouldCompensate": False}))])
    doorbell.ring(doorbell.ORCHESTRATOR)
    record_audit(
        actor=actor,
        action="workflow.cancel",
        resource="instance",
        resource_id=str(last.id),
        details={"reason": reason, "scheduleId": schedule.key},
    )


def _write_down(fires: Sequence[ScheduleFire]) -> None:
    rows = [
        {
            "id": each.id,
            "schedule_id": each.schedule_id,
            "slot": each.slot,
            "until": each.until,
            "count": each.count,
            "more": each.more,
            "due_at": each.due_at,
            "decision": each.decision,
            "origin": each.origin,
            "instance_id": each.instance_id,
            "reason": each.reason,
            "by": each.by,
        }
        for each in fires
    ]
    if rows:
        run(_WRITE_DOWN, as_rows(rows))


def _move(schedules: Sequence[Schedule]) -> None:
    rows = [
        {
            "id": each.id,
            "decided_until": each.decided_until,
            "next_slot": each.next_slot,
            "due_at": each.due_at,
            "enabled": each.enabled,
            "paused_at": each.paused_at,
            "last_run_id": each.last_run_id,
            "last_slot": each.last_slot,
        }
        for each in schedules
    ]
    if rows:
        run(_MOVE, as_rows(rows), [row["id"] for row in rows])
