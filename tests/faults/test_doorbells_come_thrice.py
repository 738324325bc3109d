"""A doorbell carries nothing, so hearing it three times is hearing it once."""

from __future__ import annotations

import pytest
from celery import Celery

from apps.events.doorbell import IO, JOB, ORCHESTRATOR
from augmented.environment import broker

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults


def test_every_doorbell_may_come_three_times(scene: Scene) -> None:
    bells = size(500, 10_000)
    sender = Celery(broker=broker(scene.servers.redis_url), set_as_current=False)
    sender.conf.task_create_missing_queues = True
    workers = [scene.worker(wait=False) for _ in range(2)]
    for worker in workers:
        scene.platform.wait_for_worker(worker)
    with sender.producer_or_acquire() as producer:
        for number in range(bells):
            if number % 50 == 0:
                scene.offer(10, ms=5)
            queue = scene.random.choice([ORCHESTRATOR, IO])
            for _ in range(3):
                sender.send_task(JOB, args=(queue,), queue=queue, producer=producer, ignore_result=True)
    scene.settle()
    scene.check()
    assert all(len(calls) == 1 for calls in scene.outside.by_key().values()), "a step was run twice"
