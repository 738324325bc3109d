"""Celery's ways in. A job carries no work: it says where to look."""

from __future__ import annotations

import functools
import os

from celery import shared_task
from django.db import OperationalError, close_old_connections, transaction

from apps.events import doorbell

from .runtime import queue, standalone
from .runtime.outcomes import deliver
from .runtime.worker import SERVES, Worker

TURN_SECONDS = 5.0
"""How long one job works before it rings for itself again, so that a worker told to stop does so soon."""


@functools.cache
def _worker(pid: int) -> Worker:
    serves = os.environ.get("AUGMENTED_WORKER_SERVES", "")
    return Worker(tuple(filter(None, serves.split(","))) or SERVES)


@shared_task(soft_time_limit=900, time_limit=960)
def work(queue_name: str) -> None:
    """Answer a doorbell: work until nothing is left."""
    if _worker(os.getpid()).drain(TURN_SECONDS):
        doorbell.ring_now(queue_name)


@shared_task(soft_time_limit=20, time_limit=30, autoretry_for=(OperationalError,), max_retries=3, retry_backoff=1)
def sweep() -> None:
    """Take back the tasks of dead workers, and ring for what lies ready. Two at once do no harm."""
    close_old_connections()
    with transaction.atomic():
        _, lost = queue.take_back()
        standalone.tell([each for each in lost if each.task.workflow_instance_id is None])
        deliver([queue.as_outcome(each) for each in lost])
    if queue.has_ready():
        doorbell.ring_now(doorbell.IO)
