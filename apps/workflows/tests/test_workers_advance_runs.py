"""A real worker, in this process: it runs tasks, tries failed ones again, joins branches."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from apps.auth.models import User
from apps.tasks.models import ReadyTask, Task
from apps.tasks.runtime import queue
from apps.tasks.runtime.outcomes import deliver
from apps.tasks.runtime.queue import Finished
from apps.tasks.runtime.worker import Worker
from apps.workflows.models import InboxSignal, StepExecution, WorkflowInstance
from apps.workflows.selectors.instances import history
from apps.workflows.services import instances, timers
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import errand, published, started, worker_task
from apps.workflows.tests.live import Outside, fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_runs_the_tasks_of_a_run_to_its_end(alice: User, worker: Worker) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 21})
    assert (run.status, run.output) == ("RUNNING", None)
    assert worker.drain(10) is False
    assert (fresh(run).status, fresh(run).output) == ("COMPLETED", {"n": 42})
    task = Task.objects.get()
    assert (task.status, task.attempt, task.executor_id) == ("COMPLETED", 1, worker.name)
    assert not ReadyTask.objects.exists()


def test_a_worker_begins_a_batch_and_ends_every_run(alice: User, worker: Worker) -> None:
    published(errand(), worker_task())
    ids = instances.start_batch(actor=alice, requests=[Start("errand", {"n": n}) for n in range(450)])
    worker.drain(30)
    outputs = dict(WorkflowInstance.objects.filter(status="COMPLETED").values_list("id", "output"))
    assert outputs == {each: {"n": 2 * n} for n, each in enumerate(ids)}
    assert not InboxSignal.objects.exists()


def test_a_failing_task_is_tried_again_after_its_delay_and_then_fails_the_run(alice: User, worker: Worker) -> None:
    document = errand()
    document["steps"][0]["retryPolicy"] = {"maxAttempts": 3, "delay": "PT1H", "retryableErrors": ["TOO_MUCH"]}
    published(document, worker_task())
    run = started(alice, "errand", {"n": 5_000})
    for attempt in (1, 2, 3):
        assert Task.objects.get().attempt == attempt - 1
        worker.drain(5)
        assert Task.objects.get().attempt == attempt
        if attempt < 3:
            assert fresh(run).status == "RUNNING"
            worker.drain(5)  # too early: nothing happens
            assert Task.objects.get().attempt == attempt
            pass_time(3_601)
            timers.fire_timers()
    assert fresh(run).status == "FAILED"
    assert (fresh(run).error or {})["code"] == "TOO_MUCH"
    types = [entry["type"] for entry in history(run.id)[0]]
    assert types.count("STEP_RETRY_SCHEDULED") == 2


def test_branches_that_end_at_the_same_time_join_once(alice: User, worker: Worker) -> None:
    branches = [
        {"name": name, "steps": [{"stepId": name, "type": "TASK", "taskId": "errand", "input": {"n": n}}]}
        for n, name in enumerate(("a", "b", "c"))
    ]
    steps = [
        {"stepId": "fork", "type": "PARALLEL", "branches": branches, "next": "done"},
        {"stepId": "done", "type": "END", "output": {"c": "${steps.c.output.n}"}},
    ]
    published(errand(workflowId="fork", steps=steps), worker_task())
    runs = [started(alice, "fork", {"n": 1}) for _ in range(20)]
    worker.drain(20)
    for run in runs:
        assert (fresh(run).status, fresh(run).output) == ("COMPLETED", {"c": 4})
    assert StepExecution.objects.filter(step_id="done").count() == 20


def test_branches_reported_by_two_workers_in_turn_join_across_two_signals(alice: User) -> None:
    branches = [
        {"name": name, "steps": [{"stepId": name, "type": "TASK", "taskId": "errand", "input": {"n": 1}}]}
        for name in ("a", "b")
    ]
    published(
        errand(workflowId="fork", steps=[{"stepId": "fork", "type": "PARALLEL", "branches": branches}]), worker_task()
    )
    run, outside = started(alice, "fork", {"n": 1}), Outside()
    outside.complete("a", {"n": 2})
    assert fresh(run).status == "RUNNING"
    outside.complete("b", {"n": 2})
    assert fresh(run).status == "COMPLETED"


def test_branches_reported_in_opposite_orders_at_once_end_every_run(alice: User) -> None:
    """Two workers hold results of the same runs; what one finds locked it leaves in the inbox."""
    branches = [
        {"name": name, "steps": [{"stepId": name, "type": "TASK", "taskId": "errand", "input": {"n": 1}}]}
        for name in ("a", "b")
    ]
    published(
        errand(workflowId="fork", steps=[{"stepId": "fork", "type": "PARALLEL", "branches": branches}]), worker_task()
    )
    runs = [started(alice, "fork", {"n": 1}) for _ in range(30)]
    claimed = queue.claim("both", ["io"], 100)
    mine = {name: [task for task in claimed if task.step_id == name] for name in ("a", "b")}
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def report(name: str, tasks: list[Any]) -> None:
        try:
            for start in range(0, len(tasks), 5):
                barrier.wait(10)
                with transaction.atomic():
                    taken = queue.settle("both", [Finished(t, "COMPLETED", {"n": 2}) for t in tasks[start : start + 5]])
                    deliver([queue.as_outcome(each) for each in taken], pump=50)
        except BaseException as error:
            failures.append(error)
            barrier.abort()
        finally:
            connection.close()

    threads = [
        threading.Thread(target=report, args=("a", mine["a"])),
        threading.Thread(target=report, args=("b", sorted(mine["b"], key=lambda t: str(t.task_id)))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with transaction.atomic():
        deliver([], pump=200)
    assert {fresh(run).status for run in runs} == {"COMPLETED"}
    for run in runs:
        assert [entry["seq"] for entry in history(run.id)[0]] == list(range(1, fresh(run).seq + 1))
