"""Django's entry for the business app."""

from django.apps import AppConfig


class BusinessConfig(AppConfig):
    name = "apps.business"
    label = "business"
    verbose_name = "Business data"
    default_auto_field = "django.db.models.BigAutoField"
