"""Celery's way in for workflows."""

from __future__ import annotations

from celery import shared_task
from django.db import OperationalError, close_old_connections

from .services import bulk as bulk_operations
from .services import timers

TURN_SECONDS = 2.0
"""How long one job works on bulk operations, so that what else the queue holds gets its turn."""


@shared_task(soft_time_limit=20, time_limit=30, autoretry_for=(OperationalError,), max_retries=3, retry_backoff=1)
def tick() -> None:
    """Fire due timers, and ring for signals that nobody took. Two at once do no harm."""
    close_old_connections()
    timers.fire_timers()
    timers.ring_for_waiting_signals()
    bulk_operations.ring_for_idle()


@shared_task(soft_time_limit=60, time_limit=90)
def bulk() -> None:
    """Work off bulk operations for a turn, and ring again while there is more."""
    close_old_connections()
    if bulk_operations.work(TURN_SECONDS):
        bulk_operations.ring()
