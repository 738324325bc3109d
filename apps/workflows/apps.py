"""Django's entry for the workflows app."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "apps.workflows"
    label = "workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.events import subscribers
        from apps.integrations.webhooks import followers
        from apps.tasks.runtime import outcomes
        from apps.validation.definitions import kinds, live

        from .calendar_kind import CALENDAR
        from .kind import WORKFLOW
        from .orchestrator.wave import Orchestrator
        from .services.following_webhooks import WebhookTriggers
        from .services.schedules import SCHEDULE
        from .services.triggers import TRIGGER
        from .subscribers.runs import RUNS
        from .subscribers.triggers import Triggers

        outcomes.register(Orchestrator())
        kinds.register(CALENDAR)
        kinds.register(WORKFLOW)
        live.register(SCHEDULE)
        subscribers.register(RUNS)
        live.register(TRIGGER)
        subscribers.register(Triggers())
        followers.register(WebhookTriggers())
