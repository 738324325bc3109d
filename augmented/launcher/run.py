"""`run`: everything in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from augmented.launcher import demo
from augmented.launcher.places import PYTHON, ROOT, VAR, VENV, socket_directory
from augmented.launcher.programs import Program, examples_program, platform_programs, watchdog_program
from augmented.launcher.progress import LaunchError, say, step
from augmented.launcher.servers import Postgres, Valkey
from augmented.launcher.supervise import CONTROL_SOCKET, Supervisor, clear_leftovers, only_one

EXAMPLES_PORTS = range(20_000, 30_000)
"""Below those that the system gives to outgoing connections, which come and go."""
LOCALHOST = "127.0.0.1"
LOCAL = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104  only to print an address that a browser can open
WATCH_EVERY = 2.0  # seconds


class Stop(BaseException):
    """SIGTERM or Ctrl-C arrived. Not an Exception: nothing on the way may swallow it."""


def ports() -> tuple[str, int]:
    """(HOST, PORT) of the environment, free to listen on. Raises LaunchError with what to do when taken."""
    host = os.environ.get("HOST") or "127.0.0.1"
    try:
        port = int(os.environ.get("PORT") or 8000)
    except ValueError as error:
        raise LaunchError(f"PORT must be a number, not {os.environ['PORT']!r}.") from error
    require_free(host, port, f"Choose another one: PORT={port + 1} make run")
    return host, port


def require_free(host: str, port: int, advice: str) -> None:
    """Raises LaunchError when another process listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will: the past does not count
        try:
            trial.bind((host, port))
        except (OSError, OverflowError) as error:
            raise LaunchError(f"Port {port} on {host} cannot be used: {error}. {advice}") from error


def check_before_installing() -> None:
    """What would stop the start anyway is said at once, not after a minute of installing. Raises LaunchError."""
    with only_one(VAR):
        clear_the_way()


def clear_the_way() -> tuple[str, int]:
    """End what a killed run left behind (it may hold the port), then (host, port). The caller holds var/."""
    cleared = clear_leftovers(VAR)
    if cleared:
        say(f"  Ended {cleared} processes that an earlier run left behind.")
    return ports()


def examples_port() -> int:
    """Where the outside services of the examples listen: chosen at the first start, and remembered.

    It is not changed later, as the published definitions name it. Raises LaunchError when it cannot be had (any more).
    """
    remembered = VAR / "examples-port"
    if remembered.exists():
        try:
            port = int(remembered.read_text())
        except ValueError as error:
            raise LaunchError(f"{remembered} holds no port. Remove it, and another one is chosen.") from error
        advice = (
            "The published examples of this copy call their services there. Stop what listens on it (`make run` of another"
            f" copy?), or start with a new var/: AUGMENTED_VAR={VAR}-2 make run"
        )
        require_free(LOCALHOST, port, advice)
        return port
    for port in _own_ports():
        try:
            require_free(LOCALHOST, port, "")
        except LaunchError:
            continue
        remembered.write_text(str(port))
        return port
    raise LaunchError(f"The example services find no free port from {EXAMPLES_PORTS[0]} to {EXAMPLES_PORTS[-1]}.")


def _own_ports() -> Iterator[int]:
    """All ports for the example services, from one on that depends on var/: two copies that start at once differ."""
    first = zlib.crc32(str(VAR).encode()) % len(EXAMPLES_PORTS)
    return (EXAMPLES_PORTS[(first + step) % len(EXAMPLES_PORTS)] for step in range(len(EXAMPLES_PORTS)))


