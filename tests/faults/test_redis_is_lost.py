"""Redis holds nothing that matters: it may be emptied, or restarted, at any moment."""

from __future__ import annotations

import signal

import pytest
import redis

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

DRAINED_WITHIN = 30.0  # seconds


def test_runs_go_on_when_redis_is_emptied_or_restarted_and_begin_soon_after_it_was_away(scene: Scene) -> None:
    scene.worker()
    for number in range(size(2, 50)):
        scene.offer(60, ms=20)
        scene.wait_for_calls(scene.random.randrange(20, 100))
        if number % 2 == 0:
            redis.Redis.from_url(scene.servers.redis_url).flushall()
        else:
            scene.servers.valkey.stop(signal.SIGKILL)
            scene.offer(20, ms=5)  # a doorbell that cannot be rung
            scene.servers.valkey.start()
    scene.settle(within=DRAINED_WITHIN)
    # What is accepted while it is away begins soon after it is back, also where nothing else is under way: as when a process
    # dies between its commit and its doorbell, nobody was told.
    for _ in range(size(2, 50)):
        scene.offer(1)
        scene.settle()
        scene.servers.valkey.stop(signal.SIGKILL)
        scene.offer(5)
        scene.servers.valkey.start()
        scene.settle(within=DRAINED_WITHIN)
    scene.check()
