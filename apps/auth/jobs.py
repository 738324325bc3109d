"""Celery's entry points of this app."""

from __future__ import annotations

from celery import shared_task

from apps.auth import services


@shared_task(name="apps.auth.jobs.clear_away")
def clear_away() -> None:
    """Hourly: delete sign-ins, keys and counters that are over."""
    services.clear_away()
