"""Work that harms whoever does it: it is given up after some attempts, and what lies beside it is done."""

from __future__ import annotations

import pytest

from tests.support.outside import Call
from tests.support.processes import Process

from .scene import Scene

pytestmark = pytest.mark.faults

MAX_CLAIMS = 3
NEIGHBOURS = 8


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


@pytest.mark.parametrize("place", ["task.before_effect", "task.after_effect"])
def test_an_executor_that_raises_fails_its_own_step_only(scene: Scene, place: str) -> None:
    scene.worker(processes=1, FAILPOINT=f"{place}:7:raise")
    scene.offer(30, ms=5)
    scene.settle()
    scene.check()
    failed = scene.rows("SELECT error FROM workflows_stepexecution WHERE status = 'FAILED' AND error IS NOT NULL")
    assert [row["error"]["code"] for row in failed] == ["EXECUTOR_DEFECT"]


@pytest.mark.parametrize("place", ["turn.after_result", "turn.before_commit", "turn.after_commit"])
def test_a_turn_that_raises_loses_nothing(scene: Scene, place: str) -> None:
    scene.worker(processes=1, FAILPOINT=f"{place}:3:raise")
    scene.offer(30, ms=5)
    scene.settle()
    scene.check()
    assert not scene.rows("SELECT id FROM workflows_workflowinstance WHERE status <> 'COMPLETED'")


@pytest.mark.parametrize("manner", ["nul", "surrogate"])
def test_an_answer_that_cannot_be_stored_fails_its_own_step_only(scene: Scene, manner: str) -> None:
    """An error message of the outside world's that Postgres refuses: recorded with the rest of a turn, it could take
    the rest with it."""
    scene.worker(processes=1)
    scene.offer(30, ms=50)
    (poison,) = scene.offer(1, manner=manner, ms=50)
    scene.offer(30, ms=50)
    seconds = scene.settle()
    scene.check()
    run = scene.api.get(f"workflows/instances/{poison}")
    assert run["status"] == "FAILED"
    assert run["state"]["steps"]["first"]["error"]["code"] == "HTTP_422"
    assert seconds < 10, "it was taken for a lost worker"
