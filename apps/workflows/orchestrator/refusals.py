"""Events that a waiting run could not judge: each becomes a dead letter of that run's subscription."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.events.services import dead_letters
from apps.workflows.engine.state import RefuseEvent

from .subscriptions import OWNER


def subscriber_id(instance_id: UUID, execution_id: UUID) -> str:
    """What waits under ``execution_id``, as the router calls it."""
    return f"{OWNER}:{instance_id}:{execution_id}"


def refuse(found: Sequence[tuple[UUID, RefuseEvent]]) -> None:
    """Leave events to people, in the transaction in which the runs that they were for go on waiting."""
    for instance_id, each in found:
        failure = each.failure
        error = {
            "type": "PERMANENT",
            "code": failure.code or failure.type,
            "message": failure.message,
            "context": failure.details or None,
        }
        dead_letters.refuse(each.event, subscriber_id(instance_id, each.execution_id), error)
