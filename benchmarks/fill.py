"""Filling the tables with finished runs of 10 steps, as the platform leaves them behind."""

from __future__ import annotations

from django.db import connection

_INSTANCES = """
INSERT INTO workflows_workflowinstance (
  id, definition_id, workflow_id, definition_version, status, input, output, variables, visits, transitions, seq, version,
  current_step_id, aliases, depth, started_at, updated_at, completed_at)
SELECT gen_random_uuid(), d.id, d.key, d.version, 'COMPLETED', '{"n": 1}', NULL, '{}', '{}', 10, 22, 1, 'step-10', '{}', 0,
       now() - n * interval '1 second', now(), now()
FROM generate_series(1, %s) AS n, (SELECT * FROM workflows_workflowdefinition WHERE key = 'inline-10') AS d
"""
_STEPS = """
INSERT INTO workflows_stepexecution (
  id, instance_id, step_id, visit, scope, branch, status, attempt, seq, output, started_at, completed_at)
SELECT gen_random_uuid(), i.id, 'step-' || s, 1, '', 0, 'COMPLETED', 1, s * 2, '{"n": 2}', i.started_at, i.started_at
FROM workflows_workflowinstance i, generate_series(1, 10) AS s WHERE i.started_at < now() - interval '1 second'
"""
_HISTORY = """
INSERT INTO workflows_historyrecord (instance_id, first_seq, last_seq, at, entries)
SELECT i.id, 1, 22, i.started_at,
  (SELECT jsonb_agg(jsonb_build_object('seq', s, 'type', 'STEP_COMPLETED', 'stepId', 'step-1', 'visit', 1))
   FROM generate_series(1, 22) AS s)
FROM workflows_workflowinstance i WHERE i.started_at < now() - interval '1 second'
"""


def fill(runs: int) -> None:
    """Empty the tables of runs, put ``runs`` finished ones there, and let the planner know."""
    tables = (
        "workflows_workflowinstance, workflows_stepexecution, workflows_historyrecord, workflows_inboxsignal,"
        " workflows_timer, tasks_task, tasks_readytask"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        if runs:
            cursor.execute(_INSTANCES, [runs])
            cursor.execute(_STEPS)
            cursor.execute(_HISTORY)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
        cursor.execute("RESET statement_timeout")
