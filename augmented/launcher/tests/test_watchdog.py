"""When a worker counts as stuck, and that it is then started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from augmented.launcher import watchdog
from augmented.launcher.programs import Program
from augmented.launcher.servers import Valkey
from augmented.launcher.supervise import Supervisor, leftovers
from augmented.launcher.watchdog import LOOKS, TOO_MANY, Backlog

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.mark.parametrize(
    ("lengths", "stuck"),
    [
        ([TOO_MANY + step for step in range(LOOKS)], True),
        ([TOO_MANY + step for step in range(LOOKS - 1)], False),
        ([TOO_MANY - 1] * 10, False),
        ([500, 400, 450, 300], False),  # long, and being worked off
        ([500, 520, None, 540, 560], False),  # Redis was away in between
        ([500] * 10, False),  # nobody adds: beat is down, which a restart of the worker does not mend
        ([0, 500, 520, 540], True),
    ],
)
def test_a_queue_that_is_long_and_only_grows_says_that_nobody_reads_it(lengths: list[int | None], stuck: bool) -> None:
    backlog = Backlog()
    assert [backlog.is_stuck(length) for length in lengths][-1] is stuck


def test_it_starts_over_after_a_restart() -> None:
    backlog = Backlog()
    assert [backlog.is_stuck(TOO_MANY + step) for step in range(LOOKS + 1)] == [False] * (LOOKS - 1) + [True, False]


def test_the_worker_of_a_queue_that_nobody_reads_is_started_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("wd")
    server = Valkey(place)
    server.start()
    supervisor = Supervisor([Program("worker", SLEEPER, 10)], var=place, sockets=place, environment=dict(os.environ))
    supervisor.start()

    def workers() -> list[int]:
        found = [pid for pid in leftovers(place) if supervisor.process and pid != supervisor.process.pid]
        return [pid for pid in found if b"time.sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    patched = f"from augmented.launcher import watchdog as w; w.LOOK_EVERY = 0.2; w.main([{str(supervisor.control)!r}])"
    watching = None
    try:
        deadline = time.monotonic() + 20
        while not workers():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        first = workers()
        time.sleep(1.2)
        watching = subprocess.Popen([sys.executable, "-c", patched], env={**os.environ, "REDIS_URL": server.url})
        client = redis.Redis.from_url(server.url)
        client.lpush(watchdog.QUEUE, *range(TOO_MANY))
        while not workers() or workers() == first:
            assert time.monotonic() < deadline + 20
            client.lpush(watchdog.QUEUE, "more")
            time.sleep(0.05)
    finally:
        if watching:
            watching.terminate()
            watching.wait()
        supervisor.stop()
        server.stop()
