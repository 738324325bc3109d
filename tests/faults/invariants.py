"""What is promised whatever happens, as questions to the database. Every fault test asks them all at its end.

I1  every accepted run exists, as do the runs it started, and has ended or waits for a cause that it declares; what has
    ended holds nothing: no task, timer, slot, place in a queue or subscription
I2  each (run, scope, step, visit) has exactly one committed result; outside, one effect per idempotency key; each child
    that has ended told the run that waits for it once
I3  each event that a history tells of was recorded exactly once; each recorded event is still queued or has been handed to
    everybody at once, and what a subscriber could not handle is its dead letter; nobody holds a delivery for ever
I4  the history has no gap, and folding it gives the current state
I5  audit entries match the transitions
I6  at least 90 % of the offered load succeeded
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from apps.workflows.engine.history import fold
from apps.workflows.engine.transitions import ACTIVE_STEP, TERMINAL
from tests.support.outside import Outside

ENDED = frozenset(status.value for status in TERMINAL)
ACTIVE = frozenset(status.value for status in ACTIVE_STEP)
NEEDED = 0.9

# A step ends with one of these entries. STEP_CANCELLED is written for a whole subtree.
_RESULTS = frozenset(
    {"STEP_COMPLETED", "STEP_FAILED", "STEP_SKIPPED", "STEP_TIMED_OUT", "ITEM_COMPLETED", "ITEM_FAILED"}
)
_STEERED = {
    "workflow.cancel": "INSTANCE_CANCELLED",
    "workflow.suspend": "INSTANCE_SUSPENDED",
    "workflow.resume": "INSTANCE_RESUMED",
    "workflow.retry": "INSTANCE_RETRIED",
}

Row = dict[str, Any]


def connect(database_url: str) -> psycopg.Connection[Row]:
    """A connection of the test's own, in autocommit, that finds every store's tables."""
    search_path = "-c search_path=workflow,business,auth,public"
    return psycopg.connect(database_url, autocommit=True, row_factory=dict_row, options=search_path)


@dataclass(frozen=True)
class Accepted:
    """The runs that the platform said yes to: those started one by one, and those in batches."""

    single: frozenset[str]
    batched: frozenset[str]

    @property
    def ids(self) -> list[str]:
        return [*self.single, *self.batched]


def check(database_url: str, outside: Outside, accepted: Accepted, *, offered: int) -> None:
    """Ask everything. AssertionError names the invariant and the first rows that break it."""
    with connect(database_url) as database:
        instances = {str(row["id"]): row for row in database.execute(_RUNS, {"ids": accepted.ids})}
        _none("I1: accepted and lost", [id_ for id_ in accepted.ids if id_ not in instances])
        ids = list(instances)
        executions = {
            str(row["id"]): row
            for row in database.execute("SELECT * FROM workflows_stepexecution WHERE instance_id = ANY(%s)", [ids])
        }
        histories = _histories(database, ids)
        _i1_ends_or_waits(database, instances, executions)
        _i1_slots(database, instances)
        _i2_one_result(database, ids, executions, histories)
        _i2_children_tell_once(database, instances, executions)
        _i2_one_effect(database, outside, executions)
        _i3_events(database, histories)
        _i3_deliveries(database)
        _i4_history(instances, executions, histories)
        _i5_audit(database, accepted, histories)
    _i6_succeeded([instances[id_] for id_ in accepted.ids], offered)


def _none(what: str, found: Collection[Any]) -> None:
    assert not found, f"{what}: {len(found)}, such as {list(found)[:3]}"


def _histories(database: psycopg.Connection[Row], ids: list[str]) -> dict[str, list[Row]]:
    histories: dict[str, list[Row]] = {id_: [] for id_ in ids}
    for row in database.execute(
        "SELECT instance_id, first_seq, last_seq, entries FROM workflows_historyrecord"
        " WHERE instance_id = ANY(%s) ORDER BY instance_id, first_seq",
        [ids],
    ):
        assert [row["first_seq"], row["last_seq"]] == [row["entries"][0]["seq"], row["entries"][-1]["seq"]], (
            f"I4: {row}"
        )
        histories[str(row["instance_id"])] += row["entries"]
    return histories


# The accepted runs and those that they started, at any depth.
_RUNS = """
WITH RECURSIVE runs AS (
  SELECT * FROM workflows_workflowinstance WHERE id = ANY(%(ids)s)
  UNION ALL SELECT child.* FROM workflows_workflowinstance child JOIN runs ON child.parent_instance_id = runs.id
)
SELECT * FROM runs
"""

# For a whole run: something in its inbox, or others that hold the slots it needs.
_CAUSES_OF_RUNS = """
SELECT instance_id AS id FROM workflows_inboxsignal
UNION SELECT s.instance_id FROM workflows_concurrencyslot s WHERE NOT s.held AND s.capacity <= (
  SELECT count(*) FROM workflows_concurrencyslot h WHERE h.workflow_id = s.workflow_id AND h.key = s.key AND h.held)
