"""The embedded servers start, survive being killed, and leave nothing running."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from augmented.launcher.places import LONGEST_SOCKET_DIRECTORY, socket_directory
from augmented.launcher.servers import Postgres, Servers, Valkey, running


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture
def servers(place: Path) -> Iterator[Servers]:
    with running(place, durable=False) as found:
        yield found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_both_answer_at_their_urls(servers: Servers) -> None:
    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert redis.Redis.from_url(servers.redis_url).ping()


def test_only_the_owner_may_enter_the_directory_of_the_sockets(servers: Servers) -> None:
    assert stat.S_IMODE(servers.postgres.sockets.stat().st_mode) == 0o700


def test_committed_data_survives_a_kill_and_a_stale_lock_file(place: Path) -> None:
    first = Postgres(place)
    first.start()
    with psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop(signal.SIGKILL)
    assert (first.data / "postmaster.pid").exists()
    second = Postgres(place)
    second.start()
    try:
        with psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        second.stop()


def test_a_first_start_that_was_interrupted_is_begun_anew(place: Path) -> None:
    half = Postgres(place)
    half.data.mkdir(parents=True)
    (half.data / "half-made").touch()
    half.start()
    half.stop()


def pids_of_a_block_that_raises(place: Path, into: list[int]) -> None:
    with running(place, durable=False) as servers:
        into += [server.process.pid for server in (servers.postgres, servers.valkey) if server.process]
        raise ZeroDivisionError


def test_nothing_runs_after_the_block_even_when_it_raises(place: Path) -> None:
    pids: list[int] = []
    with pytest.raises(ZeroDivisionError):
        pids_of_a_block_that_raises(place, pids)
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


def test_the_cache_keeps_nothing_on_disk(place: Path) -> None:
    server = Valkey(place)
    server.start()
    redis.Redis.from_url(server.url).set("key", "value")
    server.stop()
    assert not list(place.rglob("*.rdb")) and not list(place.rglob("*.aof"))


def test_a_deep_directory_gets_a_short_one_for_its_sockets() -> None:
    deep = Path("/home") / ("d" * 60) / ("e" * 60) / "var"
    assert len(str(socket_directory(deep))) <= LONGEST_SOCKET_DIRECTORY
    assert socket_directory(deep) != socket_directory(deep / "other")
    assert socket_directory(Path("/srv/app/var")) == Path("/srv/app/var/run")
