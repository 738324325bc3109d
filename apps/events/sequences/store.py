"""Runs of sequences in the database: locked, read and written many at once.

Lock order: runs by (sequence, key), then by id. Whoever begins a run of a key meets whoever does so at the same time in the
unique index of open runs, waits for them, and goes on with theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.auth.identifiers import uuid7
from apps.events.models import Event, SequenceDefinition, SequenceMember, SequenceRun
from apps.events.models.sequences import OPEN
from apps.events.sql import as_rows, fetch, run

from . import reading
from .rules import Came, MemberState, MemberStatus, Reason, RunStatus, State

Case = tuple[str, str]
"""A sequence and a key of it."""

_KEPT = 1_024
_sequences: dict[UUID, reading.Sequence] = {}


@dataclass(slots=True)
class Run:
    """One run as it is worked on. ``before``: its state as it is stored."""

    id: UUID
    definition_id: UUID
    sequence_id: str
    version: str
    key: str
    state: State
    before: State | None
    rollback: dict[str, Any] | None = None
    settled: dict[str, Any] | None = None

    @property
    def case(self) -> Case:
        return self.sequence_id, self.key


def sequences(ids: Collection[UUID]) -> Mapping[UUID, reading.Sequence]:
    """Published versions, compiled. They never change, so each process keeps what it has read."""
    lacking = [each for each in set(ids) if each not in _sequences]
    if lacking:
        if len(_sequences) + len(lacking) > _KEPT:
            _sequences.clear()
            lacking = list(set(ids))
        for row in SequenceDefinition.objects.filter(id__in=lacking):
            _sequences[row.id] = reading.read(row.document, row.resolved)
    return {each: _sequences[each] for each in set(ids)}


_LOCK_OPEN = """
SELECT r.id FROM events_sequencerun r
JOIN json_to_recordset(%s::json) AS c(sequence_id text, key text) ON r.sequence_id = c.sequence_id AND r.key = c.key
WHERE r.status IN ('created', 'in_progress')
ORDER BY r.sequence_id, r.key FOR UPDATE OF r
"""

_LATEST = """
SELECT l.id FROM json_to_recordset(%s::json) AS c(sequence_id text, key text)
CROSS JOIN LATERAL (
  SELECT id FROM events_sequencerun r WHERE r.sequence_id = c.sequence_id AND r.key = c.key
  ORDER BY r.created_at DESC, r.id DESC LIMIT 1
) l
"""


def lock_open(cases: Collection[Case]) -> dict[Case, Run]:
    """The open runs of these cases."""
    ids = [row[0] for row in fetch(_LOCK_OPEN, _as_cases(cases))]
    return {each.case: each for each in _read(SequenceRun.objects.filter(id__in=ids))}


def lock_latest(cases: Collection[Case]) -> dict[Case, Run]:
    """The newest runs of these cases, which have no open one."""
    if not cases:
        return {}
    ids = [row[0] for row in fetch(_LATEST, _as_cases(cases))]
    rows = SequenceRun.objects.filter(id__in=ids).order_by("sequence_id", "key").select_for_update()
    return {each.case: each for each in _read(rows)}


def lock(rows: QuerySet[SequenceRun]) -> list[Run]:
    """These runs, locked in the order that the query gives."""
    return _read(rows)


def has_open(cases: Collection[Case]) -> set[Case]:
    """Which of these cases have an open run."""
    if not cases:
        return set()
    sequence_ids, keys = {each[0] for each in cases}, {each[1] for each in cases}
    rows = SequenceRun.objects.filter(sequence_id__in=sequence_ids, key__in=keys, status__in=OPEN)
    return set(rows.values_list("sequence_id", "key")) & set(cases)


def new(definition_id: UUID, sequence: reading.Sequence, key: str) -> Run:
    return Run(uuid7(), definition_id, sequence.sequence_id, sequence.version, key, State(), None)


_BEGIN = """
INSERT INTO events_sequencerun (id, definition_id, sequence_id, version, key, status, reason, compensated, outcomes,
                                created_at, updated_at)
SELECT id, definition_id, sequence_id, version, key, 'created', '', false, 0, now(), now()
FROM json_to_recordset(%s::json) AS r(id uuid, definition_id uuid, sequence_id text, version text, key text)
ORDER BY sequence_id, key
ON CONFLICT (sequence_id, key) WHERE status IN ('created', 'in_progress') DO NOTHING
RETURNING id
"""

_SAVE = """
UPDATE events_sequencerun s SET
  status = r.status, reason = r.reason, deadline = r.deadline, renewed_at = r.renewed_at, decided_by = r.decided_by,
  compensated = r.compensated, outcomes = r.outcomes, rollback = r.rollback, settled = r.settled, updated_at = now(),
  completed_at = CASE WHEN r.ended THEN now() WHEN r.open THEN NULL ELSE s.completed_at END
