"""Django's entry for the testing app."""

from django.apps import AppConfig


class TestingConfig(AppConfig):
    name = "apps.testing"
    label = "testing"
    verbose_name = "Testing"
    default_auto_field = "django.db.models.BigAutoField"
