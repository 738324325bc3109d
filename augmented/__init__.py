"""Wiring: settings, addresses, processes. Holds no rules of any domain."""

from augmented.celery import app as celery_app

__all__ = ["celery_app"]
