"""Reading the environment: the few conversions that settings need, each a pure function."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MODES = ("development", "test", "production")

# Seen by Django only where nobody gave a key and the mode is development or test; production refuses to start with it.
DEVELOPMENT_SECRET = "development-only-secret-that-production-refuses-to-start-with"  # noqa: S105


def development_secret(var: Path) -> str:
    """The key that `make run` made for this copy, so that commands beside it agree with it; a fixed one before its first start."""
    made = var / "secret-key"
    return made.read_text().strip() if os.access(made, os.R_OK) else DEVELOPMENT_SECRET


def text(name: str, default: str = "") -> str:
    """The variable, stripped; `default` when it is absent or empty."""
    return os.environ.get(name, "").strip() or default


def number(name: str, default: int) -> int:
    """The variable as an integer. Raises ValueError with the variable's name when it is none."""
    raw = text(name)
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError as error:
        raise ValueError(f"{name} must be a whole number, not {raw!r}") from error


def flag(name: str, default: bool = False) -> bool:
    """True for 1, true, yes, on (any case); `default` when absent."""
    raw = text(name)
    return raw.lower() in {"1", "true", "yes", "on"} if raw else default


def listed(name: str, default: str = "") -> list[str]:
    """A comma-separated variable as a list without empty entries."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def key_ring(name: str) -> dict[str, str]:
    """`id:secret,id:secret` in the order given. Raises ValueError, without the secrets, when an entry has no id or is short."""
    ring: dict[str, str] = {}
    for position, entry in enumerate(listed(name), start=1):
        key_id, _, secret = entry.partition(":")
        if not key_id or len(key_id) > 64 or len(secret) < 32:
            raise ValueError(f"{name}: entry {position} must be id:secret with a secret of at least 32 characters")
        ring[key_id] = secret
    return ring


def mode() -> str:
    """development (default), test (default under pytest) or production. Raises ValueError for anything else."""
    found = text("AUGMENTED_MODE", "test" if "PYTEST_VERSION" in os.environ else "development")
    if found not in MODES:
        raise ValueError(f"AUGMENTED_MODE must be one of {', '.join(MODES)}, not {found!r}")
    return found


def database(url: str, *, pool: int, timeouts: dict[str, int]) -> dict[str, Any]:
    """A Django DATABASES entry from `postgresql://user:password@host:port/name?host=/socket/dir&sslmode=…`.

    `pool`: connections kept per process (0: one per thread, kept for ten minutes). `timeouts`: Postgres setting → milliseconds.
    The search path names the three stores, so that every table is found under its plain name; `public` holds extensions only.
    """
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    settings = {"search_path": "workflow,business,auth,public", **{name: str(ms) for name, ms in timeouts.items()}}
    options: dict[str, Any] = {"options": " ".join(f"-c {name}={value}" for name, value in settings.items())}
    host = query.pop("host", "") or parts.hostname or ""
    options.update(query)  # sslmode, sslrootcert, application_name, …: libpq's own names
    if pool:
        options["pool"] = {"min_size": max(2, 2 * pool // 3), "max_size": pool, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        # Tests drop their database at the end: no thread of theirs may still hold a connection to it.
        "CONN_MAX_AGE": 0 if pool or mode() == "test" else 600,
        "CONN_HEALTH_CHECKS": not pool,
        "OPTIONS": options,
    }


def broker(redis_url: str) -> str:
    """Celery's spelling of a Redis URL: kombu wants `redis+socket://` where redis-py says `unix://`."""
    if not redis_url.startswith("unix://"):
        return redis_url
    parts = urlsplit(redis_url)
    db = parse_qs(parts.query).get("db", ["0"])[-1]
    return f"redis+socket://{parts.path}?virtual_host={db}"
