"""Workers die while runs go through long lists: each item is done once, and its result is in its place."""

from __future__ import annotations

import pytest

from tests.support.waiting import eventually

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

POINTS = {"task.after_effect": 4, "turn.before_commit": 3, "turn.after_commit": 3}
TIMES = size(1, 20)
ITEMS = 1_200
DIED = "exited with 'signal 9 (SIGKILL)'"


def test_no_item_is_lost_or_done_twice_wherever_a_worker_dies(scene: Scene) -> None:
    dying = {
        point: scene.worker(processes=2, wait=False, FAILPOINT=f"{point}:{nth}:kill") for point, nth in POINTS.items()
    }

    def killed() -> dict[str, int]:
        return {point: worker.output().count(DIED) for point, worker in dying.items()}

    def all_killed() -> bool:
        for point, worker in dying.items():
            if not worker.alive:  # both processes died before Celery took itself for started
                dying[point] = scene.worker(processes=2, wait=False, FAILPOINT=f"{point}:{POINTS[point]}:kill")
        if len(scene.open_runs()) < 3:
            scene.offer_batches("fault-list", [{"items": list(range(ITEMS))}] * 2)
        return min(killed().values()) >= TIMES

    eventually(all_killed, within=size(60, 3000), every=0.2, what=killed)
    for worker in dying.values():
        worker.kill()
    scene.worker(wait=False)
    scene.settle(within=90)
    scene.check()
    wanted = [n * 2 + (n + 1 if n % 25 == 0 else 0) for n in range(ITEMS)]
    outputs = scene.rows("SELECT output->'values' AS values FROM workflows_workflowinstance WHERE status = 'COMPLETED'")
    assert len(outputs) == scene.offered
    assert all(row["values"] == wanted for row in outputs)
