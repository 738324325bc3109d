"""The processes of a running system, and supervisord's configuration made of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from augmented.launcher.places import PYTHON, ROOT


@dataclass(frozen=True)
class Program:
    """One supervised process. Lower `priority` starts earlier and stops later; times in seconds."""

    name: str
    command: list[str]
    priority: int
    stop_signal: str = "TERM"
    stop_within: int = 15
    directory: Path = ROOT


def waiting(command: list[str], *needs: Path) -> list[str]:
    """`command`, started when both servers answer and the files exist."""
    files = [part for file in needs for part in ("--for", str(file))]
    return [str(PYTHON), "-m", "augmented.launcher.wait", *files, "--", *command]


def python(*arguments: str) -> list[str]:
    return [str(PYTHON), *arguments]


def platform_programs(*, host: str, port: int, workers: int, prepared: Path) -> list[Program]:
    """Web, workers and beat; each waits for the servers and for `prepared`, the sign that the tables exist."""
    web = python(
        "-m", "uvicorn", "augmented.asgi:application", "--host", host, "--port", str(port),
        "--lifespan", "off", "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "5",
        "--ws-max-size", "65536", "--proxy-headers",
    )  # fmt: skip
    worker = python(
        "-m", "celery", "-A", "augmented", "worker", "--pool", "prefork", "--concurrency", str(workers),
        "--queues", "orchestrator,io,control", "--without-gossip", "--without-mingle", "--without-heartbeat",
    )  # fmt: skip
    beat = python("-m", "celery", "-A", "augmented", "beat", "--pidfile", "", "--loglevel", "WARNING")
    return [
        # Stopped last to first: no new requests, then running steps get a minute to finish, the clock goes last.
        Program("beat", waiting(beat, prepared), priority=40),
        Program("worker", waiting(worker, prepared), priority=50, stop_within=60),
        Program("web", waiting(web, prepared), priority=60),
    ]


def watchdog_program(control_socket: Path, prepared: Path) -> Program:
    """Stops before the worker, so that it never starts again what is being stopped."""
    command = waiting(python("-m", "augmented.launcher.watchdog", str(control_socket)), prepared)
    return Program("watchdog", command, priority=70)


def examples_program(port: int) -> Program:
    """The outside services that the examples call."""
    command = python(
        "-m", "augmented.launcher.wait", "--no-servers", "--", *python("-m", "examples.server", "--port", str(port))
    )
    return Program("examples", command, priority=30)


def configuration(programs: list[Program], *, var: Path, control_socket: Path) -> str:
    """supervisord.conf: foreground, one log file per program, everything restarted that ends by itself."""
    # Only where it is root: says that this is intended, which supervisord otherwise warns of.
    user = "user=root" if os.geteuid() == 0 else ""
    head = f"""\
[supervisord]
nodaemon=true
{user}
logfile={_escape(var / "log" / "supervisord.log")}
logfile_maxbytes=5MB
pidfile={_escape(var / "supervisord.pid")}
childlogdir={_escape(var / "log")}

[unix_http_server]
file={_escape(control_socket)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{_escape(control_socket)}
"""
    return "\n".join([head, *(_section(program, var) for program in programs)])


def _section(program: Program, var: Path) -> str:
    return f"""\
[program:{program.name}]
command={_escape(" ".join(_quoted(part) for part in program.command))}
directory={_escape(program.directory)}
priority={program.priority}
autorestart=true
startsecs=1
startretries=10
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_within}
killasgroup=true
redirect_stderr=true
stdout_logfile={_escape(_escape(var / "log" / f"{program.name}.log"))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


def _quoted(part: str) -> str:
    """For supervisord's own splitting, which follows shlex."""
    return "'" + part.replace("'", "'\"'\"'") + "'"


def _escape(value: str | Path) -> str:
    """The file is read with %-interpolation (and a program's log file, by an oddity of supervisord, twice)."""
    return str(value).replace("%", "%%")
