"""Sequences as subscribers: ``sequence:<sequenceId>``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from apps.events.matching import keys_of
from apps.events.models import SequenceDefinition, SequenceWatch
from apps.events.sql import as_rows, fetch
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Named, Permanent, SubscriberGone
from apps.validation.expressions import EvaluationError

from . import reading, rules, saying, store
from .kind import OWNER
from .rules import Arrived, Came, Died, TimeIsUp
from .saying import Told
from .store import Case, Run

_FIND = """
SELECT DISTINCT k.place, w.sequence_id, w.definition_id, w.member_id, w.current
FROM json_to_recordset(%s::json) AS k(place int, pattern text, key text)
JOIN events_sequencewatch w ON w.event_pattern = k.pattern AND w.correlation_key = k.key
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Members of one version of a sequence that an event's pattern fits; their conditions are not looked at yet."""

    definition_id: UUID
    current: bool
    members: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """One event for one case. ``fits``: version → the members it fits; ``begins``: the version that new runs go by."""

    place: int
    came: Came
    fits: dict[UUID, tuple[str, ...]]
    begins: UUID | None


@dataclass(slots=True)
class _Result:
    """What a pass led to."""

    runs: dict[UUID, Run] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    handled: dict[int, tuple[Run | None, str]] = field(default_factory=dict)


class SequenceSubscriber:
    """Every sequence. An event is found by the patterns and fixed values of members, and judged when it is handled."""

    kind = OWNER

    def find(self, events: Sequence[StoredEvent]) -> list[Match]:
        keys = keys_of(OWNER, events)
        rows = [
            {"place": place, "pattern": pattern, "key": key} for place, each in enumerate(keys) for pattern, key in each
        ]
        if not rows:
            return []
        found: dict[tuple[int, str], dict[tuple[UUID, bool], list[str]]] = defaultdict(lambda: defaultdict(list))
        for place, sequence_id, definition_id, member_id, current in fetch(_FIND, as_rows(rows)):
            found[place, sequence_id][definition_id, current].append(member_id)
        sequences = store.sequences({id_ for versions in found.values() for id_, _ in versions})
        matches = []
        for (place, sequence_id), versions in sorted(found.items()):
            event = events[place]
            candidates = tuple(
                Candidate(id_, current, fitting)
                for (id_, current), members in versions.items()
                if (fitting := _perhaps(sequences[id_], members, event))
            )
            if candidates:
                matches.append(Match(event, f"{OWNER}:{sequence_id}", candidates))
        return matches

    def again(self, event: StoredEvent, subscriber_id: str) -> Match:
        for match in self.find([event]):
            if match.subscriber_id == subscriber_id:
                return match
        sequence_id = subscriber_id.partition(":")[2]
        if not SequenceWatch.objects.filter(sequence_id=sequence_id, current=True).exists():
            raise SubscriberGone(f"The sequence {sequence_id} does not take events any more.")
        return Match(event, subscriber_id, ())

    def names(self, subscriber_ids: Collection[str]) -> dict[str, Named]:
        keys = {each.partition(":")[2] for each in subscriber_ids}
        rows = SequenceDefinition.objects.filter(key__in=keys).order_by("version_key").values_list("key", "name")
        return {f"{OWNER}:{key}": Named(name, f"/events/sequences/{quote(key)}") for key, name in rows}

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        """Note each event at the run of its case, by the order in which they are given.

        1. Judge conditions and keys. 2. Lock the open runs of all cases, or the newest ended one where none is open.
        3. Apply the rules. 4. Write. What needs a run that somebody else has begun meanwhile, or a second new run of the
        same case, is done in another pass.
        """
        now = store.database_now()
        definitions = {each.definition_id for match in matches for each in match.data}
        sequences = dict(store.sequences(definitions))
        pending: dict[Case, list[_Work]] = defaultdict(list)
        done: dict[int, Handled] = {}
        for place, match in enumerate(matches):
            found = _judged(place, match, sequences)
            if isinstance(found, Handled):
                done[place] = found
            else:
                case, work = found
                pending[case].append(work)
        while pending:
            result, pending = _pass(pending, sequences, now)
            saying.carry_out(result.told, sequences)
            store.save(result.runs.values())
            for place, (run, note) in result.handled.items():
                done[place] = _as_handled(run, note)
        return [done[place] for place in range(len(matches))]


def _perhaps(sequence: reading.Sequence, members: Sequence[str], event: StoredEvent) -> tuple[str, ...]:
    """The members whose conditions hold, or cannot be judged."""
    found = []
    for member in members:
        try:
            holds = sequence.holds(member, event.document)
        except EvaluationError:
            holds = True
        if holds:
            found.append(member)
    return tuple(found)


