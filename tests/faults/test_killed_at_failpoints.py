"""Workers kill themselves at the worst places: around an outside effect, and on both sides of a commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.processes import Process
from tests.support.waiting import eventually

from .pouring import Pouring
from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

# The place, and how often it is passed before it kills: soon, but not before something else has been done.
OF_TASKS = {
    "task.before_effect": 4,
    "task.after_effect": 4,
    "turn.after_result": 3,
    "turn.before_commit": 3,
    "turn.after_commit": 3,
}
# Beside the one above it: reached before that one, when there is no work for tasks.
OF_EVENTS = {
    "send.before_effect": 3,
    "send.after_effect": 3,
    "send.before_commit": 1,
    "router.before_commit": 2,
    "router.after_commit": 2,
}
TIMES = size(2, 50)


def test_nothing_is_lost_or_doubled_wherever_a_worker_dies(scene: Scene) -> None:
    """Workers that die at one place of tasks and at one of events, each; load of both kinds goes on until each place has
    killed often enough. Then one that lives does the rest."""
    dying = _Dying(scene)
    pouring = Pouring(scene)

    def more_tasks() -> None:
        if len(scene.open_runs()) < 40:
            scene.offer(20, ms=10)

    def more_events() -> None:
        if len(pouring.left()) < 100:
            pouring.come(20, every=5, size=4)
            pouring.post(20, ms=5)

    dying.until_killed_at(OF_TASKS, more_tasks)
    dying.until_killed_at(OF_EVENTS, more_events)
    for worker in dying.workers:
        worker.kill()
    scene.worker(wait=False)
    pouring.answer()
    scene.settle(within=60)
    pouring.settle()
    pouring.check()


class _Dying:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.points = [
            f"{task}:{nth}:kill,{event}:{also}:kill"
            for (task, nth), (event, also) in zip(OF_TASKS.items(), OF_EVENTS.items(), strict=True)
        ]
        self.ever: list[Process] = []
        self.workers = [self._start(each) for each in self.points]

    def _start(self, points: str) -> Process:
        self.ever.append(self.scene.worker(processes=2, wait=False, FAILPOINT=points))
        return self.ever[-1]

    def until_killed_at(self, places: dict[str, int], load: Callable[[], None]) -> None:
        eventually(
            lambda: self._all_killed(places, load), within=size(90, 3000), every=0.2, what=lambda: self._killed(places)
        )

    def _all_killed(self, places: dict[str, int], load: Callable[[], None]) -> bool:
        killed = self._killed(places)
        for place, worker in enumerate(self.workers):
            if places is OF_EVENTS and killed[list(OF_EVENTS)[place]] >= TIMES:
                worker.kill()  # enough: it would go on dying, and cost the others their time
            elif not worker.alive:  # its processes died before Celery took itself for started
                self.workers[place] = self._start(self.points[place])
        load()
        return min(killed.values()) >= TIMES

    def _killed(self, places: dict[str, int]) -> dict[str, int]:
        said = [worker.output() for worker in self.ever]
        return {place: sum(text.count(f"failpoint {place}: kill") for text in said) for place in places}
