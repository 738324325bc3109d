"""One platform for all fault tests: servers of its own (some tests restart them), web and beat. Workers are each test's own."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from augmented.launcher.servers import Servers, running
from tests.support.databases import own_database
from tests.support.outside import Outside
from tests.support.processes import Platform

from .scene import LEASE_SECONDS, Scene

DEFINITIONS = Path(__file__).parent / "definitions"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Postgres and Redis that only the fault tests use. They fsync: an immediate restart must lose nothing."""
    # A SIGTERM would end pytest without its fixtures' ends, and leave processes behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    place.chmod(0o755)
    try:
        with running(place, durable=True) as servers:
            yield servers
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    with Outside() as outside:
        yield outside


@pytest.fixture(scope="session")
def platform(servers: Servers, outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    environment = {
        "AUGMENTED_EGRESS_ALLOW": f"127.0.0.1:{outside.port}",
        "AUGMENTED_LEASE_SECONDS": str(LEASE_SECONDS),
        "AUGMENTED_MAX_CLAIMS": "100",  # here workers die for reasons that are not the task's
    }
    place = tmp_path_factory.mktemp("platform")
    with (
        own_database(servers.database_url) as database_url,
        Platform(place, database_url, servers.redis_url, **environment) as platform,
    ):
        platform.prepare(["definitions", "apply", str(DEFINITIONS), "--set", f"outside={outside.address}"])
        platform.start_beat(wait=False)
        platform.start_web()
        yield platform


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Printed with every failure; AUGMENTED_FAULTS_SEED repeats one."""
    chosen = int(os.environ.get("AUGMENTED_FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
    request.node.user_properties.append(("seed", chosen))
    print(f"AUGMENTED_FAULTS_SEED={chosen}")  # noqa: T201  pytest shows it with a failure
    return chosen


@pytest.fixture
def scene(servers: Servers, platform: Platform, outside: Outside, seed: int) -> Iterator[Scene]:
    scene = Scene(servers, platform, outside, seed)
    redis.Redis.from_url(servers.redis_url).flushall()
    with scene.alone():
        yield scene
