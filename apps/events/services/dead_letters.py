"""Dead letters as people handle them: replay one, or many by a filter, now or later; discard; resolve by hand.

A replay is safe to press twice: it is decided under the letter's lock, and the delivery has one row. Letters of subscribers
that are sent are replayed by sending; all others within a transaction of the router's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import QuerySet

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events import doorbell
from apps.events.models import DeadLetter
from apps.events.selectors import dead_letters as selectors
from apps.events.sql import as_rows, fetch, run
from apps.validation.problems import Conflict, NotFound, Unprocessable
from apps.validation.violations import Violation

from . import sequences
from .deliveries import DEAD, Dead, bury

_S = DeadLetter.Status
MOST = 10_000
"""Letters that one replay by filter takes; more are for the next."""


@transaction.atomic
def replay(*, actor: User, letter_id: UUID, at: datetime | None = None, notes: str = "") -> DeadLetter:
    """Have an event handled again by the subscriber that could not, now or at a time.

    One that is being replayed already is left at that. Conflict when it is resolved or discarded.
    """
    require(actor, "replay:event")
    letter = _locked(letter_id)
    if letter.status in (_S.RESOLVED, _S.DISCARDED):
        raise Conflict(_over(letter))
    _ask([letter], actor, at)
    _audit(actor, "replay", letter, {"at": at, "notes": notes})
    return letter


@transaction.atomic
def replay_many(*, actor: User, filters: Mapping[str, Any], at: datetime | None = None, notes: str = "") -> int:
    """The same for every pending letter that the filters fit (see selectors), 10,000 at most; returns how many."""
    require(actor, "replay:event")
    rows = list(_pending(filters).only("id", "status"))
    _ask(rows, actor, at)
    details = {"filter": dict(filters), "count": len(rows), "at": at, "notes": notes}
    record_audit(actor=actor, action="dead_letter.replay_many", resource="deadLetter", resource_id="*", details=details)
    return len(rows)


@transaction.atomic
def discard(*, actor: User, letter_id: UUID, notes: str) -> DeadLetter:
    """Give an event up for this subscriber. Conflict when it is over already."""
    return _end(actor, letter_id, _S.DISCARDED, "discard", notes)


@transaction.atomic
def discard_many(*, actor: User, filters: Mapping[str, Any], notes: str) -> int:
    """The same for every pending letter that the filters fit, 10,000 at most; returns how many."""
    require(actor, "replay:event")
    _need_notes(notes)
    rows = list(_pending(filters).only("id"))
    resolution = {"timestamp": _now_text(), "strategy": "discard", "resolvedBy": actor.username, "notes": notes}
    DeadLetter.objects.filter(id__in=[row.id for row in rows]).update(
        status=_S.DISCARDED, resolution=resolution, replay_at=None, updated_at=_now()
    )
    details = {"filter": dict(filters), "count": len(rows), "notes": notes}
    record_audit(
        actor=actor, action="dead_letter.discard_many", resource="deadLetter", resource_id="*", details=details
    )
    return len(rows)


@transaction.atomic
def resolve(*, actor: User, letter_id: UUID, notes: str) -> DeadLetter:
    """Note that a person has done by other means what the event asked for. Conflict when it is over already."""
    return _end(actor, letter_id, _S.RESOLVED, "manual_resolution", notes)


def _end(actor: User, letter_id: UUID, status: str, strategy: str, notes: str) -> DeadLetter:
    require(actor, "replay:event")
    _need_notes(notes)
    run(_GIVE_UP_SENDING, letter_id)
    letter = _locked(letter_id)
    if letter.status in (_S.RESOLVED, _S.DISCARDED):
        raise Conflict(_over(letter))
    letter.status, letter.replay_at, letter.updated_at = status, None, _now()
    letter.resolution = {
        "timestamp": _now_text(),
        "strategy": strategy,
        "resolvedBy": actor.username,
        "notes": notes,
    }
    letter.save()
    if status == _S.RESOLVED:
        sequences.note_resolved([letter.event])
    _audit(actor, "discard" if status == _S.DISCARDED else "resolve", letter, {"notes": notes})
    return letter


# What is on its way to be sent again is not waited for any more. Deliveries are locked before letters.
_GIVE_UP_SENDING = """
UPDATE events_delivery d SET status = 'dead', next_attempt_at = NULL, lease = NULL, updated_at = now()
FROM events_deadletter l
WHERE l.id = %s AND l.status = 'reprocessing' AND d.event = l.event AND d.subscriber_id = l.subscriber_id
  AND d.recorded_at = l.recorded_at AND d.status = 'retrying'
