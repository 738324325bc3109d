"""Queues as people handle them: set up, pause, drain, resume, remove; and their figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events import doorbell, queueing
from apps.events.models import Checkpoint, EventQueue, QueuedEvent, QueueMinute
from apps.events.sql import fetch, run
from apps.validation.expressions import TRIGGER_ROOTS, ExpressionError, compile_expression
from apps.validation.problems import Conflict, NotFound, StaleVersion, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation

KEEP_MINUTES = timedelta(days=7)
KEEP_CHECKPOINTS = timedelta(days=30)
_SETTINGS = ("patterns", "config")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")


@transaction.atomic
def save(*, actor: User, key: str, document: dict[str, Any], if_match: int | None = None) -> tuple[EventQueue, bool]:
    """Set up a queue or change its settings; ``document`` is {patterns, config}. Returns the row and whether it is new.

    Unprocessable with every problem; StaleVersion; Conflict when somebody else sets up the same one at this moment.
    """
    require(actor, "operate:queue")
    given = {"id": key} | {name: document[name] for name in document if name in _SETTINGS}
    unknown = [
        Violation("unknown-field", f"A queue has no {name} that could be set.", f"/{name}", hint="patterns, config.")
        for name in document
        if name not in (*_SETTINGS, "id")
    ]
    found = unknown or check_document("queue", {"status": "active", **given}) or _problems(key, given)
    if document.get("id", key) != key:
        found.append(Violation("id-mismatch", f"The address says {key}.", "/id"))
    if found:
        raise Unprocessable("The queue cannot be set up like that.", violations=found)
    row = _found(key)
    if row is None and if_match is not None:
        raise StaleVersion(f"{key} does not exist, so nothing can match the If-Match header.")
    if row is not None and if_match is not None and row.revision != if_match:
        raise StaleVersion(f"{key} was changed by someone else; read it again before you save.")
    created = row is None
    if row is None:
        row = EventQueue(id=key)
    else:
        row.revision += 1
        row.changed_at = fetch("SELECT now()")[0][0]
    row.patterns, row.config = given.get("patterns", []), given.get("config", {})
    row.changed_by = actor.username
    try:
        with transaction.atomic():
            row.save(force_insert=created)
    except IntegrityError as error:
        raise Conflict(f"Somebody else is setting up a queue {key}; read it before you save.") from error
    _changed(actor, row, "save", given)
    return row, created


def _problems(key: str, given: dict[str, Any]) -> list[Violation]:
    found = []
    if not _NAME.fullmatch(key):
        message = (
            "A queue's name has small letters, digits, - and _, begins with a letter, and has 100 characters at most."
        )
        found.append(Violation("name", message, "/id", hint="orders"))
    if key == EventQueue.DEFAULT and given.get("patterns"):
        message = "The default queue takes what no other queue's patterns fit; it has none of its own."
        found.append(Violation("default-queue", message, "/patterns"))
    if key != EventQueue.DEFAULT and not given.get("patterns"):
        found.append(Violation("required", "Say which events go into this queue.", "/patterns", hint='["orders.**"]'))
    if partition_key := given.get("config", {}).get("partitionKey"):
        try:
            compile_expression(partition_key, roots=TRIGGER_ROOTS)
        except ExpressionError as error:
            found.append(error.as_violation("/config/partitionKey"))
    return found


def pause(*, actor: User, key: str, reason: str = "") -> EventQueue:
    """Route nothing more out of the queue; events still come in, up to its high watermark. Conflict when it rests already."""
    return _turn(actor, key, "pause", EventQueue.Status.PAUSED, reason)


def resume(*, actor: User, key: str, reason: str = "") -> EventQueue:
    """Go on with a queue that was paused or drained. Conflict when it is at work already."""
    return _turn(actor, key, "resume", EventQueue.Status.ACTIVE, reason)


def drain(*, actor: User, key: str, reason: str = "") -> EventQueue:
    """Accept nothing more from outside and go on until the queue is empty. Conflict when it drains already."""
    return _turn(actor, key, "drain", EventQueue.Status.DRAINING, reason)


@transaction.atomic
def _turn(actor: User, key: str, verb: str, status: EventQueue.Status, reason: str) -> EventQueue:
    require(actor, "operate:queue")
    row = _locked(key)
    if row.status == status:
        raise Conflict(f"The queue {key} is {status} already.")
    row.status, row.reason, row.changed_by = status, reason, actor.username
    row.revision += 1
    row.changed_at = fetch("SELECT now()")[0][0]
    row.save()
    _changed(actor, row, verb, {"reason": reason})
    doorbell.ring(doorbell.ORCHESTRATOR)
    return row


@transaction.atomic
def delete(*, actor: User, key: str) -> None:
    """Take a queue away; what lies in it goes into the default queue. Conflict for that one."""
    require(actor, "operate:queue")
    if key == EventQueue.DEFAULT:
        raise Conflict("The default queue stays: it takes what no other queue's patterns fit.")
    row = _locked(key)
    moved = QueuedEvent.objects.filter(queue=key).update(queue=EventQueue.DEFAULT)
    run("UPDATE events_delivery SET queue = 'default' WHERE queue = %s AND next_attempt_at IS NOT NULL", key)
    EventQueue.objects.filter(id=key).delete()  # the row keeps its id, for the audit
    _changed(actor, row, "delete", {"moved": moved})


def _found(key: str) -> EventQueue | None:
    """The row, locked. The default queue is there also where nobody has ever set it up."""
    row = EventQueue.objects.select_for_update().filter(id=key).first()
    if row is None and key == EventQueue.DEFAULT:
        row, _ = EventQueue.objects.select_for_update().get_or_create(id=key)
    return row


def _locked(key: str) -> EventQueue:
    row = _found(key)
    if row is None:
        raise NotFound(f"There is no queue {key}.")
    return row


def _changed(actor: User, row: EventQueue, verb: str, details: dict[str, Any]) -> None:
    record_audit(actor=actor, action=f"queue.{verb}", resource="queue", resource_id=row.id, details=details)
    transaction.on_commit(queueing.forget)
    queueing.forget()


# Figures

_SAMPLE = """
INSERT INTO events_queueminute (queue, minute, slot, processed, errors, millis, depth, oldest_age_ms)
SELECT k.queue, date_trunc('minute', now()), -1, 0, 0, 0, count(q.id),
       coalesce(1000 * extract(epoch FROM now() - min(q.recorded_at)), 0)
