"""A burst of events, while everything that can go away goes away: back-pressure, and nothing is lost or handled twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis

from tests.support.waiting import eventually

from .pouring import Pouring
from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

EVENTS = size(2_000, 100_000)
POSTS = size(100, 5_000)
SENDERS = 4
FAULTS = size(4, 100)
WATERMARK = 400


@contextmanager
def _small_queue(scene: Scene) -> Iterator[None]:
    path = "events/queues/default"
    scene.api.call("PUT", path, {"config": {"highWatermark": WATERMARK, "batchSize": 50}}).expect(200, 201)
    try:
        yield
    finally:
        scene.api.call("PUT", path, {"config": {}}).expect(200)


def test_a_burst_is_held_back_and_nothing_of_it_is_lost_or_handled_twice(scene: Scene) -> None:
    """Two routers at once and more. A process is killed, Redis is emptied, Postgres crashes, a whole worker is killed, and so
    on, evenly over the burst."""
    pouring = Pouring(scene)
    with _small_queue(scene), ThreadPoolExecutor(SENDERS + 2) as pool:
        sending = [pool.submit(pouring.come_until_refused)]  # nobody routes yet
        eventually(lambda: pouring.refusals[429], within=60, what=pouring.picture)
        sending += [pool.submit(pouring.come, EVENTS // SENDERS) for _ in range(SENDERS)]
        sending.append(pool.submit(pouring.post, POSTS))
        workers = [scene.worker(wait=False) for _ in range(2)]
        for worker in workers:
            scene.platform.wait_for_worker(worker)
        for number in range(FAULTS):
            goal = (number + 1) * EVENTS // (FAULTS + 1)
            eventually(
                lambda goal=goal: len(pouring.sent) >= goal or all(each.done() for each in sending),
                within=180,
                what=scene.picture,
            )
            index = number % len(workers)
            match number % 4:
                case 0 if children := workers[index].children():
                    workers[index].kill_child(scene.random.choice(children))
                case 1:
                    redis.Redis.from_url(scene.servers.redis_url).flushall()
                case 2:
                    scene.servers.postgres.stop(signal.SIGQUIT)
                    scene.servers.postgres.start()
                case 3:
                    workers[index].kill()
            if not workers[index].alive:
                workers[index] = scene.worker(wait=False)
        for each in sending:
            each.result(timeout=size(120, 1_200))
        pouring.answer()
    scene.settle(within=60)
    pouring.settle()
    pouring.check()
    assert len(pouring.sent) > EVENTS + POSTS
    assert not scene.rows("SELECT 1 FROM events_deadletter")
    assert 500 not in pouring.refusals
