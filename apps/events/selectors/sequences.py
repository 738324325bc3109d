"""Reading sequences: their definitions with how runs fare, and runs with what came for each member."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.auth.access import require
from apps.auth.models import User
from apps.events.models import SequenceDefinition, SequenceMember, SequenceRun
from apps.events.sequences import store
from apps.events.sequences.reading import member_id
from apps.events.sequences.rules import TABLE, Came, Fail, MemberStatus, Resolve, Retry, RunStatus, Skip
from apps.events.sql import fetch
from apps.validation.problems import NotFound

MOST_COUNTED = 1_000
"""Runs are counted up to here; this many stands for this many or more."""
VERBS = {"retry": Retry, "resolve": Resolve, "skip": Skip, "fail": Fail}


def newest_definitions(*, search: str = "", status: str = "") -> QuerySet[SequenceDefinition]:
    """Of each sequence the newest version that is not archived, with ``published_version``: the one in use, or None."""
    newest = SequenceDefinition.objects.live().order_by("key", "-version_key").distinct("key").values("pk")
    published = SequenceDefinition.objects.published().filter(key=OuterRef("key")).order_by("-version_key")
    rows: QuerySet[SequenceDefinition] = SequenceDefinition.objects.filter(pk__in=newest).annotate(
        published_version=Subquery(published.values("version")[:1])
    )
    if search:
        rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search) | Q(description__icontains=search))
    return rows.filter(status=status) if status else rows


_COUNTS = """
SELECT s.key, t.status, (SELECT count(*) FROM (
  SELECT 1 FROM events_sequencerun r WHERE r.sequence_id = s.key AND r.status = t.status LIMIT %s) counted)
FROM unnest(%s::text[]) AS s(key) CROSS JOIN unnest(%s::text[]) AS t(status)
"""


def counts(keys: Collection[str]) -> dict[str, dict[str, int]]:
    """How many runs there are of each sequence by status, up to MOST_COUNTED. Costs the same however many there are."""
    statuses = [str(each) for each in RunStatus]
    found: dict[str, dict[str, int]] = {key: dict.fromkeys(statuses, 0) for key in keys}
    for key, status, count in fetch(_COUNTS, MOST_COUNTED, list(keys), statuses) if keys else ():
        found[key][status] = count
    return found


def summaries(rows: Sequence[SequenceDefinition]) -> list[dict[str, Any]]:
    """Rows of :func:`newest_definitions` as lists show them."""
    runs = counts([row.key for row in rows])
    return [
        {
            "sequenceId": row.key,
            "name": row.name,
            "description": row.description,
            "latestVersion": row.version,
            "publishedVersion": getattr(row, "published_version", None),
            "status": row.status,
            "tags": row.tags,
            "members": len(row.document["events"]),
            "within": row.document.get("within"),
            "rollback": (row.document.get("rollbackStrategy") or {}).get("type"),
            "runs": runs[row.key],
            "violations": len(row.violations),
            "updatedAt": row.updated_at,
        }
        for row in rows
    ]


def runs(actor: User, sequence_id: str, *, status: str = "", key: str = "") -> QuerySet[SequenceRun]:
    """The runs of a sequence. NotFound, AccessDenied."""
    require(actor, "view:event")
    if not SequenceDefinition.objects.filter(key=sequence_id).exists():
        raise NotFound(f"There is no sequence {sequence_id}.")
    rows = SequenceRun.objects.filter(sequence_id=sequence_id)
    if status:
        rows = rows.filter(status=status)
    return rows.filter(key=key) if key else rows


def find_run(actor: User, run_id: UUID) -> SequenceRun:
    """NotFound, AccessDenied."""
    require(actor, "view:event")
    row = SequenceRun.objects.filter(id=run_id).select_related("definition").first()
    if row is None:
        raise NotFound("There is no such run of a sequence.")
    return row


def shown(rows: Sequence[SequenceRun]) -> list[dict[str, Any]]:
    """Runs with their members, without what their events say. Two statements."""
    documents = dict(
        SequenceDefinition.objects.filter(id__in={row.definition_id for row in rows}).values_list("id", "document")
    )
    came: dict[UUID, dict[str, SequenceMember]] = {row.id: {} for row in rows}
    for member in SequenceMember.objects.filter(run__in=list(came)):
        came[member.run_id][member.member_id] = member
    return [_run(row, documents[row.definition_id], came[row.id]) for row in rows]


def detail(row: SequenceRun) -> dict[str, Any]:
    """One run, with what its events say."""
    [found] = shown([row])
    members = SequenceMember.objects.filter(run=row, event__isnull=False)
    events = [_came(each) for each in members]
    said = store.payloads(events)
    payloads = {each.event_id: said.get(each.id) for each in events}
    for member in found["members"]:
        if member["event"] is not None:
            member["event"]["payload"] = payloads.get(member["event"]["eventId"])
    return found | {"document": row.definition.document}


def _came(member: SequenceMember) -> Came:
    assert member.event and member.event_id and member.pattern and member.timestamp and member.recorded_at
    return Came(member.event, member.event_id, member.pattern, member.timestamp, member.recorded_at)


def expected(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of a sequence before anything has come, by their place in the order."""
    return sorted((_member(each, None) for each in document["events"]), key=lambda each: each["order"])


def _run(row: SequenceRun, document: Mapping[str, Any], came: Mapping[str, SequenceMember]) -> dict[str, Any]:
    members = [_member(each, came.get(member_id(each))) for each in document["events"]]
    return {
        "runId": str(row.id),
        "sequenceId": row.sequence_id,
        "name": document.get("name") or row.sequence_id,
        "version": row.version,
        "key": row.key,
        "status": row.status,
        "reason": row.reason or None,
        "deadline": row.deadline,
        "decidedBy": row.decided_by,
        "missing": [
            each["memberId"] for each in members if each["required"] and each["event"] is None and not each["skipped"]
        ],
        "members": sorted(members, key=lambda each: each["order"]),
        "rollback": row.rollback,
        "settled": row.settled,
        "verbs": verbs(row),
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "completedAt": row.completed_at,
    }


def verbs(row: SequenceRun) -> list[str]:
    """What a person may ask of a run in this state."""
    phase = "open" if RunStatus(row.status).is_open else row.status
    found = [verb for verb, signal in VERBS.items() if (phase, signal) in TABLE]
    return [verb for verb in found if not (row.compensated and verb in ("retry", "skip"))]


def _member(member: Mapping[str, Any], row: SequenceMember | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "memberId": member_id(member),
        "eventId": member["eventId"],
        "title": member.get("title") or member.get("memberId") or member["eventId"],
        "order": member["order"],
        "required": member.get("required", True),
        "status": row.status if row else MemberStatus.PENDING.value,
        "processingTimestamp": row.processed_at if row else None,
        "event": None,
        "late": row.late if row else False,
        "skipped": row.skipped if row else False,
        "error": row.error if row else None,
        "retries": row.retries if row else 0,
    }
    if row is not None and row.event_id is not None:
        found["event"] = {
            "eventId": row.event_id,
            "pattern": row.pattern,
            "timestamp": row.timestamp,
            "recordedAt": row.recorded_at,
        }
    return found