FROM unnest(%s::text[]) AS k(queue) LEFT JOIN events_queuedevent q ON q.queue = k.queue
GROUP BY k.queue
ON CONFLICT (queue, minute, slot) DO NOTHING
"""

# Minutes that are over, and a moment, so that whoever was still adding to one has done so.
_CHECKPOINT = """
INSERT INTO events_checkpoint (id, queue, event_count, errors, millis, created_at)
SELECT gen_random_uuid(), k.queue, coalesce(l.event_count, 0) + m.processed, coalesce(l.errors, 0) + m.errors,
       coalesce(l.millis, 0) + m.millis, date_trunc('minute', now()) - interval '1 minute'
FROM unnest(%s::text[]) AS k(queue)
LEFT JOIN LATERAL (SELECT * FROM events_checkpoint WHERE queue = k.queue ORDER BY created_at DESC LIMIT 1) l ON true
JOIN LATERAL (
  SELECT coalesce(sum(processed), 0) AS processed, coalesce(sum(errors), 0) AS errors, coalesce(sum(millis), 0) AS millis
  FROM events_queueminute
  WHERE queue = k.queue AND minute < date_trunc('minute', now()) - interval '1 minute'
    AND minute >= coalesce(l.created_at, '-infinity')) m ON m.processed > 0 OR m.errors > 0
"""

_SAMPLED = """
SELECT 1 FROM events_queueminute WHERE minute = date_trunc('minute', now()) AND slot = -1 AND queue = 'default'
"""


def sample() -> bool:
    """Once a minute: note how full the queues are, and how far they have come. Returns whether it did. Two at once are one."""
    if fetch(_SAMPLED):
        return False
    with transaction.atomic():
        if not fetch("SELECT pg_try_advisory_xact_lock(7201013)")[0][0]:
            return False
        queueing.forget()  # a queue that was set up a moment ago is not one that was removed
        names = [queue.id for queue in queueing.queues()]
        run(_SAMPLE, names)
        run(_CHECKPOINT, names)
        _bring_home(names)
    return True


def _bring_home(names: list[str]) -> None:
    """What a process has put into a queue that was just removed belongs into the default one."""
    run("UPDATE events_queuedevent SET queue = 'default' WHERE queue <> ALL(%s)", names)


def forget_figures() -> None:
    """Forget minutes and checkpoints that nobody looks at any more; the latest checkpoint of a queue stays, for it counts."""
    now = fetch("SELECT now()")[0][0]
    QueueMinute.objects.filter(minute__lt=now - KEEP_MINUTES).delete()
    latest: Callable[..., Any] = Checkpoint.objects.order_by("queue", "-created_at").distinct("queue").values
    Checkpoint.objects.filter(created_at__lt=now - KEEP_CHECKPOINTS).exclude(id__in=latest("id")).delete()