def run() -> None:
    """Start, prepare, print where to go, watch. Returns after an orderly stop; raises LaunchError for what went wrong."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGHUP, _stop)
    with only_one(VAR):
        host, port = clear_the_way()
        supervisor = None
        try:
            supervisor = _start(host, port)
            _watch(supervisor)
        except Stop:
            say("\nStopping: running steps finish first.")
        finally:
            # From here a second Ctrl-C changes nothing: stopping has its own limit.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            if supervisor is not None:
                supervisor.stop()
                say("Stopped. All data is in var/.")


def _start(host: str, port: int) -> Supervisor:
    prepared = VAR / "prepared"
    prepared.unlink(missing_ok=True)
    environment = _environment()
    development = environment["AUGMENTED_MODE"] == "development"
    sockets = socket_directory(VAR)
    sockets.mkdir(parents=True, exist_ok=True)
    programs: list[Program] = []
    services = ""  # where the examples' outside services listen; none outside development
    if development:
        services = f"{LOCALHOST}:{examples_port()}"
        allowed = environment.get("AUGMENTED_EGRESS_ALLOW")
        environment["AUGMENTED_EGRESS_ALLOW"] = f"{allowed},{services}" if allowed else services
        programs.append(examples_program(int(services.partition(":")[2])))
    programs += _servers(environment)
    programs += platform_programs(host=host, port=port, workers=int(os.environ.get("WORKERS") or 2), prepared=prepared)
    programs.append(watchdog_program(sockets / CONTROL_SOCKET, prepared))
    supervisor = Supervisor(programs, var=VAR, sockets=sockets, environment=environment)
    try:
        with step("Starting the servers"):
            supervisor.start()
            _wait_for_servers(supervisor, environment)
        _prepare(environment, services)
        prepared.touch()
        address = f"http://{'localhost' if host in LOCAL else host}:{port}"
        with step("Starting web, workers and beat"):
            demo.wait_for_web(address, supervisor.check)
        if development:
            with step("Running the order-processing example"):
                instance = demo.run_example(address, VAR / "first-run")
            _welcome(address, instance)
        else:
            say(f"\nAugmented OS is running: {address}\n")
    except BaseException:
        supervisor.stop()
        raise
    return supervisor


def _environment() -> dict[str, str]:
    environment = {
        **os.environ,
        "AUGMENTED_MODE": os.environ.get("AUGMENTED_MODE") or "development",
        "AUGMENTED_VAR": str(VAR),
        "DJANGO_SETTINGS_MODULE": "augmented.settings",
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    if environment["AUGMENTED_MODE"] == "development":
        environment.setdefault("SECRET_KEY", _own_secret(VAR / "secret-key"))
    return environment


def _own_secret(file: Path) -> str:
    """A key of this copy's own, made at the first start, so that sessions survive a restart and no two copies share one."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(64))
    return file.read_text()


def _servers(environment: dict[str, str]) -> list[Program]:
    """The embedded servers to supervise, where no others were given; writes their URLs into the environment."""
    programs = []
    if not environment.get("DATABASE_URL"):
        postgres = Postgres(VAR)
        with step("Preparing Postgres"):
            postgres.prepare()
        environment["DATABASE_URL"] = postgres.url
        command = _tied(postgres.command())
        programs.append(
            Program("postgres", command, priority=10, stop_signal="INT", stop_within=30, directory=Path("/"))
        )
    if not environment.get("REDIS_URL"):
        valkey = Valkey(VAR)
        valkey.prepare()
        environment["REDIS_URL"] = valkey.url
        programs.append(Program("valkey", _tied(valkey.command()), priority=20, directory=Path("/")))
    return programs


def _tied(command: list[str]) -> list[str]:
    """The same command, ended by the kernel should the supervisor be killed."""
    return [str(PYTHON), str(ROOT / "augmented" / "launcher" / "wait.py"), "--no-servers", "--", *command]


def _wait_for_servers(supervisor: Supervisor, environment: dict[str, str]) -> None:
    for server, variable in ((Postgres(VAR), "DATABASE_URL"), (Valkey(VAR), "REDIS_URL")):
        if server.url != environment[variable]:
            continue  # somebody else's server: `prepare` says if it does not answer
        while not server.answers():
            supervisor.check()
            time.sleep(0.05)


def _prepare(environment: dict[str, str], services: str) -> None:
    examples = ["--examples", f"http://{services}"] if services else []
    command = [str(PYTHON), str(ROOT / "manage.py"), "prepare", *examples]
    done = subprocess.run(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise LaunchError("The data could not be prepared; the message stands above.")


def _watch(supervisor: Supervisor) -> None:
    reported: set[str] = set()
    while not supervisor.ended():
        time.sleep(WATCH_EVERY)
        for name in set(supervisor.given_up()) - reported:
            reported.add(name)
            say(f"{name} ends again and again; see {VAR / 'log' / name}.log")
    raise LaunchError(f"The supervisor ended by itself; see {supervisor.log}")


def _welcome(address: str, instance: dict[str, object]) -> None:
    say(
        f"""
Augmented OS is running.

  Address   {address}
  Sign in   alice, bob, charlie or admin; the password is: {demo.DEMO_PASSWORD}
  Example   {address}/instances/{instance["id"]}
            order processing, {instance["status"]}
  API       {address}/api/docs

Ctrl-C stops it.
"""
    )


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop
