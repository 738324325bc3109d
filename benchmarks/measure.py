"""Measuring: throughput of many runs at once, latency of one after the other, and what they cost the database."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from apps.auth.models import User
from apps.workflows.services import instances
from apps.workflows.services.instances import Start

GIVE_UP_SECONDS = 300


@dataclass(frozen=True)
class Throughput:
    """``steps`` in ``seconds``; ``commits`` and ``statements`` are the whole database's while they ran."""

    workload: str
    steps: int
    seconds: float
    commits: int
    statements: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "stepsPerSecond": round(self.steps / self.seconds),
            "commitsPerStep": round(self.commits / self.steps, 3),
            "statementsPerStep": round(self.statements / self.steps, 3),
        }


@dataclass(frozen=True)
class Items:
    """One run of a FOR_EACH with ``items`` items, from asking for it to its end."""

    workload: str
    items: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "itemsPerSecond": round(self.items / self.seconds),
            "millisecondsPerItem": round(self.seconds / self.items * 1000, 3),
        }


@dataclass(frozen=True)
class Latency:
    """Milliseconds from asking for a run to its being COMPLETED, one run after the other."""

    workload: str
    samples: list[float]

    def as_json(self) -> dict[str, Any]:
        ordered = sorted(self.samples)
        return {
            "workload": self.workload,
            "runs": len(ordered),
            "p50": round(statistics.median(ordered), 2),
            "p95": round(ordered[int(len(ordered) * 0.95)], 2),
        }


def throughput(user: User, workload: str, *, runs: int, length: int) -> Throughput:
    """Start ``runs`` runs in batches of 1,000 and wait until the last has ended."""
    before = _database_counters()
    began = time.perf_counter()
    for first in range(0, runs, instances.BATCH_LIMIT):
        count = min(instances.BATCH_LIMIT, runs - first)
        instances.start_batch(actor=user, requests=[Start(workload, {"n": n}) for n in range(count)])
    _wait_until_done(workload)
    seconds = time.perf_counter() - began
    _check(workload, runs)
    commits, statements = (after - was for after, was in zip(_database_counters(), before, strict=True))
    return Throughput(workload, runs * length, seconds, commits, statements)


def items(user: User, workload: str, *, count: int) -> Items:
    """Start one run that goes through ``count`` items and wait until it has ended."""
    began = time.perf_counter()
    instances.start(actor=user, request=Start(workload, {"items": list(range(count))}))
    _wait_until_done(workload)
    seconds = time.perf_counter() - began
    _check(workload, 1)
    return Items(workload, count, seconds)


def latency(user: User, workload: str, *, runs: int) -> Latency:
    """Start one run, wait for its end, start the next."""
    samples = []
    for n in range(runs):
        began = time.perf_counter()
        run_id = instances.start(actor=user, request=Start(workload, {"n": n}))
        while not _is_done(run_id):
            time.sleep(0.002)  # asking more often would take from the two cores what is being measured
        samples.append((time.perf_counter() - began) * 1000)
    return Latency(workload, samples)


def _wait_until_done(workload: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    statement = (
        "SELECT 1 FROM workflows_workflowinstance"
        " WHERE status NOT IN ('COMPLETED', 'CANCELLED') AND status <> 'FAILED' LIMIT 1"
    )
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if cursor.fetchone() is None:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{workload} was not done within {GIVE_UP_SECONDS} s")


def _check(workload: str, runs: int) -> None:
    """A benchmark that measures failures measures nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM workflows_workflowinstance WHERE status = 'FAILED'")
        (failed,) = cursor.fetchone() or (0,)
        if failed:
            cursor.execute("SELECT error FROM workflows_workflowinstance WHERE status = 'FAILED' LIMIT 1")
            raise RuntimeError(f"{failed} runs failed, one of them with {cursor.fetchone()}")


def _is_done(run_id: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT completed_at FROM workflows_workflowinstance WHERE id = %s", [run_id])
        row = cursor.fetchone()
    return row is not None and row[0] is not None


def _database_counters() -> tuple[int, int]:
    """Commits and statements so far. Backends report them with a delay of up to a second, so wait for that first."""
    time.sleep(1.1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        (commits,) = cursor.fetchone() or (0,)
        cursor.execute("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements")
        (statements,) = cursor.fetchone() or (0,)
    return int(commits), int(statements)


def peak_memory(pid: int) -> dict[str, float]:
    """Resident megabytes of a process and its children, each at its own peak."""
    found = {}
    for process in (pid, *(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        peak = next((line for line in lines if line.startswith("VmHWM")), "VmHWM: 0 kB")
        found[str(process)] = round(int(peak.split()[1]) / 1024, 1)
    return found
