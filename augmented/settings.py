"""Every setting, from environment variables. deploy/README.md lists them; augmented/checks.py says which are mandatory.

AUGMENTED_MODE is `development` (default), `test` or `production`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from kombu import Queue

from augmented import environment as env
from augmented import openapi
from augmented.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("AUGMENTED_VAR", str(BASE_DIR / "var")))
AUGMENTED_MODE = env.mode()
PRODUCTION = AUGMENTED_MODE == "production"
# Debug pages print settings and local variables: only where a developer asks for them.
DEBUG = AUGMENTED_MODE == "development" and env.flag("AUGMENTED_DEBUG")

# In production a missing key is refused by augmented/checks.py; until then nobody can guess the one in use.
SECRET_KEY = env.text("SECRET_KEY", secrets.token_urlsafe(64) if PRODUCTION else env.development_secret(VAR_DIR))
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1],testserver")
CSRF_TRUSTED_ORIGINS = env.listed("CSRF_TRUSTED_ORIGINS")

# ── Applications, lowest layer last ─────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "augmented",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_htmx",
    "apps.ui",
    "apps.chat",
    "apps.testing",
    "apps.workflows",
    "apps.tasks",
    "apps.integrations",
    "apps.business",
    "apps.events",
    "apps.validation",
    "apps.auth",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "augmented.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "augmented.middleware.RequestContextMiddleware",
    "augmented.middleware.OptionalSlashMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "augmented.urls"
APPEND_SLASH = False  # a redirect would lose a POST's body; OptionalSlashMiddleware answers both forms

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# ── Postgres: all truth ─────────────────────────────────────────────────────────────────────────────────────────────
DATABASE_URL = env.text("DATABASE_URL", "" if PRODUCTION else f"postgresql://postgres@/augmented?host={VAR_DIR}/run")
DATABASES = {
    "default": env.database(
        DATABASE_URL,
        # ASGI runs each request on a thread of its own: only a pool keeps connections there (asgi.py switches it on).
        pool=env.number("AUGMENTED_DB_POOL", 0),
        timeouts={
            "lock_timeout": env.number("AUGMENTED_LOCK_TIMEOUT_MS", 5_000),
            "statement_timeout": env.number("AUGMENTED_STATEMENT_TIMEOUT_MS", 30_000),
            "idle_in_transaction_session_timeout": env.number(
                "AUGMENTED_IDLE_TRANSACTION_TIMEOUT_MS", 600_000 if AUGMENTED_MODE == "test" else 60_000
            ),
        },
    )
}

# ── Redis: doorbells and live updates, may be flushed at any moment ─────────────────────────────────────────────────
REDIS_URL = env.text("REDIS_URL", "" if PRODUCTION else f"unix://{VAR_DIR}/run/redis.sock?db=0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": env.text("AUGMENTED_CHANNEL_PREFIX", "augmented")},
    }
}

# ── Celery: carries no work, only "queue Q has work" ────────────────────────────────────────────────────────────────
CELERY_BROKER_URL = env.broker(REDIS_URL)
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = env.flag("AUGMENTED_WORKER_REMOTE_CONTROL")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 150,  # just above the time limit: a doorbell that a dead worker held rings again
    "socket_keepalive": True,
    "health_check_interval": 10,
    "global_keyprefix": env.text("AUGMENTED_BROKER_PREFIX", ""),
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_QUEUES = [Queue("orchestrator"), Queue("io"), Queue("control")]
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # remembers nothing: every beat is "look now", a late one is dropped
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {
    job: {"task": job, "schedule": seconds, "options": {"expires": 5 * seconds, "queue": "control"}}
    for job, seconds in {
        "apps.tasks.jobs.sweep": 1.0,
        "apps.workflows.jobs.tick": 0.5,  # a timer or schedule is at most that late, and a moment
        "apps.workflows.jobs.forget_old_fires": 3600.0,
        "apps.events.jobs.sweep": 1.0,
        "apps.events.jobs.keep_house": 3600.0,
        "apps.integrations.jobs.clear_away": 300.0,
        "apps.auth.jobs.clear_away": 3600.0,
        "apps.validation.jobs.forget_old_answers": 3600.0,
    }.items()
}

# ── Work ────────────────────────────────────────────────────────────────────────────────────────────────────────────
AUGMENTED_LEASE_SECONDS = env.number("AUGMENTED_LEASE_SECONDS", 30)  # without a sign of life the task is taken back
AUGMENTED_MAX_CLAIMS = env.number("AUGMENTED_MAX_CLAIMS", 5)  # a task that took so many workers with it has failed
AUGMENTED_MAX_TRANSITIONS = env.number(
    "AUGMENTED_MAX_TRANSITIONS", 10_000
)  # a run with more has failed: it never stops
AUGMENTED_KEEP_FIRES_DAYS = env.number("AUGMENTED_KEEP_FIRES_DAYS", 90)  # in the logs of schedules
AUGMENTED_KEEP_EVENTS_DAYS = env.number("AUGMENTED_KEEP_EVENTS_DAYS", 90)  # then their week is dropped
AUGMENTED_UNKNOWN_EVENTS = env.text("AUGMENTED_UNKNOWN_EVENTS", "accept")  # or refuse: those that nobody has defined
AUGMENTED_KEEP_RECEPTIONS_DAYS = env.number("AUGMENTED_KEEP_RECEPTIONS_DAYS", 7)  # in the logs of webhooks
AUGMENTED_WEBHOOK_RATE = env.number("AUGMENTED_WEBHOOK_RATE", 1_200)  # calls a minute, of one address at one path
AUGMENTED_MAX_EVENT = env.number("AUGMENTED_MAX_EVENT", 256 * 1024)  # bytes of an event's payload
AUGMENTED_MAX_RESULT = env.number("AUGMENTED_MAX_RESULT", 256 * 1024)  # bytes of a task's output
AUGMENTED_MAX_ATTACHMENT = env.number("AUGMENTED_MAX_ATTACHMENT", 10 * 1024 * 1024)
AUGMENTED_IO_CONCURRENCY = env.number("AUGMENTED_IO_CONCURRENCY", 250)  # calls in flight per worker process
# Hosts that outgoing calls may reach although they are private: "host[:port]", "*.host", an address or a network.
AUGMENTED_EGRESS_ALLOW = tuple(env.listed("AUGMENTED_EGRESS_ALLOW"))
AUGMENTED_EGRESS_MAX_BYTES = env.number("AUGMENTED_EGRESS_MAX_BYTES", 1024 * 1024)
AUGMENTED_EGRESS_CONNECTIONS = env.number("AUGMENTED_EGRESS_CONNECTIONS", 1_000)

# ── The HTTP interface ──────────────────────────────────────────────────────────────────────────────────────────────
AUGMENTED_METRICS_TOKEN = env.text("AUGMENTED_METRICS_TOKEN")  # whose bearer may read /metrics without an account
AUGMENTED_MAX_BODY = env.number("AUGMENTED_MAX_BODY", 1024 * 1024)  # bytes; more is answered with 413
DATA_UPLOAD_MAX_MEMORY_SIZE = AUGMENTED_MAX_BODY
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.auth.api.authentication.BearerAuthentication",
        "apps.auth.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.validation.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.validation.api.pagination.KeysetPagination",
    "EXCEPTION_HANDLER": "apps.validation.api.problems.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "NUM_PROXIES": env.number("AUGMENTED_PROXIES", 0),
}
SPECTACULAR_SETTINGS = openapi.SETTINGS

# ── People, sessions, passwords ─────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apps.auth.backends.AccountBackend"]
LOGIN_URL = "/sign-in"
HASHERS = ["MD5PasswordHasher"] if AUGMENTED_MODE == "test" else ["Argon2PasswordHasher", "PBKDF2PasswordHasher"]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}" for name in HASHERS]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Secrets at rest: key id → secret; the first seals, all open. `AUGMENTED_KEY_RING=2027:secret,2026:older secret`
KEY_RING = env.key_ring("AUGMENTED_KEY_RING") or ({} if PRODUCTION else {"secret-key": SECRET_KEY})
SIMPLE_JWT = {
    "ISSUER": env.text("AUGMENTED_TOKEN_ISSUER", "augmented-os"),
    "AUDIENCE": env.text("AUGMENTED_TOKEN_AUDIENCE", "augmented-os"),
    "ALGORITHM": "EdDSA",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),  # unused for that long: signed out
}
AUGMENTED_SIGN_IN_LIFETIME = timedelta(days=14)  # however often it is refreshed
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env.flag("AUGMENTED_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)/?$"]  # probes come from inside, without TLS
    SECURE_HSTS_SECONDS = env.number("AUGMENTED_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if env.flag("AUGMENTED_BEHIND_PROXY"):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ── Static files: Vite builds into static/dist, whitenoise serves ───────────────────────────────────────────────────
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static" if PRODUCTION else None  # elsewhere the files are served from where they lie
STATICFILES_DIRS = [BASE_DIR / "static"]
VITE_MANIFEST = BASE_DIR / "static" / "dist" / ".vite" / "manifest.json"
MEDIA_ROOT = VAR_DIR / "media"
WHITENOISE_USE_FINDERS = not PRODUCTION
HASHED = "whitenoise.storage.CompressedManifestStaticFilesStorage"
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": HASHED if PRODUCTION else PLAIN},
}

# ── The rest ────────────────────────────────────────────────────────────────────────────────────────────────────────
TIME_ZONE = "UTC"
LOGGING = logging_config(level=env.text("AUGMENTED_LOG_LEVEL", "INFO"), readable=env.flag("AUGMENTED_LOG_READABLE"))
