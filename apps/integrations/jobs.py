"""Celery's ways in."""

from __future__ import annotations

from celery import shared_task
from django.db import OperationalError, close_old_connections

from .services import reception


@shared_task(soft_time_limit=60, time_limit=90, autoretry_for=(OperationalError,), max_retries=3, retry_backoff=1)
def clear_away() -> None:
    """Every few minutes: shorten the logs of webhooks, forget signatures that no longer matter."""
    close_old_connections()
    reception.clear_away()
