"""Django's entry for the integrations app."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "apps.integrations"
    label = "integrations"
    verbose_name = "Integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.auth import secret_users
        from apps.validation.definitions import live

        from .selectors import webhooks
        from .services.webhooks import WEBHOOK

        live.register(WEBHOOK)
        secret_users.register(webhooks.naming_secret)
