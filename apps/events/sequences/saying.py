"""What runs record when they end: that they did, and the events that undo what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from apps.events import doorbell
from apps.events.models import DeadLetter
from apps.events.services.recording import NewEvent, record_events
from apps.events.sql import as_rows, run
from apps.validation.expressions import EvaluationError

from . import reading, store
from .rules import Compensate, Effect, Replay, RunStatus, Say, State, missing
from .store import Run

LARGEST = 256 * 1024
"""Bytes of payloads that the event of an end repeats; beyond it names the events alone."""

_REPLAY = """
UPDATE events_deadletter d SET replay_at = now() + make_interval(secs => r.after), replay_by = '', updated_at = now()
FROM json_to_recordset(%s::json) AS r(event uuid, after float8)
WHERE d.event = r.event AND d.status = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Told:
    """An effect of one run, and the state it had then."""

    run: Run
    state: State
    effect: Effect


def carry_out(told: Sequence[Told], sequences: Mapping[UUID, reading.Sequence]) -> None:
    """Record the events and order the replays; a fixed number of statements. Fills in ``run.rollback``."""
    ends = [each for each in told if isinstance(each.effect, Say | Compensate)]
    came = {
        member.came.id: member.came
        for each in ends
        for member in each.state.members.values()
        if member.came is not None
    }
    payloads = store.payloads(list(came.values()))
    events: list[NewEvent] = []
    for each in ends:
        sequence = sequences[each.run.definition_id]
        if isinstance(each.effect, Say):
            events.append(_end(each.run, each.state, each.effect, sequence, payloads))
        elif isinstance(each.effect, Compensate):
            undoing, rollback = _undoing(each.run, each.state, each.effect, sequence, payloads)
            events += undoing
            each.run.rollback = rollback
    record_events(events)
    _replay(each.effect for each in told if isinstance(each.effect, Replay))


def _replay(effects: Iterable[Replay]) -> None:
    if rows := [{"event": each.event, "after": each.after.total_seconds()} for each in effects]:
        run(_REPLAY, as_rows(rows))
        doorbell.ring(doorbell.ORCHESTRATOR)


def _end(run_: Run, state: State, effect: Say, sequence: reading.Sequence, payloads: Mapping[UUID, Any]) -> NewEvent:
    events = _events(state, payloads)
    whole = len(orjson.dumps(events)) <= LARGEST
    if not whole:
        events = {key: {name: each[name] for name in ("eventId", "timestamp")} for key, each in events.items()}
    payload: dict[str, Any] = {
        "sequenceId": sequence.sequence_id,
        "version": sequence.version,
        "runId": str(run_.id),
        "key": run_.key,
        "status": effect.status,
        "reason": effect.reason,
        "events": events,
        "missing": missing(sequence.plan, state),
    }
    if not whole:
        payload["payloadsOmitted"] = True
    completed, failed = reading.own_events(sequence.sequence_id)
    pattern = completed if effect.status is RunStatus.COMPLETED else failed
    return _event(run_, state, sequence, f"{effect.status}-{effect.number}", pattern, payload)


def _undoing(
    run_: Run, state: State, effect: Compensate, sequence: reading.Sequence, payloads: Mapping[UUID, Any]
) -> tuple[list[NewEvent], dict[str, Any]]:
    events = _events(state, payloads)
    decided = next((each for each in events.values() if each["eventId"] == state.decided_by), None)
    scope = {
        "event": decided,
        "events": events,
        "key": run_.key,
        "sequence": {
            "id": sequence.sequence_id,
            "version": sequence.version,
            "runId": str(run_.id),
            "reason": state.reason,
            "missing": missing(sequence.plan, state),
        },
    }
    found: list[NewEvent] = []
    errors: list[dict[str, str]] = []
    for index, each in enumerate(sequence.undoing(effect.processed)):
        try:
            payload = each.payload.evaluate(scope)
            if b"\\u0000" in orjson.dumps(payload):
                raise EvaluationError("not-json", "The payload has a character that cannot be kept.")
        except (EvaluationError, TypeError) as error:
            errors.append({"pattern": each.pattern, "message": str(error)})
            continue
        found.append(_event(run_, state, sequence, f"undo-{state.outcomes}-{index}", each.pattern, payload))
    undone = [{"eventId": each.event_id, "pattern": each.pattern} for each in found]
    return found, {"events": undone, "errors": errors}


def _events(state: State, payloads: Mapping[UUID, Any]) -> dict[str, dict[str, Any]]:
    return {
        key: {
            "eventId": member.came.event_id,
            "pattern": member.came.pattern,
            "timestamp": _text(member.came.timestamp),
            "payload": payloads.get(member.came.id),
        }
        for key, member in state.members.items()
        if member.came is not None
    }


def _event(run_: Run, state: State, sequence: reading.Sequence, name: str, pattern: str, payload: Any) -> NewEvent:
    metadata = {"correlationId": run_.key}
    if state.decided_by is not None:
        metadata["causationId"] = state.decided_by
    source = {"type": "system", "id": sequence.sequence_id, "name": sequence.name}
    return NewEvent(f"sequence-{run_.id}-{name}", pattern, payload, source, metadata=metadata)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def open_dead_letters(events: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """Of these events, those that some subscriber could not handle and nobody has resolved: the error of one of them."""
    ids = list(events)
    if not ids:
        return {}
    rows = DeadLetter.objects.filter(event__in=ids).exclude(status=DeadLetter.Status.RESOLVED).order_by("-created_at")
    return {
        event: {
            "subscriberId": subscriber_id,
            "deadLetterId": str(id_),
            **{k: error.get(k) for k in ("message", "code", "type")},
        }
        for event, subscriber_id, id_, error in rows.values_list("event", "subscriber_id", "id", "error")
    }
