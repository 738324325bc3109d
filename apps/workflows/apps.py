"""Django's entry for the workflows app."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "apps.workflows"
    label = "workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.tasks.runtime import outcomes
        from apps.validation.definitions import kinds

        from .kind import WORKFLOW
        from .orchestrator.wave import Orchestrator

        outcomes.register(Orchestrator())
        kinds.register(WORKFLOW)
