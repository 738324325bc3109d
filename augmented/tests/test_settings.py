"""Settings from the environment: what production refuses, and what the servers' URLs become."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from augmented import environment as env

PRODUCTION = {
    "AUGMENTED_MODE": "production",
    "SECRET_KEY": "k7Yq-Zw3u" * 8,
    "AUGMENTED_KEY_RING": "k1:" + "s3cr3t-x" * 8,
    "ALLOWED_HOSTS": "augmented.example",
    "DATABASE_URL": "postgresql://user:p%40ss@db.example:6432/augmented?sslmode=verify-full",
    "REDIS_URL": "redis://redis.example:6379/0",
}


def check(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "manage.py", "check", *arguments]
    return subprocess.run(command, env={**kept, **variables}, capture_output=True, text=True, check=False)


def test_a_complete_production_set_up_passes_the_deployment_check() -> None:
    done = check(PRODUCTION, "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_production_names_every_variable_that_is_missing_at_once() -> None:
    done = check({"AUGMENTED_MODE": "production"})
    assert done.returncode != 0
    for name in PRODUCTION.keys() - {"AUGMENTED_MODE"}:
        assert f"{name} must" in done.stderr


def test_a_misspelt_choice_does_not_pass_for_the_other_one() -> None:
    done = check(PRODUCTION | {"AUGMENTED_UNKNOWN_EVENTS": "reject"})
    assert done.returncode != 0
    assert "AUGMENTED_UNKNOWN_EVENTS is accept or refuse" in done.stderr


def test_the_web_process_refuses_to_start_without_its_variables() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", "import augmented.asgi"]
    done = subprocess.run(
        command, env={**kept, "AUGMENTED_MODE": "production"}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "DATABASE_URL must be set" in done.stderr


def test_an_unknown_mode_is_refused() -> None:
    done = check({"AUGMENTED_MODE": "prod"})
    assert done.returncode != 0
    assert "AUGMENTED_MODE must be one of development, test, production" in done.stderr


def test_a_database_url_keeps_its_password_options_and_socket_directory() -> None:
    found = env.database(PRODUCTION["DATABASE_URL"], pool=0, timeouts={"lock_timeout": 5})
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("user", "p@ss", "db.example", "6432")
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert "-c lock_timeout=5" in found["OPTIONS"]["options"]
    assert env.database("postgresql://postgres@/augmented?host=/run/pg", pool=0, timeouts={})["HOST"] == "/run/pg"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://host:6379/2", "redis://host:6379/2"),
        ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
    ],
)
def test_celery_gets_its_own_spelling_of_a_socket(given: str, expected: str) -> None:
    assert env.broker(given) == expected


@pytest.mark.django_db
def test_the_limits_of_postgres_are_set_on_each_connection() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for name, expected in (("lock_timeout", "5s"), ("statement_timeout", "30s")):
            cursor.execute("SELECT current_setting(%s)", [name])
            assert cursor.fetchone() == (expected,)
