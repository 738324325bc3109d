"""Inserting runs: any number of them with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.events.sql import as_rows, run
from apps.workflows.engine.state import Instance

_INSERT_INSTANCES = """
INSERT INTO workflows_workflowinstance (
  id, definition_id, workflow_id, definition_version, status, input, output, variables, visits, transitions, seq, version,
  current_step_id, resume_to, correlation_id, trigger_event_id, parent_instance_id, cancellation, compensation, error,
  started_by_id, aliases, started_at, updated_at, completed_at, parent_execution_id, depth, concurrency_key)
SELECT id, definition_id, workflow_id, definition_version, status, input, output, variables, visits, transitions, seq, 1,
  current_step_id, resume_to, correlation_id, trigger_event_id, parent_instance_id, cancellation, compensation, error,
  started_by_id, '{}', now(), now(), completed_at, parent_execution_id, depth, concurrency_key
FROM json_to_recordset(%s::json) AS r(
  id uuid, definition_id uuid, workflow_id text, definition_version text, status text, input jsonb, output jsonb,
  variables jsonb, visits jsonb, transitions int, seq int, current_step_id text, resume_to text, correlation_id text,
  trigger_event_id text, parent_instance_id uuid, cancellation jsonb, compensation jsonb, error jsonb,
  started_by_id uuid, completed_at timestamptz, parent_execution_id uuid, depth int, concurrency_key text)
"""


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What an instance's row holds besides what the engine knows."""

    definition_id: UUID
    started_by_id: UUID | None
    trigger_event_id: str | None = None
    parent_instance_id: UUID | None = None
    parent_execution_id: UUID | None = None
    concurrency_key: str | None = None


def insert(instances: Sequence[tuple[Instance, NewInstance]]) -> None:
    """Insert instances as they are, with one statement."""
    rows = [
        head_row(instance)
        | {
            "definition_id": new.definition_id,
            "workflow_id": instance.definition["workflowId"],
            "definition_version": instance.definition["version"],
            "input": instance.input,
            "correlation_id": instance.correlation_id,
            "started_by_id": new.started_by_id,
            "trigger_event_id": new.trigger_event_id,
            "parent_instance_id": new.parent_instance_id,
            "parent_execution_id": new.parent_execution_id,
            "depth": instance.depth,
            "concurrency_key": new.concurrency_key,
        }
        for instance, new in instances
    ]
    run(_INSERT_INSTANCES, as_rows(rows))


def head_row(instance: Instance) -> dict[str, Any]:
    """The part of an instance's row that an advance may change."""
    return {
        "id": instance.id,
        "status": instance.status,
        "output": instance.output,
        "variables": instance.variables,
        "visits": instance.visits,
        "transitions": instance.transitions,
        "seq": instance.seq,
        "current_step_id": instance.current_step_id,
        "resume_to": instance.resume_to,
        "cancellation": instance.cancellation,
        "compensation": instance.compensation,
        "error": instance.error,
        "completed_at": instance.completed_at,
    }
