"""Event sequences as a kind of definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Q

from apps.auth.models import User
from apps.events.matching import correlation_key, keep_shapes
from apps.events.models import EventDefinition, SequenceDefinition, SequenceRun, SequenceWatch
from apps.events.models.sequences import OPEN
from apps.validation.definitions.services import DefinitionKind, Reference
from apps.validation.violations import Violation

from .checks import check, resolve
from .reading import member_id, watched

OWNER = "sequence"
MOST_NAMES = 5_000


def _resolved(document: Mapping[str, Any]) -> dict[str, Any]:
    rollback = document.get("rollbackStrategy") or {}
    given = [each["eventId"] for each in (*document["events"], *rollback.get("compensatingEvents", ()))]
    rows = EventDefinition.objects.live().filter(Q(key__in=given) | Q(document__pattern__in=given))
    # A published version counts more than a draft, a newer one more than an older.
    newest = sorted(
        rows.values_list("status", "version_key", "key", "document__pattern"),
        key=lambda row: (row[0] == EventDefinition.Status.PUBLISHED, row[1]),
    )
    names = {key: pattern for _, _, key, pattern in newest if pattern}
    return resolve(document, names, frozenset(pattern for *_, pattern in newest))


def _checks(document: dict[str, Any]) -> list[Violation]:
    resolved = _resolved(document)
    known: list[str] = []
    if any(each["eventId"] is not None for each in resolved["members"].values()):
        keys = EventDefinition.objects.live().order_by("key").values_list("key", flat=True).distinct()
        known = list(keys[:MOST_NAMES])
    return check(document, resolved, known)


def _references(document: dict[str, Any]) -> list[Reference]:
    """Event definitions, by the pattern that others call them by."""
    resolved = _resolved(document)
    members = [
        (resolved["members"][member_id(each)]["pattern"], f"/events/{index}/eventId")
        for index, each in enumerate(document["events"])
    ]
    rollback = [
        (pattern, f"/rollbackStrategy/compensatingEvents/{index}/eventId")
        for index, pattern in enumerate(resolved["compensating"])
    ]
    return [Reference("event", pattern, pointer) for pattern, pointer in (*members, *rollback) if pattern]


def _seal(row: SequenceDefinition) -> None:
    row.resolved = _resolved(row.document)


def _published(row: SequenceDefinition, actor: User) -> None:
    """New runs go by this version, unless a higher one is published; runs under way stay with theirs."""
    watches = [
        (member_id(member), pattern, demanded)
        for member in row.document["events"]
        for pattern, demanded in watched(member, row.resolved["members"][member_id(member)])
    ]
    SequenceWatch.objects.bulk_create(
        SequenceWatch(
            definition=row,
            sequence_id=row.key,
            member_id=member,
            event_pattern=pattern,
            correlation_key=correlation_key(demanded),
            current=True,
        )
        for member, pattern, demanded in watches
    )
    keep_shapes(OWNER, [(pattern, demanded) for _, pattern, demanded in watches])
    newest = SequenceDefinition.objects.filter(key=row.key).published().newest_first()[:1].get()
    SequenceWatch.objects.filter(sequence_id=row.key).exclude(definition=newest).update(current=False)
    _retire(row.key)


def _archived(key: str) -> None:
    """No run begins any more; those under way go on to their end."""
    SequenceWatch.objects.filter(sequence_id=key).update(current=False)
    _retire(key)


def _retire(key: str) -> None:
    """Old versions without an open run wait for nothing any more."""
    open_runs = SequenceRun.objects.filter(sequence_id=key, status__in=OPEN).values("definition")
    SequenceWatch.objects.filter(sequence_id=key, current=False).exclude(definition__in=open_runs).delete()


def _running(key: str) -> dict[str, int]:
    rows = SequenceRun.objects.filter(sequence_id=key, status__in=OPEN).values_list("version")
    return dict(rows.annotate(Count("id")))


SEQUENCE: DefinitionKind[SequenceDefinition] = DefinitionKind(
    "sequence",
    "sequenceId",
    SequenceDefinition,
    _checks,
    order=20,
    seal=_seal,
    references=_references,
    running=_running,
    published=_published,
    archived=_archived,
)