"""

_CAUSES = """
SELECT q.task_id AS id FROM tasks_readytask q JOIN tasks_task t ON t.id = q.task_id
UNION SELECT execution_id FROM workflows_timer
UNION SELECT execution_id FROM workflows_inboxsignal
UNION SELECT id FROM tasks_task WHERE type = 'MANUAL' AND status IN ('PENDING', 'ASSIGNED', 'RUNNING')
UNION SELECT parent_execution_id FROM workflows_workflowinstance WHERE completed_at IS NULL
UNION SELECT execution_id FROM workflows_subscription WHERE status = 'active'
"""

_LEFT_OVER = """
WITH ended AS (SELECT id FROM workflows_workflowinstance WHERE completed_at IS NOT NULL AND id = ANY(%(ids)s))
SELECT 'ready task' AS kind, q.task_id::text AS id FROM tasks_readytask q JOIN tasks_task t ON t.id = q.task_id
 WHERE t.workflow_instance_id IN (SELECT id FROM ended)
UNION ALL SELECT 'open task', id::text FROM tasks_task
 WHERE workflow_instance_id IN (SELECT id FROM ended) AND completed_at IS NULL
UNION ALL SELECT 'timer', id::text FROM workflows_timer WHERE instance_id IN (SELECT id FROM ended)
UNION ALL SELECT 'active step', id::text FROM workflows_stepexecution
 WHERE instance_id IN (SELECT id FROM ended) AND status IN ('PENDING', 'RUNNING', 'WAITING')
UNION ALL SELECT 'slot', id::text FROM workflows_concurrencyslot WHERE instance_id IN (SELECT id FROM ended)
UNION ALL SELECT 'active subscription', id::text FROM workflows_subscription
 WHERE instance_id IN (SELECT id FROM ended) AND status = 'active'
