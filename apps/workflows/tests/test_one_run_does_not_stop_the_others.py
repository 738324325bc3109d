"""Trouble that would come back with every turn: it ends the run that has it, and nobody else waits for that."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from apps.auth.models import User
from apps.events.sql import fetch, run
from apps.tasks.runtime import queue
from apps.tasks.runtime.outcomes import deliver
from apps.tasks.runtime.queue import Finished
from apps.tasks.runtime.worker import Worker
from apps.workflows.models import InboxSignal, WorkflowDefinition
from apps.workflows.orchestrator import plans, store
from apps.workflows.tests.factories import errand, flow, nap, published, started, worker_task
from apps.workflows.tests.live import advance, fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_definition_that_no_longer_compiles(alice: User) -> None:
    published(nap())
    published(nap(workflowId="old"))
    spoiled, neighbour = started(alice, "old"), started(alice, "nap")
    steps = [{"stepId": "x", "type": "NO_LONGER_KNOWN"}]
    WorkflowDefinition.objects.filter(key="old").update(document=nap(workflowId="old", steps=steps))
    plans._kept.clear()
    pass_time(3_601)
    advance()
    assert (fresh(spoiled).status, fresh(neighbour).status) == ("FAILED", "COMPLETED")
    assert (fresh(spoiled).error or {})["code"] == "DEFINITION_UNUSABLE"
    assert not InboxSignal.objects.exists()


def test_a_persons_task_whose_title_cannot_be_stored(alice: User, worker: Worker) -> None:
    ask = {"stepId": "ask", "type": "HUMAN_TASK", "taskDefinition": {"title": "${string(b'\\x00')}"}}
    published(flow({"stepId": "t", "taskId": "errand", "input": {"n": 1}, "next": "ask"}, ask), worker_task())
    published(errand())
    spoiled, neighbour = started(alice, "flow"), started(alice, "errand", {"n": 1})
    worker.drain(5)
    assert (fresh(spoiled).status, fresh(neighbour).status) == ("FAILED", "COMPLETED")
    assert (fresh(spoiled).error or {})["code"] == "STATE_NOT_STORABLE"


def test_two_workers_that_cancel_each_others_branches_deadlock_and_one_may_try_again(alice: User) -> None:
    branches = [{"name": name, "steps": [{"stepId": name, "taskId": "errand", "input": {"n": 1}}]} for name in "xy"]
    published(flow({"stepId": "p", "type": "PARALLEL", "join": "ANY", "branches": branches}), worker_task())
    one, two = started(alice, "flow"), started(alice, "flow")
    held = {(task.workflow_instance_id, task.step_id): task for task in queue.claim("w", ["io"], 4)}
    settled = threading.Barrier(2)
    errors: list[Exception] = []

    def turn(mine: Any, theirs: Any) -> None:
        try:
            with transaction.atomic():
                results = [Finished(held[mine.id, "x"], "COMPLETED"), Finished(held[theirs.id, "y"], "COMPLETED")]
                taken = queue.settle("w", results)
                settled.wait(10)
                deliver([queue.as_outcome(each) for each in taken if each.task.workflow_instance_id == mine.id])
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=turn, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    # What a turn, and an HTTP request, knows how to try again or to answer.
    assert [type(error) for error in errors] == [OperationalError]
    assert sorted(fresh(each).status for each in (one, two)) == ["COMPLETED", "RUNNING"]


def test_a_run_that_somebody_holds_is_a_409_that_asks_to_try_again(api: Any, alice: User) -> None:
    published(nap())
    held = started(alice, "nap")
    parameters = connection.get_connection_params()
    names = {
        name: parameters[name]
        for name in ("host", "port", "user", "password", "dbname", "options")
        if name in parameters
    }
    with psycopg.connect(**names) as other:
        other.execute("SELECT 1 FROM workflows_workflowinstance WHERE id = %s FOR UPDATE", [held.id])
        run("SET lock_timeout = 100")
        try:
            answer = api(alice).post(f"/api/v1/workflows/instances/{held.id}/cancel", {"reason": "x"})
        finally:
            run("RESET lock_timeout")
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (store._DELETE_TIMERS, ([uuid.uuid4()], [uuid.uuid4()])),
        (store._CANCEL_BELOW, (uuid.uuid4(),)),
    ],
    ids=["the timers of an execution", "the positions below an execution"],
)
def test_what_an_advance_takes_back_is_found_without_reading_a_table_or_a_runs_past(
    alice: User, statement: str, parameters: tuple[Any, ...]
) -> None:
    run(
        "INSERT INTO workflows_timer (instance_id, execution_id, purpose, due_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 'delay', now() FROM generate_series(1, 20000)"
    )
    run(
        "INSERT INTO workflows_stepexecution (id, instance_id, step_id, visit, scope, branch, status, attempt, seq, started_at)"
        " SELECT gen_random_uuid(), %s, 'x', 1, '', 0, 'COMPLETED', 1, g, now() FROM generate_series(1, 20000) g",
        parameters[-1] if isinstance(parameters[-1], uuid.UUID) else uuid.uuid4(),
    )
    run("ANALYZE workflows_timer")
    run("ANALYZE workflows_stepexecution")
    plan = "\n".join(row[0] for row in fetch("EXPLAIN " + statement, *parameters))
    assert "Seq Scan on workflows" not in plan
    assert "workflows_execution_of" not in plan
