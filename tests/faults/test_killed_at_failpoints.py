"""Workers kill themselves at the worst places: around an outside effect, and on both sides of a turn's commit."""

from __future__ import annotations

import pytest

from tests.support.waiting import eventually

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

# The place, and how often it is passed before it kills: soon, but not before something else has been done.
POINTS = {
    "task.before_effect": 4,
    "task.after_effect": 4,
    "turn.after_result": 3,
    "turn.before_commit": 3,
    "turn.after_commit": 3,
}
TIMES = size(2, 50)
DIED = "exited with 'signal 9 (SIGKILL)'"


def test_nothing_is_lost_or_doubled_wherever_a_worker_dies(scene: Scene) -> None:
    """A worker for each place and one that lives; load goes on until each place has killed often enough."""
    dying = {
        point: scene.worker(processes=3, wait=False, FAILPOINT=f"{point}:{nth}:kill") for point, nth in POINTS.items()
    }

    def killed() -> dict[str, int]:
        return {point: worker.output().count(DIED) for point, worker in dying.items()}

    def all_killed() -> bool:
        for point, worker in dying.items():
            if not worker.alive:  # both processes died before Celery took itself for started
                dying[point] = scene.worker(processes=3, wait=False, FAILPOINT=f"{point}:{POINTS[point]}:kill")
        if len(scene.open_runs()) < 40:
            scene.offer(20, ms=10)
        return min(killed().values()) >= TIMES

    eventually(all_killed, within=size(60, 3000), every=0.2, what=killed)
    for worker in dying.values():
        worker.kill()
    scene.worker(wait=False)
    scene.settle(within=60)
    scene.check()
