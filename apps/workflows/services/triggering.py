"""What event triggers do with the events that concern them: start runs, cancel runs. In the router's transaction.

Per batch: compute input and key of each, lock the keys, look up which of their runs are under way, hand the starts of each
owner to the one start service together, and put the cancellations into the inboxes. One that cannot be handled raises, and
nothing of the batch counts; the router then finds out which one it was.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied

from apps.auth.access import permitted_scopes
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.events import doorbell
from apps.events.sql import as_rows, fetch, run
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Permanent
from apps.validation.problems import Problem
from apps.validation.violations import Violation
from apps.workflows.rules.triggering import LONGEST_KEY, Rule, Unusable

from . import instances
from .instances import Start

MOST_NAMED = 100
"""How many cancelled runs a result names."""
_PLACE = re.compile(r"^/instances/\d+")

Case = tuple[str, str]
"""A workflow and the key of one of its business cases."""


@dataclass(frozen=True, slots=True)
class Known:
    """A trigger, as far as it takes to act on an event. ``rule`` None: ``problem`` says why there is none."""

    key: str
    workflow_id: str
    owner_id: UUID
    rule: Rule | None
    problem: Unusable | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """An event at a trigger. ``holds``: the condition is true of it; None: it cannot be told, as ``problem`` says."""

    event: StoredEvent
    trigger: Known
    holds: bool | None = True
    problem: Unusable | None = None


def judged(event: StoredEvent, trigger: Known) -> Work:
    """What the trigger's condition says of an event."""
    if trigger.rule is None:
        return Work(event, trigger, None, trigger.problem)
    try:
        return Work(event, trigger, trigger.rule.holds(event.document, event.recorded_at))
    except Unusable as error:
        return Work(event, trigger, None, error)


@dataclass(slots=True)
class _Step:
    """Work with everything computed. ``place``: where it stands in the batch."""

    place: int
    work: Work
    owner: User
    key: str | None
    input: Any = None

    @property
    def case(self) -> Case | None:
        return None if self.key is None else (self.work.trigger.workflow_id, self.key)


def carry_out(works: Sequence[Work]) -> list[Handled]:
    """Act on all of them, in order; what came of each. Permanent for one that cannot be handled."""
    owners = User.objects.in_bulk({work.trigger.owner_id for work in works})
    done: dict[int, Handled] = {}
    starts: list[_Step] = []
    cancels: list[_Step] = []
    for place, work in enumerate(works):
        if work.holds is False:
            done[place] = Handled(skipped="Its condition is not true of this event any more.")
            continue
        step = _computed(place, work, owners.get(work.trigger.owner_id))
        (starts if work.trigger.rule is not None and work.trigger.rule.starts else cancels).append(step)
    started = _start(starts, done)
    _cancel(cancels, started, done)
    return [done[place] for place in range(len(works))]


def _computed(place: int, work: Work, owner: User | None) -> _Step:
    rule, event = work.trigger.rule, work.event
    try:
        if work.problem is not None or rule is None:
            raise work.problem or Unusable("condition", "The trigger cannot be used.")
        if owner is None:
            raise Permanent(f"The owner of the trigger {work.trigger.key} is gone.", code="OWNER_GONE")
        key = rule.key_of(event.document, event.recorded_at)
        value = rule.input_of(event.document, event.recorded_at) if rule.starts else None
    except Unusable as error:
        said = Violation(error.slug, str(error), error.pointer)
        raise Permanent(str(error), code=error.code, details={"violations": [said.as_json()]}) from error
    return _Step(place, work, owner, key, value)


# Starting


def _start(steps: Sequence[_Step], done: dict[int, Handled]) -> dict[UUID, int]:
    """Start their runs; returns the place of each. A case that is under way is not started again."""
    cases = {step.case for step in steps if step.case is not None}
    _lock(cases)
    going = _under_way(cases)
    by_owner: dict[User, list[_Step]] = defaultdict(list)
    first: dict[Case, _Step] = {}
    doubles: list[tuple[_Step, _Step]] = []
    for step in steps:
        if step.case is not None and step.case in going:
            done[step.place] = _is_under_way(step, going[step.case])
        elif step.case is not None and step.case in first:
            doubles.append((step, first[step.case]))
        else:
            if step.case is not None:
                first[step.case] = step
            by_owner[step.owner].append(step)
    ids: dict[int, UUID] = {}
    for owner, mine in by_owner.items():
        for begin in range(0, len(mine), instances.BATCH_LIMIT):
            ids |= _start_as(owner, mine[begin : begin + instances.BATCH_LIMIT])
    for mine in by_owner.values():
        for step in mine:
            result = {"instanceId": str(ids[step.place]), "workflowId": step.work.trigger.workflow_id}
            done[step.place] = Handled(result)
    for step, earlier in doubles:
        done[step.place] = _is_under_way(step, ids[earlier.place])
    return {id_: place for place, id_ in ids.items()}


def _is_under_way(step: _Step, instance_id: UUID) -> Handled:
    result = {"instanceId": str(instance_id), "workflowId": step.work.trigger.workflow_id}
    return Handled(result, skipped=f"A run with the key {step.key} is under way.")


def _start_as(owner: User, steps: Sequence[_Step]) -> dict[int, UUID]:
    requests = [
        Start(
            step.work.trigger.workflow_id,
            step.input,
            correlation_id=step.key if step.key is not None else _correlation_of(step.work.event),
            trigger_event_id=step.work.event.event_id,
        )
        for step in steps
    ]
    try:
        ids = instances.start_batch(actor=owner, requests=requests)
    except Problem as error:
        found = [_at_home(each).as_json() for each in error.violations]
        raise Permanent(
            str(error), code=error.code.upper().replace("-", "_"), details={"violations": found} if found else None
        ) from error
    except PermissionDenied as error:
        raise Permanent(f"{owner.username}, the owner, may not start it: {error}", code="FORBIDDEN") from error
    except TypeError as error:
        raise Permanent(f"The input cannot be kept: {error}", code="INPUT_FAILED") from error
    return {step.place: id_ for step, id_ in zip(steps, ids, strict=True)}


