"""Event sequences as a kind of definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def _meant(document: Mapping[str, Any]) -> list[EventDefinition]:
    """The event definitions that a document may name, the ones that count most last."""
    rollback = document.get("rollbackStrategy") or {}
    given = {each["eventId"] for each in (*document["events"], *rollback.get("compensatingEvents", ()))}
    given |= {each["eventPattern"] for each in document["events"] if "eventPattern" in each}
    rows: Any = EventDefinition.objects.live().filter(Q(key__in=given) | Q(document__pattern__in=given))
    # A published version counts more than a draft, a newer one more than an older.
    return sorted(rows, key=lambda row: (row.status == EventDefinition.Status.PUBLISHED, row.version_key))


def _resolved(document: Mapping[str, Any], meant: Iterable[EventDefinition] | None = None) -> dict[str, Any]:
    rows = _meant(document) if meant is None else meant
    names = {row.key: row.document["pattern"] for row in rows}
    return resolve(document, names, frozenset(names.values()))


def _checks(document: dict[str, Any]) -> list[Violation]:
    meant = _meant(document)
    resolved = _resolved(document, meant)
    known: list[str] = []
    if any(each["eventId"] is not None for each in resolved["members"].values()):
        keys = EventDefinition.objects.live().order_by("key").values_list("key", flat=True).distinct()
        known = list(keys[:MOST_NAMES])
    schemas = {row.document["pattern"]: row.document.get("payloadSchema") for row in meant}
    return check(document, resolved, known, schemas)


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
    _watch(row)
    newest = SequenceDefinition.objects.filter(key=row.key).published().newest_first()[:1].get()
    SequenceWatch.objects.filter(sequence_id=row.key).exclude(definition=newest).update(current=False)
    _retire(row.key)


def _watch(row: SequenceDefinition) -> None:
    """Note under which names and fixed values a version waits for events."""
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


def event_published(event: EventDefinition, actor: User) -> None:
    """Sequences that named this event before there was a definition of it wait for its pattern from now on."""
    unknown = SequenceWatch.objects.filter(event_pattern="**").values_list("definition", flat=True)
    for row in SequenceDefinition.objects.filter(id__in=unknown).select_for_update().order_by("id"):
        if any(each["eventId"] == event.key for each in row.resolved["members"].values()):
            current = row.watches.filter(current=True).exists()
            row.resolved = _resolved(row.document)
            row.save(update_fields=["resolved"])
            row.watches.all().delete()
            _watch(row)
            row.watches.update(current=current)


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