def _judged(place: int, match: Match, sequences: dict[UUID, reading.Sequence]) -> tuple[Case, _Work] | Handled:
    """The case that an event belongs to. Permanent when a condition or the key cannot be evaluated."""
    event = match.event
    fits: dict[UUID, tuple[str, ...]] = {}
    begins = None
    keys: set[str] = set()
    for candidate in match.data:
        sequence = sequences[candidate.definition_id]
        member = ""
        try:
            for member in candidate.members:
                sequence.holds(member, event.document)
            member = ""
            key = sequence.key_of(event.document)
        except EvaluationError as error:
            what = f"The condition of {member}" if member else "The correlation key"
            message = f"{what} cannot be evaluated: {error.message}"
            raise Permanent(message, code=error.code, details={"sequenceId": sequence.sequence_id}) from error
        except ValueError as error:
            raise Permanent(str(error), code="KEY_TOO_LONG") from error
        if key is not None:
            keys.add(key)
            fits[candidate.definition_id] = candidate.members
            begins = candidate.definition_id if candidate.current else begins
    if not match.data:
        return Handled(skipped="It fits none of the sequence's events any more.")
    if not keys:
        return Handled(skipped="It says nothing about the case that it belongs to.")
    sequence_id = match.subscriber_id.partition(":")[2]
    # Versions may name cases differently; the one that new runs go by counts.
    key = min(keys) if begins is None else sequences[begins].key_of(event.document) or min(keys)
    came = Came(event.id, event.event_id, event.pattern, event.timestamp, event.recorded_at)
    return (sequence_id, key), _Work(place, came, fits, begins)


def _pass(
    pending: dict[Case, list[_Work]], sequences: dict[UUID, reading.Sequence], now: datetime
) -> tuple[_Result, dict[Case, list[_Work]]]:
    """Do what can be done with one lock and one write; returns it and what is left for the next pass."""
    open_runs = store.lock_open(pending)
    ended = store.lock_latest([case for case in pending if case not in open_runs])
    runs = {**ended, **open_runs}
    sequences |= store.sequences({each.definition_id for each in runs.values()})
    dead = saying.open_dead_letters(work.came.id for works in pending.values() for work in works)
    result = _Result()
    left: dict[Case, list[_Work]] = defaultdict(list)
    fresh: list[Run] = []
    per_case: dict[Case, _Result] = {}
    for case, works in pending.items():
        mine, rest, begun = _case(case, runs.get(case), works, sequences, dead, now)
        per_case[case] = mine
        left[case] += rest
        if begun is not None:
            fresh.append(begun)
    kept = store.begin(fresh)
    for begun in fresh:
        if begun.id not in kept:
            per_case.pop(begun.case)
            left[begun.case] = pending[begun.case]
    for mine in per_case.values():
        result.runs |= mine.runs
        result.told += mine.told
        result.handled |= mine.handled
    return result, {case: works for case, works in left.items() if works}


def _case(
    case: Case,
    run: Run | None,
    works: list[_Work],
    sequences: dict[UUID, reading.Sequence],
    dead: dict[UUID, dict[str, Any]],
    now: datetime,
) -> tuple[_Result, list[_Work], Run | None]:
    """The events of one case, one after the other; returns what came of it, what is left, and the run that was begun."""
    result = _Result()
    begun: Run | None = None
    for index, work in enumerate(works):
        note = ""
        if run is None or not _takes(run, work, sequences, result, now):
            if work.begins is None or not rules.may_begin(sequences[work.begins].plan, work.fits[work.begins]):
                result.handled[work.place] = None, "No run waits for it."
                continue
            if run is not None and run.state.of_event(work.came.id) is not None:
                result.handled[work.place] = run, "It was taken before."
                continue
            # The end of the one before must be written first: only one run of a case is open.
            if begun is not None or (run is not None and run.before is not None and run.before.status.is_open):
                return result, works[index:], begun
            run = begun = store.new(work.begins, sequences[work.begins], case[1])
            step = rules.begin(sequences[work.begins].plan, work.came, work.fits[work.begins], now)
        else:
            fits = work.fits.get(run.definition_id, ())
            step = rules.advance(sequences[run.definition_id].plan, run.state, Arrived(work.came, fits), now)
            note = (
                step.note
                if fits
                else f"The run that is open goes by version {run.version}, which does not wait for it."
            )
        _apply(run, step, result)
        if work.came.id in dead and run.state.of_event(work.came.id) is not None:
            died = Died(work.came.id, dead[work.came.id])
            _apply(run, rules.advance(sequences[run.definition_id].plan, run.state, died, now), result)
        result.handled[work.place] = run, note
    return result, [], begun


def _takes(run: Run, work: _Work, sequences: dict[UUID, reading.Sequence], result: _Result, now: datetime) -> bool:
    """Whether this run is to see the event. One whose time was up before the event came fails first."""
    plan = sequences[run.definition_id].plan
    arrived = Arrived(work.came, work.fits.get(run.definition_id, ()))
    if run.state.status.is_open:
        if run.state.deadline is None or work.came.recorded_at <= run.state.deadline:
            return True
        _apply(run, rules.advance(plan, run.state, TimeIsUp(), now), result)
    return rules.takes_late(plan, run.state, arrived)


def _apply(run: Run, step: rules.Step, result: _Result) -> None:
    if step.state != run.state:
        run.state = step.state
        result.runs[run.id] = run
    result.told += [Told(run, step.state, effect) for effect in step.effects]


def _as_handled(run: Run | None, note: str) -> Handled:
    if run is None:
        return Handled(skipped=note)
    details = {
        "sequenceId": run.sequence_id,
        "runId": str(run.id),
        "key": run.key,
        "status": str(run.state.status),
        "href": f"/events/sequences/{quote(run.sequence_id)}/{run.id}",
    }
    return Handled(details, note)