"""

_OVER_CAPACITY = """
SELECT workflow_id, key, count(*) AS held, min(capacity) AS capacity FROM workflows_concurrencyslot WHERE held
GROUP BY workflow_id, key HAVING count(*) > min(capacity)
"""

TELLINGS = """
CREATE TABLE IF NOT EXISTS faults_telling (execution_id uuid NOT NULL, instance_id uuid NOT NULL);
TRUNCATE faults_telling;
CREATE OR REPLACE FUNCTION faults_note_telling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO workflow.faults_telling VALUES (NEW.execution_id, (NEW.data->>'instanceId')::uuid);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER faults_note_telling AFTER INSERT ON workflows_inboxsignal FOR EACH ROW
WHEN (NEW.kind IN ('CHILD_COMPLETED', 'CHILD_FAILED') AND NOT NEW.held) EXECUTE FUNCTION faults_note_telling()
"""
"""Keeps what children tell, which the platform deletes as soon as the parent has taken it in."""


def _i1_ends_or_waits(database: psycopg.Connection[Row], instances: dict[str, Row], executions: dict[str, Row]) -> None:
    causes = {str(row["id"]) for row in database.execute(_CAUSES)}
    waiting = {str(row["instance_id"]) for row in executions.values() if str(row["id"]) in causes}
    waiting |= {str(row["id"]) for row in database.execute(_CAUSES_OF_RUNS)}
    open_ = [id_ for id_, row in instances.items() if row["status"] not in ENDED]
    _none("I1: neither ended nor waiting for anything", [id_ for id_ in open_ if id_ not in waiting])
    left = database.execute(_LEFT_OVER, {"ids": list(instances)}).fetchall()
    _none("I1: ended, and something is left over", left)


def _i1_slots(database: psycopg.Connection[Row], instances: dict[str, Row]) -> None:
    _none("I1: more hold slots than there are", over_capacity(database))
    rows = database.execute("SELECT * FROM workflows_concurrencyslot").fetchall()
    _none("I1: a slot of no run", [row for row in rows if str(row["instance_id"]) not in instances])


def over_capacity(database: psycopg.Connection[Row]) -> list[Row]:
    """Keys of which more runs hold slots than there are, at this moment."""
    return database.execute(_OVER_CAPACITY).fetchall()


def _i2_children_tell_once(
    database: psycopg.Connection[Row], instances: dict[str, Row], executions: dict[str, Row]
) -> None:
    told = Counter(
        (str(row["execution_id"]), str(row["instance_id"])) for row in database.execute("SELECT * FROM faults_telling")
    )
    _none("I2: a child that told its parent twice", [each for each, count in told.items() if count > 1])
    children = {id_: row for id_, row in instances.items() if row["parent_execution_id"] is not None}
    awaited = {(str(row["parent_execution_id"]), id_) for id_, row in children.items() if row["status"] in ENDED}
    _none("I2: told by no child that has ended", told.keys() - awaited)
    wanted = {each for each in awaited if executions[each[0]]["status"] != "CANCELLED"}  # that one waits no more
    _none("I2: a child that did not tell its parent", wanted - told.keys())
    wrong = [
        each
        for each in wanted
        if executions[each[0]]["status"] == "COMPLETED" and executions[each[0]]["output"] != children[each[1]]["output"]
    ]
    _none("I2: a child and its parent disagree", wrong)


def _i2_one_result(
    database: psycopg.Connection[Row], ids: list[str], executions: dict[str, Row], histories: dict[str, list[Row]]
) -> None:
    visits = Counter((row["instance_id"], row["scope"], row["step_id"], row["visit"]) for row in executions.values())
    _none("I2: a visit with two executions", [visit for visit, count in visits.items() if count > 1])
    results = Counter(
        entry["executionId"] for entries in histories.values() for entry in entries if entry["type"] in _RESULTS
    )
    _none("I2: an execution with two results", [id_ for id_, count in results.items() if count > 1])
    told = frozenset({"COMPLETED", "FAILED", "SKIPPED", "TIMED_OUT"})
    ended = {id_ for id_, row in executions.items() if row["status"] in told}
    _none("I2: a result without its entry in the history", ended - results.keys())
    tasks = database.execute(
        "SELECT t.id, t.status, e.status AS step FROM tasks_task t JOIN workflows_stepexecution e ON e.id = t.id"
        " WHERE e.instance_id = ANY(%s) AND e.status IN ('COMPLETED', 'FAILED')"
        " AND (t.status <> e.status OR t.output IS DISTINCT FROM e.output)",
        [ids],
    ).fetchall()
    _none("I2: a task and its step disagree", tasks)


def _i2_one_effect(database: psycopg.Connection[Row], outside: Outside, executions: dict[str, Row]) -> None:
    calls = outside.by_key()
    _none("I2: a key that is no step execution", calls.keys() - executions.keys())
    different = [key for key, made in calls.items() if any(call.body != made[0].body for call in made)]
    _none("I2: a key that was sent with two bodies", different)
    outputs = {
        str(row["id"]): row["output"]
        for row in database.execute(
            "SELECT id, output FROM tasks_task WHERE status = 'COMPLETED' AND type = 'AUTOMATED' AND id = ANY(%s)",
            [list(executions)],
        )
    }
    _none("I2: a result without an effect", outputs.keys() - calls.keys())
    wrong = [id_ for id_, output in outputs.items() if output != {"value": calls[id_][0].body["n"] + 1}]
    _none("I2: a result that is not what its effect answered", wrong)


def _i3_events(database: psycopg.Connection[Row], histories: dict[str, list[Row]]) -> None:
    told = [
        entry["data"]["eventId"]
        for entries in histories.values()
        for entry in entries
        if entry["type"] == "EVENT_EMITTED"
    ]
    _none("I3: an event told twice", [id_ for id_, count in Counter(told).items() if count > 1])
    rows = database.execute("SELECT event_id FROM events_event WHERE source->>'id' = ANY(%s)", [list(histories)])
    recorded = Counter(row["event_id"] for row in rows)
    _none("I3: told and recorded differ", set(told) ^ recorded.keys())


_ONCE = """
SELECT 'recorded without its key' AS what, e.event_id AS id FROM events_event e
 WHERE NOT EXISTS (SELECT 1 FROM events_eventkey k WHERE k.event_id = e.event_id AND k.id = e.id)
