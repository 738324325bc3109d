"""Workers die by SIGKILL in the middle of whatever they do. Nothing is lost and nothing happens twice."""

from __future__ import annotations

import pytest

from tests.support.waiting import eventually

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

KILLS = size(20, 1_000)


def test_runs_survive_workers_that_are_killed_at_random(scene: Scene) -> None:
    """Most kills hit one process of a worker, which its parent replaces; every fifth the whole worker, as a lost machine."""
    workers = [scene.worker(wait=False), scene.worker(wait=False)]
    for worker in workers:
        scene.platform.wait_for_worker(worker)
    for number in range(KILLS):
        if len(scene.open_runs()) < 40:
            scene.offer(60, ms=scene.random.choice([0, 20, 60]), size=60)
        at = len(scene.outside.calls) + scene.random.randrange(1, 60)
        eventually(lambda at=at: len(scene.outside.calls) >= at, within=30, what=scene.picture)
        index = scene.random.randrange(2)
        if number % 5 == 4:
            workers[index].kill()
            workers[index] = scene.worker(wait=False)
        else:
            children = eventually(workers[index].children, what="the worker has processes")
            workers[index].kill_child(scene.random.choice(children))
    scene.settle(within=60)
    scene.check()