def _at_home(violation: Violation) -> Violation:
    """A finding about a start of a batch, without its place there."""
    return replace(violation, pointer=_PLACE.sub("", violation.pointer), fix=None)


def _correlation_of(event: StoredEvent) -> str | None:
    value = event.metadata.get("correlationId")
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_KEY else None


_LOCK = "SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number"

_UNDER_WAY = """
SELECT r.workflow_id, r.key, (
  SELECT i.id FROM workflows_workflowinstance i
  WHERE i.workflow_id = r.workflow_id AND i.correlation_id = r.key AND i.completed_at IS NULL
  ORDER BY i.id DESC LIMIT 1)
FROM json_to_recordset(%s::json) AS r(workflow_id text, key text)
"""


def _lock(cases: Iterable[Case]) -> None:
    """Let nobody else start these until the transaction ends: in the order of their numbers, so that two never block each other."""
    if numbers := sorted({_number(case) for case in cases}):
        run(_LOCK, numbers)


def _number(case: Case) -> int:
    digest = blake2b("\0".join(case).encode(), digest_size=8, person=b"triggers").digest()
    return int.from_bytes(digest, "big", signed=True)


def _under_way(cases: Iterable[Case]) -> dict[Case, UUID]:
    rows = [{"workflow_id": workflow_id, "key": key} for workflow_id, key in cases]
    if not rows:
        return {}
    return {(workflow_id, key): id_ for workflow_id, key, id_ in fetch(_UNDER_WAY, as_rows(rows)) if id_ is not None}


# Cancelling

# A run that an event further behind in this batch has just started is not meant.
_CANCEL = """
WITH asked AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(place int, workflow_id text, key text, started_by uuid, data jsonb)
), fresh AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(id uuid, place int)
), going AS (
  SELECT a.place, a.data, a.started_by, i.id, i.started_by_id FROM asked a
  JOIN workflows_workflowinstance i ON i.workflow_id = a.workflow_id AND i.correlation_id = a.key AND i.completed_at IS NULL
  WHERE a.key IS NOT NULL
  UNION ALL
  SELECT a.place, a.data, a.started_by, i.id, i.started_by_id FROM asked a
  JOIN workflows_workflowinstance i ON i.workflow_id = a.workflow_id AND i.completed_at IS NULL
  WHERE a.key IS NULL
), found AS (
  SELECT place, data, id FROM going g
  WHERE (started_by IS NULL OR started_by = started_by_id)
    AND NOT EXISTS (SELECT FROM fresh f WHERE f.id = g.id AND f.place > g.place)
), posted AS (
  INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
  SELECT id, 'CANCEL', NULL, data, false, now() FROM found ORDER BY id
)
SELECT place, count(*), (array_agg(id ORDER BY id))[:%s] FROM found GROUP BY place
"""


def _cancel(steps: Sequence[_Step], started: dict[UUID, int], done: dict[int, Handled]) -> None:
    """Have the runs that are meant cancelled: signals in their inboxes, so that nobody waits for their locks."""
    if not steps:
        return
    rows = []
    for step in steps:
        trigger, event = step.work.trigger, step.work.event
        scopes = permitted_scopes(step.owner, "steer:instance")
        if not scopes & {"all", "own"}:
            message = (
                f"{step.owner.username}, the owner, may not cancel runs: this needs the permission steer:instance."
            )
            raise Permanent(message, code="FORBIDDEN")
        data = {
            "reason": f"The event {event.pattern} came (trigger {trigger.key}).",
            "requestedBy": step.owner.username,
            "source": "EVENT",
            "eventId": event.event_id,
            "shouldCompensate": False,
        }
        started_by = None if "all" in scopes else step.owner.pk
        rows.append(
            {
                "place": step.place,
                "workflow_id": trigger.workflow_id,
                "key": step.key,
                "started_by": started_by,
                "data": data,
            }
        )
    fresh = [{"id": id_, "place": place} for id_, place in started.items()]
    found = {row[0]: row[1:] for row in fetch(_CANCEL, as_rows(rows), as_rows(fresh), MOST_NAMED)}
    for step in steps:
        count, ids = found.get(step.place, (0, []))
        result = {"cancelled": [str(id_) for id_ in ids], "count": count, "workflowId": step.work.trigger.workflow_id}
        done[step.place] = Handled(result, skipped="" if count else "No run of it is under way that is meant.")
    if found:
        doorbell.ring(doorbell.ORCHESTRATOR)
        _write_down([step for step in steps if step.place in found], done)


def _write_down(steps: Sequence[_Step], done: dict[int, Handled]) -> None:
    by_owner: dict[User, list[_Step]] = defaultdict(list)
    for step in steps:
        by_owner[step.owner].append(step)
    for owner, mine in by_owner.items():
        record_audit(
            actor=owner,
            action="workflow.cancel_batch",
            resource="trigger",
            resource_id=mine[0].work.trigger.key,
            details={
                "count": sum(done[step.place].result["count"] for step in mine),
                "last": done[mine[-1].place].result["cancelled"][-1],
                "triggers": sorted({step.work.trigger.key for step in mine})[:MOST_NAMED],
                "eventIds": list(dict.fromkeys(step.work.event.event_id for step in mine))[:MOST_NAMED],
            },
        )