UNION ALL SELECT 'a key without its event', k.event_id FROM events_eventkey k
 WHERE NOT EXISTS (SELECT 1 FROM events_event e WHERE e.id = k.id AND e.recorded_at = k.recorded_at)
UNION ALL SELECT 'queued twice', event::text FROM events_queuedevent GROUP BY event HAVING count(*) > 1
UNION ALL SELECT 'queued, and delivered', q.event::text FROM events_queuedevent q
 WHERE EXISTS (SELECT 1 FROM events_delivery d WHERE d.event = q.event)
UNION ALL SELECT 'delivered twice', event::text FROM events_delivery GROUP BY event, subscriber_id HAVING count(*) > 1
UNION ALL SELECT 'dead without a letter', event_id FROM events_delivery d WHERE status = 'dead'
 AND NOT EXISTS (SELECT 1 FROM events_deadletter l WHERE l.event = d.event AND l.subscriber_id = d.subscriber_id)
UNION ALL SELECT 'a letter of what is not dead', l.event_id FROM events_deadletter l WHERE l.status = 'pending'
 AND NOT EXISTS (SELECT 1 FROM events_delivery d
                 WHERE d.event = l.event AND d.subscriber_id = l.subscriber_id AND d.status = 'dead')
UNION ALL SELECT 'still held', event_id FROM events_delivery WHERE next_attempt_at IS NOT NULL AND lease IS NOT NULL
UNION ALL SELECT 'handled, and its run is not there', event_id FROM events_delivery d
 WHERE kind = 'trigger' AND status = 'handled' AND result ? 'instanceId'
 AND NOT EXISTS (SELECT 1 FROM workflows_workflowinstance i
                 WHERE i.id = (d.result->>'instanceId')::uuid AND i.trigger_event_id = d.event_id)
UNION ALL SELECT 'started twice by one event', trigger_event_id FROM workflows_workflowinstance
 WHERE trigger_event_id IN (SELECT event_id FROM events_event) GROUP BY trigger_event_id, workflow_id HAVING count(*) > 1
"""


def _i3_deliveries(database: psycopg.Connection[Row]) -> None:
    _none("I3: events", database.execute(_ONCE).fetchall())


def _i4_history(instances: dict[str, Row], executions: dict[str, Row], histories: dict[str, list[Row]]) -> None:
    steps: dict[str, dict[str, str]] = {id_: {} for id_ in instances}
    for id_, row in executions.items():
        steps[str(row["instance_id"])][id_] = "RUNNING" if row["status"] in ACTIVE else row["status"]
    for id_, row in instances.items():
        folded = fold(histories[id_])
        assert folded.seq == row["seq"], f"I4: the history of {id_} ends at {folded.seq}, the run is at {row['seq']}"
        status = "RUNNING" if row["status"] == "WAITING_FOR_EVENT" else row["status"]
        assert folded.status.value == status, f"I4: {id_} is {status}, its history says {folded.status}"
        assert {key: step.status.value for key, step in folded.steps.items()} == steps[id_], f"I4: steps of {id_}"
        changed = {name: row["variables"][name] for name in folded.variables}
        assert changed == folded.variables, f"I4: variables of {id_}"


def _i5_audit(database: psycopg.Connection[Row], accepted: Accepted, histories: dict[str, list[Row]]) -> None:
    rows = database.execute(
        "SELECT action, resource_id, details FROM accounts_auditentry WHERE resource = 'instance'"
    ).fetchall()
    started = Counter(row["resource_id"] for row in rows if row["action"] == "workflow.start")
    assert started == Counter(accepted.single), "I5: starts and their audit entries differ"
    batched = sum(row["details"]["count"] for row in rows if row["action"] == "workflow.start_batch")
    assert batched == len(accepted.batched), f"I5: {len(accepted.batched)} started in batches, {batched} audited"
    for action, kind in _STEERED.items():
        audited = Counter(row["resource_id"] for row in rows if row["action"] == action)
        happened = Counter(id_ for id_, entries in histories.items() for entry in entries if entry["type"] == kind)
        assert audited == happened, f"I5: {action} and {kind} differ: {audited - happened}, {happened - audited}"


def _i6_succeeded(accepted: list[Row], offered: int) -> None:
    succeeded = sum(row["status"] == "COMPLETED" for row in accepted)
    assert succeeded >= NEEDED * offered, f"I6: {succeeded} of {offered} succeeded"
