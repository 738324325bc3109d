"""Work that harms whoever does it: it is given up after some attempts, and what lies beside it is done."""

from __future__ import annotations

import pytest

from tests.support.outside import Call
from tests.support.processes import Process

from .scene import Scene

pytestmark = pytest.mark.faults

MAX_CLAIMS = 3
NEIGHBOURS = 5


def test_a_step_that_kills_its_worker_each_time_fails_alone(scene: Scene) -> None:
    """The outside world kills the process that calls it with this step, while the neighbours' calls are under way."""
    worker = scene.worker(processes=2, AUGMENTED_MAX_CLAIMS=str(MAX_CLAIMS))
    scene.outside.manners["kills"] = lambda call: _kill_caller(worker, call)
    inputs = [
        {"n": n, "ms": 0 if n == NEIGHBOURS else 300, "manner": "kills" if n == NEIGHBOURS else ""}
        for n in range(2 * NEIGHBOURS)
    ]
    poison = scene.offer_batches("fault-line", inputs)[NEIGHBOURS]
    scene.settle(within=60)
    scene.check()
    run = scene.api.get(f"workflows/instances/{poison}")
    assert run["status"] == "FAILED"
    assert run["state"]["steps"]["first"]["error"]["code"] == "WORKER_LOST"
    assert len(scene.outside.by_key()[run["state"]["steps"]["first"]["executionId"]]) == MAX_CLAIMS
    failed = scene.rows("SELECT id FROM workflows_workflowinstance WHERE status <> 'COMPLETED'")
    assert [str(row["id"]) for row in failed] == [poison]


def _kill_caller(worker: Process, call: Call) -> None:
    """Kill the process whose connection this is; the kernel says whose."""
    for pid in worker.children():
        if call.peer[1] in worker.tcp_ports(pid):
            worker.kill_child(pid)


def test_what_raises_or_cannot_be_stored_fails_its_own_step_only(scene: Scene) -> None:
    """An executor that raises; and an error message of the outside world's that Postgres refuses: recorded with the rest
    of a turn, it could take the rest with it."""
    scene.worker(processes=1, FAILPOINT="task.before_effect:7:raise,task.after_effect:25:raise")
    scene.offer(40, ms=5)
    scene.settle()
    manners = ["nul" if n == 10 else "surrogate" if n == 20 else "" for n in range(40)]
    runs = scene.offer_batches("fault-line", [{"n": n, "ms": 50, "manner": manner} for n, manner in enumerate(manners)])
    seconds = scene.settle()
    scene.check()
    failed = scene.rows("SELECT error FROM workflows_stepexecution WHERE status = 'FAILED' AND error IS NOT NULL")
    assert sorted(row["error"]["code"] for row in failed) == ["EXECUTOR_DEFECT"] * 2 + ["HTTP_422"] * 2
    for id_ in (runs[10], runs[20]):
        run = scene.api.get(f"workflows/instances/{id_}")
        assert run["state"]["steps"]["first"]["error"]["code"] == "HTTP_422"
    assert seconds < 10, "it was taken for a lost worker"


def test_a_turn_that_raises_loses_nothing(scene: Scene) -> None:
    worker = scene.worker(
        processes=1, FAILPOINT="turn.after_result:3:raise,turn.before_commit:6:raise,turn.after_commit:9:raise"
    )
    scene.offer(20, ms=5)
    scene.settle()
    scene.offer(20, ms=5)
    scene.settle()
    scene.check()
    assert not scene.rows("SELECT id FROM workflows_workflowinstance WHERE status <> 'COMPLETED'")
    raised = {place for place in ("turn.after_result", "turn.before_commit", "turn.after_commit") if worker.says(place)}
    assert len(raised) == 3, f"only {raised} raised"
