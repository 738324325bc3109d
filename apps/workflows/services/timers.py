"""Firing due timers, and waking whoever advances runs."""

from __future__ import annotations

from django.db import connection

from apps.events import doorbell

_FIRE = """
WITH due AS (
  DELETE FROM workflows_timer WHERE id IN (
    SELECT id FROM workflows_timer WHERE due_at <= now() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
  RETURNING instance_id, execution_id, purpose, due_at
)
INSERT INTO workflows_inboxsignal (instance_id, kind, execution_id, data, held, created_at)
SELECT instance_id, 'TIMER_DUE', execution_id, jsonb_build_object('purpose', purpose, 'dueAt', due_at), false, now()
FROM due ORDER BY due_at
"""

BATCH = 1_000


def fire_timers() -> int:
    """Turn every due timer into a signal to its run, in batches; two callers at once share the work. Returns how many."""
    fired = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_FIRE, [BATCH])
            count = int(cursor.rowcount)
        fired += count
        if count:
            doorbell.ring(doorbell.ORCHESTRATOR)
        if count < BATCH:
            return fired


def ring_for_waiting_signals() -> None:
    """Ring when signals wait that nobody has taken: their doorbell was lost, or their worker died."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM workflows_inboxsignal WHERE NOT held LIMIT 1")
        if cursor.fetchone():
            doorbell.ring_now(doorbell.ORCHESTRATOR)
