"""Django's entry for the auth app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps.registry import Apps
from django.db.models.signals import post_migrate


class AuthConfig(AppConfig):
    name = "apps.auth"
    label = "accounts"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_install_roles, sender=self, dispatch_uid="accounts.install_roles")


def _install_roles(apps: Apps | None = None, **_: Any) -> None:
    """After `migrate`, and after the test runner's flush: the roles of the catalogue exist as the code names them."""
    if apps is not None:
        try:
            apps.get_model("accounts", "Role")
        except LookupError:  # migrated back to before the table
            return
    from apps.auth.services import install_roles

    install_roles()
