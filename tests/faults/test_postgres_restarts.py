"""Postgres is restarted as after a crash. What was acknowledged is there, what was not is offered again."""

from __future__ import annotations

import signal

import pytest

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults


def test_no_acknowledged_run_is_lost_when_postgres_crashes_under_load(scene: Scene) -> None:
    scene.worker()
    for _ in range(size(1, 100)):
        scene.offer(60, ms=30)
        scene.wait_for_calls(scene.random.randrange(20, 120))
        scene.servers.postgres.stop(signal.SIGQUIT)
        scene.servers.postgres.start()
        for n in range(5):
            scene.start("fault-line", {"n": n, "ms": 0, "manner": ""})
    scene.settle(within=60)
    scene.check()
