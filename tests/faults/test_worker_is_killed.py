"""Workers die by SIGKILL in the middle of whatever they do. Nothing is lost and nothing happens twice."""

from __future__ import annotations

import pytest

from tests.support.processes import Process

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

KILLS = size(20, 1_000)


def test_runs_survive_workers_that_are_killed_at_random(scene: Scene) -> None:
    """Most kills hit one process of a worker, which Celery replaces within 5 s; every sixth the whole worker, as a lost
    machine, which is started anew."""
    workers = [scene.worker(processes=4, wait=False) for _ in range(2)]
    killed = 0
    while killed < KILLS:
        if len(scene.open_runs()) < 30:
            scene.offer(40, ms=scene.random.choice([0, 20, 60]))
        scene.wait_for_calls(scene.random.randrange(1, 40))
        index = scene.random.randrange(2)
        killed += _kill(scene, workers, index, whole=killed % 6 == 5)
    scene.settle(within=60)
    scene.check()


def _kill(scene: Scene, workers: list[Process], index: int, *, whole: bool) -> bool:
    """Kill a worker or one of its children; a worker that has ended is started again, as a supervisor does."""
    worker = workers[index]
    children = worker.children()
    done = worker.kill_child(scene.random.choice(children)) if children and not whole else False
    if whole:
        worker.kill()
        done = True
    if not worker.alive:
        workers[index] = scene.worker(processes=4, wait=False)
    return done
