"""JSON logging: structlog renders its own events and everything that the standard library's loggers say."""

from __future__ import annotations

from typing import Any

import structlog

# Keys that may hold a credential. Their values never reach a line of the log, whoever bound them.
SECRET_KEYS = frozenset(
    {
        "password",
        "secret",
        "token",
        "access",
        "refresh",
        "authorization",
        "cookie",
        "credentials",
        "api_key",
        "client_secret",
    }
)


def hide_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: replaces the value of every key named in SECRET_KEYS."""
    for key in event.keys() & SECRET_KEYS:
        event[key] = "[hidden]"
    return event


def logging_config(*, level: str, readable: bool) -> dict[str, Any]:
    """Configure structlog and return Django's LOGGING. `readable` prints coloured lines instead of JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    tail: list[Any] = (
        [structlog.dev.ConsoleRenderer()]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # One line per request comes from RequestContextMiddleware; these would say it again.
            "django.server": {"handlers": [], "propagate": False},
            "uvicorn.access": {"handlers": [], "propagate": False},
            # Celery says "received" and "succeeded" for each doorbell: thousands of lines that carry nothing.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
