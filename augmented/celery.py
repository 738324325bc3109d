"""The Celery application. A *job* is a Celery task; it lives in an app's jobs.py and carries no work, only a wake-up."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")

app = Celery("augmented")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")
