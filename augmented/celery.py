"""The Celery application. A *job* is a Celery task; it lives in an app's jobs.py and carries no work, only a wake-up."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")

app = Celery("augmented")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


@worker_init.connect
@beat_init.connect
def _check_settings(**_: Any) -> None:
    from augmented.checks import refuse_to_start_wrongly

    refuse_to_start_wrongly()
