"""Runs of sequences: what people ask for, deadlines, and dead letters of their events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events.failures import connection_is_lost
from apps.events.models import DeadLetter, EventQueue, SequenceDefinition, SequenceMember, SequenceRun
from apps.events.models.sequences import OPEN
from apps.events.queueing import queue_for
from apps.events.sequences import reading, rules, saying, store
from apps.events.sequences.rules import Signal
from apps.events.sequences.saying import Told
from apps.events.sequences.store import Case, Run
from apps.events.sql import fetch
from apps.validation.problems import Conflict, NotFound

log = structlog.get_logger(__name__)

BATCH = 200
TRY_AGAIN = timedelta(minutes=10)
SECONDS = 10.0
"""How long one look for deadlines goes on; the next one takes what is left."""


# What people ask for.


@transaction.atomic
def steer(*, actor: User, run_id: UUID, verb: str, signal: Signal, notes: str = "") -> SequenceRun:
    """Do what a person asks of a run. NotFound; Conflict when its state does not allow it."""
    require(actor, "operate:sequence")
    if isinstance(signal, rules.Retry):
        _lock_letters(run_id)
    found = store.lock(SequenceRun.objects.select_for_update().filter(id=run_id))
    if not found:
        raise NotFound("There is no such run of a sequence.")
    [run] = found
    now = store.database_now()
    alone = run.state.status.is_open or not store.has_open([run.case])
    sequences = store.sequences([run.definition_id])
    try:
        step = rules.advance(sequences[run.definition_id].plan, run.state, signal, now, alone=alone)
    except rules.Refused as error:
        raise Conflict(str(error)) from error
    member = signal.member if isinstance(signal, rules.Skip) else None
    run.settled = {"verb": verb, "by": actor.username, "at": now.isoformat(), "notes": notes, "member": member}
    _write([(run, step)], sequences)
    record_audit(
        actor=actor,
        action=f"sequence.{verb}",
        resource="sequence",
        resource_id=str(run_id),
        details={"sequenceId": run.sequence_id, "key": run.key, "notes": notes, "member": member},
    )
    return SequenceRun.objects.get(id=run_id)


def _lock_letters(run_id: UUID) -> None:
    """Those that are to be replayed. Whoever replays them locks them before the runs that they tell."""
    failed = SequenceMember.objects.filter(run=run_id, status=rules.MemberStatus.FAILED).values("event")
    letters = DeadLetter.objects.filter(event__in=failed, status=DeadLetter.Status.PENDING)
    list(letters.order_by("event", "subscriber_id").select_for_update().values_list("id"))


def retry(*, actor: User, run_id: UUID, notes: str = "") -> SequenceRun:
    """Let a failed run go on: dead letters of its events are replayed, and its time begins anew."""
    return steer(actor=actor, run_id=run_id, verb="retry", signal=rules.Retry(), notes=notes)


def resolve(*, actor: User, run_id: UUID, notes: str) -> SequenceRun:
    """Count a failed run as completed."""
    return steer(actor=actor, run_id=run_id, verb="resolve", signal=rules.Resolve(), notes=notes)


def skip(*, actor: User, run_id: UUID, member: str, notes: str) -> SequenceRun:
    """Count one member as processed."""
    return steer(actor=actor, run_id=run_id, verb="skip", signal=rules.Skip(member), notes=notes)


def fail(*, actor: User, run_id: UUID, notes: str) -> SequenceRun:
    """Give an open run up."""
    return steer(actor=actor, run_id=run_id, verb="fail", signal=rules.Fail(), notes=notes)


# What happens by itself.


def note_dead_letter(event: UUID) -> None:
    """An event has become a dead letter, or a replay of it failed again: tell the runs that took it. See below."""
    note_dead_letters([event])


def note_dead_letters(events: Iterable[UUID]) -> None:
    """The same for several, in the transaction that wrote the letters. A fixed number of statements, one as a rule."""
    _note(set(events), died=True)


def note_resolved(events: Iterable[UUID]) -> None:
    """A dead letter of each of these was handled or resolved: the members whose events have no other are set back."""
    _note(set(events), died=False)


def _note(events: set[UUID], *, died: bool) -> None:
    run_ids = list(SequenceMember.objects.filter(event__in=events).values_list("run", flat=True)) if events else []
    if not run_ids:
        return
    rows = SequenceRun.objects.filter(id__in=run_ids).order_by("sequence_id", "key", "id").select_for_update()
    runs = store.lock(rows)
    dead = saying.open_dead_letters(events)
    now = store.database_now()
    sequences = store.sequences({each.definition_id for each in runs})
    taken = store.has_open({each.case for each in runs if not each.state.status.is_open})
    signals = [
        rules.Died(event, dead[event]) if died else rules.Recovered(event)
        for event in sorted(events)
        if (event in dead) is died
    ]

    def tell(taken: set[Case]) -> None:
        steps = []
        for run in runs:
            for signal in signals:
                if run.state.of_event(signal.event) is None:
                    continue
                plan = sequences[run.definition_id].plan
                step = rules.advance(plan, run.state, signal, now, alone=run.case not in taken)
                run.state = step.state
                steps.append((run, step))
            if run.state.status.is_open:
                taken.add(run.case)
        _write(steps, sequences)

    try:
        tell(set(taken))
    except Conflict:
        # Somebody began a run of one of the cases just now, so none is opened again.
        for run in runs:
            assert run.before is not None
            run.state = run.before
        tell({each.case for each in runs})


def fire_deadlines() -> int:
    """Fail every run whose time is up; returns how many. Two callers at once share the work.

    A deadline is looked at only when everything is routed that was recorded before it: what lies in a queue is not missing.
    """
    count, until = 0, time.monotonic() + SECONDS
    after: tuple[datetime, UUID] | None = None
    while time.monotonic() < until:
        with transaction.atomic():
            now = store.database_now()
            due = SequenceRun.objects.filter(status__in=OPEN, deadline__lte=now).order_by("deadline", "id")
            if after is not None:
                due = due.filter(Q(deadline__gt=after[0]) | Q(deadline=after[0], id__gt=after[1]))
            runs = store.lock(due.select_for_update(skip_locked=True)[:BATCH])
            if not runs:
                return count
            sequences = store.sequences({each.definition_id for each in runs})
            held_back = _held_back({each.definition_id for each in runs})
            steps = []
            for run in runs:
                assert run.state.deadline is not None
                oldest = held_back.get(run.definition_id)
                if oldest is not None and oldest <= run.state.deadline:
                    continue
                step = rules.advance(sequences[run.definition_id].plan, run.state, rules.TimeIsUp(), now)
                run.state = step.state
                steps.append((run, step))
            count += _end(steps, sequences)
            last = runs[-1]
            assert last.before is not None and last.before.deadline is not None
            after = last.before.deadline, last.id
    return count


def _end(steps: list[tuple[Run, rules.Step]], sequences: Mapping[UUID, reading.Sequence]) -> int:
    """Write these ends; where that fails, each half by itself: what is wrong with one run must not keep the others waiting."""
    if not steps:
        return 0
    try:
        with transaction.atomic():
            _write(steps, sequences)
    except Exception as error:
        if connection_is_lost(error):
            raise
        if len(steps) > 1:
            middle = len(steps) // 2
            return _end(steps[:middle], sequences) + _end(steps[middle:], sequences)
        [(run, _)] = steps
        log.exception("sequence.not_ended", sequence_id=run.sequence_id, run_id=str(run.id))
        SequenceRun.objects.filter(id=run.id).update(deadline=store.database_now() + TRY_AGAIN)
        return 0
    return len(steps)


_OLDEST = """
SELECT q.id, (SELECT recorded_at FROM events_queuedevent e WHERE e.queue = q.id ORDER BY e.id LIMIT 1)
FROM unnest(%s::text[]) AS q(id)
"""


def _held_back(definition_ids: set[UUID]) -> dict[UUID, datetime]:
    """For each version, when the oldest event was recorded that lies in a queue that its members' events go through."""
    queues = {EventQueue.DEFAULT, *EventQueue.objects.values_list("id", flat=True)}
    oldest = {name: moment for name, moment in fetch(_OLDEST, sorted(queues)) if moment is not None}
    if not oldest:
        return {}
    found = {}
    for id_, resolved in SequenceDefinition.objects.filter(id__in=definition_ids).values_list("id", "resolved"):
        through: set[str] = set()
        for member in resolved["members"].values():
            pattern = member["pattern"]
            if pattern is None or "*" in pattern:
                through = queues
                break
            through.add(queue_for(pattern).id)
        moments = [oldest[name] for name in through if name in oldest]
        if moments:
            found[id_] = min(moments)
    return found


def _write(steps: list[tuple[Run, rules.Step]], sequences: Mapping[UUID, reading.Sequence]) -> None:
    """Keep what the rules said. Conflict when another run of the same case was opened at this very moment."""
    told = [Told(run, step.state, effect) for run, step in steps for effect in step.effects]
    runs = {}
    for run, step in steps:
        run.state = step.state
        runs[run.id] = run
    try:
        with transaction.atomic():
            saying.carry_out(told, sequences)
            store.save(runs.values())
    except IntegrityError as error:
        raise Conflict("Another run for the same key was begun at this moment; look again.") from error


def forget_runs(*, ended_before: datetime) -> int:
    """Delete runs that ended before then, in batches. Returns how many."""
    gone = 0
    while True:
        with transaction.atomic():
            rows = SequenceRun.objects.filter(completed_at__lt=ended_before).order_by("completed_at")
            ids = list(rows.select_for_update(skip_locked=True).values_list("id", flat=True)[:1_000])
            SequenceMember.objects.filter(run__in=ids).delete()
            SequenceRun.objects.filter(id__in=ids).delete()
        gone += len(ids)
        if len(ids) < 1_000:
            return gone
