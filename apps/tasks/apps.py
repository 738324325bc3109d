"""Django's entry for the tasks app."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "apps.tasks"
    label = "tasks"
    verbose_name = "Tasks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.validation.definitions import kinds

        from .services.definitions import TASKS

        kinds.register(TASKS)
