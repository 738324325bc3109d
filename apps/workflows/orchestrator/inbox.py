"""Putting signals into the inboxes of runs: the way to reach a run whose lock is not to be waited for."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.events.sql import as_rows, run
from apps.workflows.engine.state import Signal

_INSERT_INBOX = """
INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
SELECT instance_id, kind, execution_id, data, held, now()
FROM json_to_recordset(%s::json) AS r(instance_id uuid, kind text, execution_id uuid, data jsonb, held bool)
"""


def post(signals: Sequence[tuple[UUID, Signal]], *, held: bool = False) -> None:
    """Put signals into the inboxes of their instances."""
    if signals:
        rows = [
            {
                "instance_id": instance_id,
                "kind": signal.kind.value,
                "execution_id": signal.execution_id,
                "data": signal.data,
                "held": held,
            }
            for instance_id, signal in signals
        ]
        run(_INSERT_INBOX, as_rows(rows))
