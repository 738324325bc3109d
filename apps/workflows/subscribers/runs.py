"""Runs that wait for events. An event becomes a signal in the run's inbox, in the transaction of its delivery.

Whoever advances the run next judges the event by the whole condition, with what the run knows then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.events import doorbell
from apps.events.matching import keys_of
from apps.events.sql import as_rows, fetch
from apps.events.stored import StoredEvent
from apps.events.subscribers import Handled, Match, Named, SubscriberGone
from apps.workflows.engine.state import Signal
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.models import StepExecution, Subscription, WorkflowDefinition, WorkflowInstance
from apps.workflows.orchestrator import inbox
from apps.workflows.orchestrator.refusals import subscriber_id
from apps.workflows.orchestrator.subscriptions import OWNER

POSTED = 5_000
"""How many signals one statement takes: an event that everybody waits for is sent to them in parts."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An active subscription."""

    instance_id: UUID
    execution_id: UUID
    purpose: str
    step_id: str | None
    pattern: str
    workflow_id: str


# OFFSET 0 keeps the look-up inside: one probe of the index for each key, however many rows wait.
_FIND = """
SELECT r.place, s.instance_id, s.execution_id, s.purpose, s.wait_step_id, s.event_pattern, i.workflow_id
FROM json_to_recordset(%s::json) AS r(place int, event_pattern text, correlation_key text), LATERAL (
  SELECT id, instance_id, execution_id, purpose, wait_step_id, event_pattern FROM workflows_subscription
  WHERE event_pattern = r.event_pattern AND correlation_key = r.correlation_key AND status = 'active' OFFSET 0) s,
LATERAL (SELECT workflow_id FROM workflows_workflowinstance WHERE id = s.instance_id OFFSET 0) i
ORDER BY r.place, s.id
"""

_ONE = """
SELECT s.instance_id, s.execution_id, s.purpose, s.wait_step_id, s.event_pattern, i.workflow_id
FROM workflows_subscription s JOIN workflows_workflowinstance i ON i.id = s.instance_id
WHERE s.execution_id = %s AND s.status = 'active'
"""


class Runs:
    """The kind ``run``. A subscriber is one wait: ``run:<instance>:<execution>``."""

    kind = OWNER

    def find(self, events: Sequence[StoredEvent]) -> list[Match]:
        wanted = [
            {"place": place, "event_pattern": pattern, "correlation_key": key}
            for place, keys in enumerate(keys_of(OWNER, events))
            for pattern, key in keys
        ]
        if not wanted:
            return []
        found = [(events[place], Waiting(*rest)) for place, *rest in fetch(_FIND, as_rows(wanted))]
        return [Match(event, subscriber_id(each.instance_id, each.execution_id), each) for event, each in found]

    def again(self, event: StoredEvent, subscriber_id: str) -> Match:
        ids = _ids_of(subscriber_id)
        found = fetch(_ONE, ids[1]) if ids is not None else []
        if not found:
            raise SubscriberGone("The run does not wait for it any more.")
        return Match(event, subscriber_id, Waiting(*found[0]))

    def handle(self, matches: Sequence[Match]) -> list[Handled]:
        for first in range(0, len(matches), POSTED):
            inbox.post([_signal(each) for each in matches[first : first + POSTED]])
        if matches:
            doorbell.ring(doorbell.ORCHESTRATOR)
        return [Handled(_result(each.data)) for each in matches]

    def names(self, subscriber_ids: Collection[str]) -> dict[str, Named]:
        """Also of waits that are over: an event's story names whoever took it."""
        ids = {each: found for each in subscriber_ids if (found := _ids_of(each)) is not None}
        runs = WorkflowInstance.objects.in_bulk([instance_id for instance_id, _ in ids.values()])
        steps = StepExecution.objects.in_bulk([execution_id for _, execution_id in ids.values()])
        definitions = WorkflowDefinition.objects.filter(id__in={run.definition_id for run in runs.values()})
        titles = dict(definitions.values_list("id", "name"))
        named = {}
        for id_, (instance_id, execution_id) in ids.items():
            if (run := runs.get(instance_id)) is None:
                continue
            step = steps.get(execution_id)
            does = f"waits at {step.step_id}" if step is not None else "would be cancelled by it"
            title = titles.get(run.definition_id, run.workflow_id)
            named[id_] = Named(f"{title} {str(run.id)[:8]} {does}", f"/instances/{run.id}")
        return named


def _signal(match: Match) -> tuple[UUID, Signal]:
    wait: Waiting = match.data
    data = {"event": match.event.document}
    if wait.purpose == Subscription.Purpose.CANCEL:
        return wait.instance_id, Signal(SignalKind.CANCEL_EVENT, wait.execution_id, data | {"pattern": wait.pattern})
    return wait.instance_id, Signal(SignalKind.EVENT, wait.execution_id, data)


def _result(wait: Waiting) -> dict[str, Any]:
    told = {"instanceId": str(wait.instance_id), "workflowId": wait.workflow_id}
    return told | ({"stepId": wait.step_id} if wait.step_id is not None else {"purpose": wait.purpose})


def _ids_of(subscriber_id: str) -> tuple[UUID, UUID] | None:
    """The run and the execution that a subscriber's id names."""
    try:
        _, instance_id, execution_id = subscriber_id.split(":")
        return UUID(instance_id), UUID(execution_id)
    except ValueError:
        return None


RUNS = Runs()
