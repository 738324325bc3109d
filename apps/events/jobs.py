"""Celery's ways into the events app: each a look at what lies in Postgres."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.utils import timezone

from . import doorbell, routing
from .services import dead_letters, partitions, queues, sequences


@shared_task(soft_time_limit=20, time_limit=30, autoretry_for=(OperationalError,), max_retries=3, retry_backoff=1)
def sweep() -> None:
    """Every second: ring for events that nobody has routed and for what is due for another attempt, end what has run out of time.

    Two at once do no harm.
    """
    close_old_connections()
    queues.sample()
    sequences.fire_deadlines()
    if routing.is_waiting():
        doorbell.ring_now(doorbell.ORCHESTRATOR)
        doorbell.ring_now(doorbell.IO)


@shared_task(soft_time_limit=600, time_limit=660)
def keep_house() -> None:
    """Hourly: make the weeks ahead, forget what has ended long ago and old figures, drop the weeks that are not kept any more."""
    close_old_connections()
    now = timezone.now()
    partitions.make_ahead(now)
    keep = timedelta(days=settings.AUGMENTED_KEEP_EVENTS_DAYS)
    sequences.forget_runs(ended_before=now - keep)
    dead_letters.forget_letters(ended_before=now - keep)
    queues.forget_figures()
    # Last, for it needs the tables to itself for a moment and may not get them: then the next hour does it.
    partitions.drop_older(now, keep)
