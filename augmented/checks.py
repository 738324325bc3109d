"""System checks: a wrong or missing setting is said at start, by name, and not by the first request that needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from augmented import environment
from augmented.stores import STORES


@register()
def mandatory_variables(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Outside development nothing has a default that could be guessed: each of these must be given."""
    found: list[CheckMessage] = []
    if settings.PRODUCTION and environment.text("SECRET_KEY") in ("", environment.DEVELOPMENT_SECRET):
        found.append(Error("SECRET_KEY must be set in production.", id="augmented.E001"))
    if not settings.KEY_RING:
        hint = "AUGMENTED_KEY_RING=<id>:<secret>; when a key is replaced, the new one first, the old one after a comma."
        found.append(Error("AUGMENTED_KEY_RING must be set in production.", hint=hint, id="augmented.E006"))
    if settings.PRODUCTION and not settings.ALLOWED_HOSTS:
        found.append(Error("ALLOWED_HOSTS must name the hosts that this system answers for.", id="augmented.E002"))
    if settings.PRODUCTION and "*" in settings.ALLOWED_HOSTS:
        found.append(Error("ALLOWED_HOSTS must not be * in production.", id="augmented.E003"))
    return found


@register()
def servers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The two servers, by their URLs."""
    return _url("DATABASE_URL", settings.DATABASE_URL, ("postgresql", "postgres"), "augmented.E004") + _url(
        "REDIS_URL", settings.REDIS_URL, ("redis", "rediss", "unix"), "augmented.E005"
    )


@register()
def choices(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A misspelt choice must not pass for the other one."""
    if settings.AUGMENTED_UNKNOWN_EVENTS in ("accept", "refuse"):
        return []
    return [Error("AUGMENTED_UNKNOWN_EVENTS is accept or refuse.", id="augmented.E007")]


@register(Tags.models)
def every_app_has_a_store(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A model whose app is not named in augmented/stores.py would lie in no store."""
    labels = {model._meta.app_label for model in apps.get_models(include_auto_created=True)}
    return [
        Error(f"App '{label}' has models but no store.", hint="Name it in augmented/stores.py.", id="augmented.E010")
        for label in sorted(labels - STORES.keys())
    ]


def refuse_to_start_wrongly() -> None:
    """For processes that run no system checks (web, worker, beat). Raises ImproperlyConfigured with all that is missing."""
    found = mandatory_variables(None) + servers(None) + choices(None)
    if found:
        raise ImproperlyConfigured("\n".join(f"{message.msg} ({message.id})" for message in found))


def _url(name: str, value: str, schemes: tuple[str, ...], code: str) -> list[CheckMessage]:
    if not value:
        return [Error(f"{name} must be set in production.", id=code)]
    if urlsplit(value).scheme not in schemes:
        return [Error(f"{name} must start with {' or '.join(s + '://' for s in schemes)}.", id=code)]
    return []
