"""Settings (first cut; the platform owner completes this file)."""

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ.get("SECRET_KEY", "development-only")
DEBUG = os.environ.get("AUGMENTED_MODE", "development") == "development"
ALLOWED_HOSTS = ["*"]


def _database(url: str) -> dict:
    parts = urlsplit(url)
    query = {k: v[0] for k, v in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "OPTIONS": {"options": "-c search_path=public,workflow,business,auth"},
    }


DATABASES = {"default": _database(os.environ.get("DATABASE_URL", "postgresql://postgres@/augmented?host=var/run"))}
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "guardian",
    "channels",
    "drf_spectacular",
    "django_htmx",
    "apps.auth",
    "apps.validation",
    "apps.events",
    "apps.integrations",
    "apps.business",
    "apps.tasks",
    "apps.workflows",
    "apps.testing",
    "apps.ui",
    "apps.chat",
]
AUTH_USER_MODEL = "accounts.User"
USE_TZ = True
ROOT_URLCONF = "augmented.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
