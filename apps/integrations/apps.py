"""Django's entry for the integrations app."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "apps.integrations"
    label = "integrations"
    verbose_name = "Integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.auth import secret_users
        from apps.events import subscribers
        from apps.validation.definitions import live

        from .selectors import subscriptions, webhooks
        from .services.subscriptions import SUBSCRIPTION
        from .services.webhooks import WEBHOOK
        from .subscribers import WebhookSubscriptions

        live.register(WEBHOOK)
        live.register(SUBSCRIPTION)
        secret_users.register(webhooks.naming_secret)
        secret_users.register(subscriptions.naming_secret)
        subscribers.register_deferred(WebhookSubscriptions())
