"""The measurements in their order, and the table of what they found."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connection

from apps.auth.models import Role, User
from apps.events import doorbell

from . import events, fill, floors, measure, timers, workloads

TARGETS = {
    "inline-10": 6_000,
    "worker-10": 3_000,
    "http-10": 1_500,
}
"""Steps per second that are to be reached."""

LATENCY_TARGETS = {"inline-1": 8.0, "inline-10": 12.0, "worker-1": 15.0, "worker-10": 40.0}
"""Milliseconds (p50) that are not to be exceeded."""

FINISHED = 100_000

ITEMS = (10, 100, 1_000, 10_000)
ITEM_RATIO = 1.2
"""How much more an item may cost among 10,000 than among 1,000."""


def run(server: str, *, quick: bool) -> dict[str, Any]:
    """Everything, in one go. Returns what goes into the JSON file."""
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public")
    user = _user()
    workloads.install(user, server)
    result: dict[str, Any] = {}
    with _workers() as pid:
        print("Floors")
        result["floors"] = floors.all_floors(quick)
        _show_floors(result["floors"])
        for name, finished in (("empty", 0), ("full", 2_000 if quick else FINISHED)):
            print(f"\nWith {finished:,} finished runs in the tables")
            fill.fill(finished)
            result[name] = _measure(user, quick)
            _show(result[name])
        result["items"] = _measure_items(user, quick)
        _show_items(result["items"])
        print("\nTimers and schedules")
        result["timers"] = timers.measure(user, quick=quick)
        timers.show(result["timers"])
        result["peakMemoryMb"] = measure.peak_memory(pid)
        print(f"\nPeak memory (MB) by worker process: {result['peakMemoryMb']}")
    print("\nEvents")
    result["events"] = events.measure(user, quick=quick, workers=_workers)
    events.show(result["events"])
    result["ratios"] = _ratios(result)
    print("Full against empty tables: " + ", ".join(f"{k} {v}" for k, v in result["ratios"].items()))
    return result


def only_timers(*, quick: bool) -> dict[str, Any]:
    """Timers and schedules alone."""
    call_command("migrate", verbosity=0)
    with _workers():
        found = timers.measure(_user(), quick=quick)
        timers.show(found)
    return {"timers": found}


def only_events(*, quick: bool) -> dict[str, Any]:
    """Events alone."""
    call_command("migrate", verbosity=0)
    found = events.measure(_user(), quick=quick, workers=_workers)
    events.show(found)
    return {"events": found}


ONLY = {"timers": only_timers, "events": only_events}


def _user() -> User:
    user, _ = User.objects.get_or_create(
        username="bench", defaults={"email": "bench@example.org", "full_name": "Bench"}
    )
    user.roles.add(Role.objects.get(name="admin"))
    return User.objects.get(pk=user.pk)


def _measure(user: User, quick: bool) -> dict[str, Any]:
    runs = 100 if quick else 1_000
    found: dict[str, Any] = {"throughput": [], "latency": []}
    for workload in TARGETS:
        measure.throughput(user, workload, runs=100, length=10)  # plans compiled, statements prepared
        rounds = [measure.throughput(user, workload, runs=runs, length=10) for _ in range(1 if quick else 3)]
        best = sorted(rounds, key=lambda each: each.seconds)[len(rounds) // 2]
        found["throughput"].append(best.as_json())
    for workload in LATENCY_TARGETS:
        measure.latency(user, workload, runs=5)
        found["latency"].append(measure.latency(user, workload, runs=20 if quick else 200).as_json())
    return found


def _measure_items(user: User, quick: bool) -> list[dict[str, Any]]:
    found = []
    for workload in ("for-each-inline", "for-each-worker"):
        measure.items(user, workload, count=10)  # plans compiled, statements prepared
        for count in ITEMS[: 3 if quick else None]:
            rounds = [measure.items(user, workload, count=count) for _ in range(1 if quick else 3)]
            found.append(sorted(rounds, key=lambda each: each.seconds)[len(rounds) // 2].as_json())
    return found


def _ratios(result: dict[str, Any]) -> dict[str, float]:
    """How much slower with full tables: 1.0 is the same, 1.1 ten per cent slower."""
    found = {}
    for empty, full in zip(result["empty"]["throughput"], result["full"]["throughput"], strict=True):
        found[empty["workload"] + " steps/s"] = round(empty["stepsPerSecond"] / full["stepsPerSecond"], 2)
    for empty, full in zip(result["empty"]["latency"], result["full"]["latency"], strict=True):
        found[empty["workload"] + " p50"] = round(full["p50"] / empty["p50"], 2)
    return found


@contextmanager
def _workers() -> Iterator[int]:
    """Two worker processes under Celery, and beat."""
    celery = [sys.executable, "-m", "celery", "-A", "augmented"]
    environment = {**os.environ, "BENCHMARKS": "1"}
    worker = subprocess.Popen(
        [*celery, "worker", "-c", "2", "-Q", "orchestrator,io,control", "-l", "warning", "--include", "benchmarks.floors",
         "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env=environment,
    )  # fmt: skip
    beat = subprocess.Popen([*celery, "beat", "-l", "warning", "-s", "/dev/null"], env=environment)
    try:
        _wait_for_worker()
        yield worker.pid
    finally:
        for process in (beat, worker):
            process.terminate()
        for process in (beat, worker):
            process.wait(timeout=60)


def _wait_for_worker() -> None:
    floors.count.apply_async(args=("benchmarks:ready",), queue="io", ignore_result=True)
    while not doorbell.client().get("benchmarks:ready"):
        time.sleep(0.05)
    doorbell.client().delete("benchmarks:ready")


def _show_floors(found: dict[str, Any]) -> None:
    commits = ", ".join(
        f"{n} client{'s' if n != '1' else ''} {v:,}/s" for n, v in found["pgbenchCommitsPerSecond"].items()
    )
    print(f"  pgbench, small transactions: {commits}")
    print(f"  Celery, messages without work: {found['rawCeleryMessagesPerSecond']:,}/s")


def _show(found: dict[str, Any]) -> None:
    print(f"  {'workload':<12}{'steps/s':>10}{'target':>10}{'commits/step':>15}{'statements/step':>18}")
    for row in found["throughput"]:
        target = TARGETS[row["workload"]]
        print(
            f"  {row['workload']:<12}{row['stepsPerSecond']:>10,}{target:>10,}"
            f"{row['commitsPerStep']:>15}{row['statementsPerStep']:>18}"
        )
    print(f"  {'workload':<12}{'p50 ms':>10}{'target':>10}{'p95 ms':>15}")
    for row in found["latency"]:
        print(f"  {row['workload']:<12}{row['p50']:>10}{LATENCY_TARGETS[row['workload']]:>10}{row['p95']:>15}")


def _show_items(found: list[dict[str, Any]]) -> None:
    print(f"\n  {'for each':<18}{'items':>8}{'items/s':>10}{'ms/item':>10}{'against 1,000':>16}")
    known = {(row["workload"], row["items"]): row["millisecondsPerItem"] for row in found}
    for row in found:
        usual = known[(row["workload"], 1_000)]
        ratio = f"{row['millisecondsPerItem'] / usual:.2f}" + (f" (≤ {ITEM_RATIO})" if row["items"] > 1_000 else "")
        print(
            f"  {row['workload']:<18}{row['items']:>8,}{row['itemsPerSecond']:>10,}"
            f"{row['millisecondsPerItem']:>10}{ratio:>16}"
        )
