"""Celery entry points."""

from __future__ import annotations

from celery import shared_task

from apps.validation import services


@shared_task(ignore_result=True, time_limit=120)
def forget_old_answers() -> None:
    """Hourly: drop remembered answers that are older than two days."""
    services.forget_old_answers()