FROM json_to_recordset(%s::json) AS r(
  id uuid, status text, reason text, deadline timestamptz, renewed_at timestamptz, decided_by text, compensated bool,
  outcomes int, rollback jsonb, settled jsonb, ended bool, open bool)
WHERE s.id = r.id
"""

_SAVE_MEMBERS = """
INSERT INTO events_sequencemember (run_id, member_id, status, event, event_id, pattern, timestamp, recorded_at, processed_at,
                                   late, skipped, error, retries)
SELECT * FROM json_to_recordset(%s::json) AS r(
  run_id uuid, member_id text, status text, event uuid, event_id text, pattern text, timestamp timestamptz,
  recorded_at timestamptz, processed_at timestamptz, late bool, skipped bool, error jsonb, retries int)
ON CONFLICT (run_id, member_id) DO UPDATE SET
  status = EXCLUDED.status, event = EXCLUDED.event, event_id = EXCLUDED.event_id, pattern = EXCLUDED.pattern,
  timestamp = EXCLUDED.timestamp, recorded_at = EXCLUDED.recorded_at, processed_at = EXCLUDED.processed_at,
  late = EXCLUDED.late, skipped = EXCLUDED.skipped, error = EXCLUDED.error, retries = EXCLUDED.retries
"""


def begin(runs: Sequence[Run]) -> set[UUID]:
    """Write new runs down; returns those that are: for another's case somebody else was faster, and has committed."""
    if not runs:
        return set()
    rows = [
        {
            "id": each.id,
            "definition_id": each.definition_id,
            "sequence_id": each.sequence_id,
            "version": each.version,
            "key": each.key,
        }
        for each in runs
    ]
    return {row[0] for row in fetch(_BEGIN, as_rows(rows))}


def save(runs: Iterable[Run]) -> None:
    """Write what changed of these runs."""
    rows, members = [], []
    for each in runs:
        state, before = each.state, each.before or State()
        rows.append(
            {
                "id": each.id,
                "status": state.status,
                "reason": state.reason or "",
                "deadline": state.deadline,
                "renewed_at": state.renewed_at,
                "decided_by": state.decided_by,
                "compensated": state.compensated,
                "outcomes": state.outcomes,
                "rollback": each.rollback,
                "settled": each.settled,
                "ended": state.outcomes > before.outcomes,
                "open": state.status.is_open,
            }
        )
        members += [
            _member_row(each.id, key, member)
            for key, member in state.members.items()
            if before.members.get(key) != member
        ]
    if rows:
        run(_SAVE, as_rows(rows))
    if members:
        run(_SAVE_MEMBERS, as_rows(members))


def _member_row(run_id: UUID, key: str, member: MemberState) -> dict[str, Any]:
    came = member.came
    return {
        "run_id": run_id,
        "member_id": key,
        "status": member.status,
        "event": came and came.id,
        "event_id": came and came.event_id,
        "pattern": came and came.pattern,
        "timestamp": came and came.timestamp,
        "recorded_at": came and came.recorded_at,
        "processed_at": member.processed_at,
        "late": member.late,
        "skipped": member.skipped,
        "error": member.error,
        "retries": member.retries,
    }


def payloads(came: Collection[Came]) -> dict[UUID, Any]:
    """What these events say; those whose week is gone are left out."""
    if not came:
        return {}
    moments = [each.recorded_at for each in came]
    rows = Event.objects.filter(
        id__in=[each.id for each in came], recorded_at__gte=min(moments), recorded_at__lte=max(moments)
    )
    return dict(rows.values_list("id", "payload"))


def database_now() -> datetime:
    moment: datetime = fetch("SELECT now()")[0][0]
    return moment


def _as_cases(cases: Collection[Case]) -> str:
    return as_rows([{"sequence_id": sequence_id, "key": key} for sequence_id, key in sorted(cases)])


def _read(rows: QuerySet[SequenceRun]) -> list[Run]:
    found = list(rows)
    members: dict[UUID, dict[str, MemberState]] = {each.id: {} for each in found}
    if found:
        for member in SequenceMember.objects.filter(run__in=list(members)):
            members[member.run_id][member.member_id] = _member(member)
    return [_run(row, members[row.id]) for row in found]


def _run(row: SequenceRun, members: dict[str, MemberState]) -> Run:
    state = State(
        members,
        RunStatus(row.status),
        Reason(row.reason) if row.reason else None,
        row.deadline,
        row.renewed_at,
        row.decided_by,
        row.compensated,
        row.outcomes,
    )
    return Run(
        row.id,
        row.definition_id,
        row.sequence_id,
        row.version,
        row.key,
        state,
        replace(state, members=dict(members)),
        row.rollback,
        row.settled,
    )


def _member(row: SequenceMember) -> MemberState:
    came = None
    if row.event is not None:
        assert row.event_id and row.pattern and row.timestamp and row.recorded_at
        came = Came(row.event, row.event_id, row.pattern, row.timestamp, row.recorded_at)
    return MemberState(MemberStatus(row.status), came, row.processed_at, row.late, row.skipped, row.error, row.retries)
