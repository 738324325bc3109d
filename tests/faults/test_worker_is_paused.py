"""A worker that is stopped, or cut off from the database, for longer than its lease: its work is another's by then."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.support.outside import Call
from tests.support.processes import Process
from tests.support.proxy import Proxy
from tests.support.waiting import eventually

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

RUNS = 3
ROUNDS = size(1, 100)


class TwoCalls:
    """Holds the answers to the first and to the second call of each step back until it is told to let them go."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.first, self.second = threading.Event(), threading.Event()
        scene.outside.manners["late"] = self

    def __call__(self, call: Call) -> Callable[[], bool]:
        calls = len(self.scene.outside.by_key()[call.key])
        return (self.first if calls == 1 else self.second).is_set

    def keys(self, calls: int) -> list[str]:
        """Steps that were called for at least so often."""
        return [key for key, made in self.scene.outside.by_key().items() if len(made) >= calls]


def test_the_result_of_a_worker_that_was_stopped_beyond_its_lease_is_refused(scene: Scene) -> None:
    for _ in range(ROUNDS):
        worker = scene.worker(processes=1)
        _takes_over(scene, worker, worker.pause, worker.resume)
    scene.check()


def test_the_result_of_a_worker_that_was_cut_off_from_the_database_is_refused(scene: Scene) -> None:
    for _ in range(ROUNDS):
        with Proxy(scene.platform.database_url) as proxy:
            worker = scene.worker(processes=1, DATABASE_URL=proxy.url)
            _takes_over(scene, worker, proxy.hold, proxy.release)
    scene.check()


def _takes_over(scene: Scene, worker: Process, stop: Callable[[], None], go_on: Callable[[], None]) -> None:
    """
    1. the worker calls outside; then it is stopped, and the answers come
    2. another worker takes its steps over and calls again; those answers do not come yet
    3. the first goes on, has its answers, and reports them: they are refused, the steps are not done
    4. the second answers come, and are taken
    """
    scene.outside.calls.clear()
    calls = TwoCalls(scene)
    scene.offer(RUNS, manner="late")
    eventually(lambda: len(calls.keys(1)) == RUNS, what=scene.picture)
    held = calls.keys(1)
    first = {str(pid) for pid in worker.children()}
    stop()
    calls.first.set()
    other = scene.worker()
    eventually(lambda: len(calls.keys(2)) == RUNS, what=scene.picture)
    go_on()
    eventually(lambda: _works_again(scene, first), every=0.3, what=scene.picture)
    taken = scene.rows("SELECT id FROM tasks_task WHERE id = ANY(%s) AND status <> 'PENDING'", held)
    assert not taken, "a result was taken from a worker that had lost its lease"
    worker.kill()
    calls.second.set()
    scene.settle()
    done_by = scene.rows("SELECT executor_id FROM tasks_task WHERE id = ANY(%s)", held)
    assert {row["executor_id"].rpartition(":")[2] for row in done_by}.isdisjoint(first)
    other.kill()


def _works_again(scene: Scene, pids: set[str]) -> bool:
    """Whether every process that was stopped has done something new: what it had to report, it has reported before."""
    scene.offer(8, ms=20)
    rows = scene.rows("SELECT DISTINCT executor_id FROM tasks_task WHERE completed_at IS NOT NULL")
    return pids <= {row["executor_id"].rpartition(":")[2] for row in rows}