"""


def _need_notes(notes: str) -> None:
    if not notes.strip():
        raise Unprocessable(violations=[Violation("required", "Say why, for those who look here later.", "/notes")])


def _pending(filters: Mapping[str, Any]) -> QuerySet[DeadLetter]:
    rows = selectors.filtered(**filters).filter(status=_S.PENDING).order_by("event", "subscriber_id")
    return rows.select_for_update(skip_locked=True, of=("self",))[:MOST]


def _locked(letter_id: UUID) -> DeadLetter:
    letter = DeadLetter.objects.select_for_update().filter(id=letter_id).first()
    if letter is None:
        raise NotFound(f"There is no dead letter {letter_id}.")
    return letter


def _over(letter: DeadLetter) -> str:
    resolution = letter.resolution or {}
    who = resolution.get("resolvedBy") or "the platform"
    return f"The dead letter is {letter.status} since {resolution.get('timestamp', 'some time')}, by {who}."


def _ask(letters: Sequence[DeadLetter], actor: User, at: datetime | None) -> None:
    """Have letters replayed by whoever routes next, or once their time has come."""
    now = _now()
    later = at is not None and at > now
    change = {
        "status": _S.PENDING if later else _S.REPROCESSING,
        "replay_at": at if later else now,
        "replay_by": actor.username,
        "updated_at": now,
    }
    # One that is being replayed is about to be handled, or on its way to whom it is sent: asking again would do it twice.
    free = [letter for letter in letters if letter.status == _S.PENDING]
    DeadLetter.objects.filter(id__in=[letter.id for letter in free]).update(**change)
    for letter in free:
        for name, value in change.items():
            setattr(letter, name, value)
    doorbell.ring(doorbell.ORCHESTRATOR)


def _now() -> datetime:
    moment: datetime = fetch("SELECT now()")[0][0]
    return moment


def _now_text() -> str:
    return _now().isoformat()


def _audit(actor: User, verb: str, letter: DeadLetter, details: dict[str, Any]) -> None:
    record_audit(
        actor=actor,
        action=f"dead_letter.{verb}",
        resource="deadLetter",
        resource_id=str(letter.id),
        details={"eventId": letter.event_id, "subscriberId": letter.subscriber_id, **details},
    )


# What the platform itself does with letters

_FORGET = """
DELETE FROM events_deadletter WHERE id IN (
  SELECT id FROM events_deadletter WHERE status = ANY(%s) AND updated_at < %s ORDER BY created_at LIMIT %s)
"""

FORGET_BATCH = 1_000


def forget_letters(*, ended_before: datetime) -> int:
    """Delete letters that were resolved or discarded before that; what is still pending stays. Returns how many."""
    gone = 0
    while True:
        count = run(_FORGET, [str(_S.RESOLVED), str(_S.DISCARDED)], ended_before, FORGET_BATCH)
        gone += count
        if count < FORGET_BATCH:
            return gone


_OF = """
SELECT k.id, k.recorded_at, coalesce(d.queue, 'default'), coalesce(d.history, '[]')::text, coalesce(d.attempts, 1)
FROM events_eventkey k LEFT JOIN events_delivery d ON d.event = k.id AND d.subscriber_id = %s AND d.recorded_at = k.recorded_at
WHERE k.event_id = %s
"""

_REFUSED = """
UPDATE events_delivery SET status = %s, error = %s::jsonb, updated_at = now(), next_attempt_at = NULL
WHERE event = %s AND subscriber_id = %s AND recorded_at = %s
"""


def refuse(event: Mapping[str, Any], subscriber_id: str, error: Mapping[str, Any]) -> None:
    """A subscriber found out afterwards that it cannot handle an event it had taken: a dead letter, in the caller's transaction.

    ``event`` as schemas/eventInstance.json has it, ``error`` {type, code, message, context?}. An event that was never
    recorded (a person's signal) leaves no letter.
    """
    found = fetch(_OF, subscriber_id, event["eventId"])
    if not found:
        return
    id_, recorded_at, queue, history, attempts = found[0]
    whole = {"message": "", "type": "PERMANENT", "code": "REFUSED", "stackTrace": None, "context": None, **error}
    entry = {"at": _now_text(), "attempt": attempts, "error": {k: whole[k] for k in ("type", "code", "message")}}
    bury([Dead(id_, recorded_at, event, subscriber_id, whole, queue, [*_loads(history), entry], attempts, 0)])
    run(_REFUSED, DEAD, as_rows(whole), id_, subscriber_id, recorded_at)


def _loads(text: str) -> list[Any]:
    found: list[Any] = orjson.loads(text)
    return found
