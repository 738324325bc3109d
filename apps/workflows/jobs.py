"""Celery's way in for workflows."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import OperationalError, close_old_connections

from .services import firing, timers


@shared_task(soft_time_limit=20, time_limit=30, autoretry_for=(OperationalError,), max_retries=3, retry_backoff=1)
def tick() -> None:
    """Fire due timers and schedules, and ring for signals that nobody took. Two at once do no harm."""
    close_old_connections()
    timers.fire_timers()
    firing.fire_due()
    firing.start_queued()
    timers.ring_for_waiting_signals()


@shared_task(ignore_result=True, time_limit=120)
def forget_old_fires() -> None:
    """Hourly: drop from the logs of schedules what is older than is kept."""
    firing.forget_fires(keep=timedelta(days=settings.AUGMENTED_KEEP_FIRES_DAYS))
