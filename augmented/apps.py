"""Django's entry for the wiring: system checks and the placing of tables in their stores."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class AugmentedConfig(AppConfig):
    name = "augmented"
    verbose_name = "Augmented OS"

    def ready(self) -> None:
        # Importing them registers the checks and makes the Celery application the one that every job is sent by.
        from augmented import celery, checks, stores  # noqa: F401

        pre_migrate.connect(stores.create_stores, dispatch_uid="augmented.stores.create")
        post_migrate.connect(stores.place_tables, dispatch_uid="augmented.stores.place")
