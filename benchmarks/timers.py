"""Timers and schedules: how long it takes to fire many that are due at once, and how late single ones are at rest."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import connection

from apps.auth.models import User
from apps.events.sql import fetch
from apps.workflows.models import Schedule, ScheduleFire
from apps.workflows.services import definitions as workflows
from apps.workflows.services import instances
from apps.workflows.services.instances import Start

MANY = 10_000
TARGET_SECONDS = 5.0
"""In which so many are to be fired."""
TARGET_LATE = 1.0
"""Seconds that 99 of 100 are late at most, at rest."""
GIVE_UP_SECONDS = 120


def measure(user: User, *, quick: bool) -> dict[str, Any]:
    """{timers: {count, seconds}, schedules: {count, seconds, runsDone}, late: {fires, p50, p99, worst}}."""
    many = MANY // 10 if quick else MANY
    _install(user)
    return {
        "timers": _timers(user, many),
        "schedules": _schedules(user, many),
        "late": _late(user, fires=40 if quick else 200),
    }


def show(found: dict[str, Any]) -> None:
    for name in ("timers", "schedules"):
        row = found[name]
        print(f"  {row['count']:,} due {name} fired in {row['seconds']} s (target {TARGET_SECONDS:g} s)")
    late = found["late"]
    print(
        f"  {late['fires']} schedules at rest: late by p50 {late['p50']} s, p99 {late['p99']} s, at worst {late['worst']} s"
        f" (target {TARGET_LATE:g} s)"
    )


def _install(user: User) -> None:
    nap = {"stepId": "nap", "type": "DELAY", "duration": "PT12H"}
    done = {"stepId": "done", "type": "END"}
    for key, step in (("timer-nap", nap), ("timer-done", done)):
        workflows.save(actor=user, document={"workflowId": key, "name": key, "version": "1.0.0", "steps": [step]})
        workflows.publish(actor=user, workflow_id=key)


def _timers(user: User, many: int) -> dict[str, Any]:
    for first in range(0, many, instances.BATCH_LIMIT):
        count = min(instances.BATCH_LIMIT, many - first)
        instances.start_batch(actor=user, requests=[Start("timer-nap")] * count)
    _until("SELECT count(*) FROM workflows_timer", many)
    began = time.perf_counter()
    _run("UPDATE workflows_timer SET due_at = now()")
    _until("SELECT count(*) FROM workflows_timer", 0)
    seconds = time.perf_counter() - began
    _until("SELECT count(*) FROM workflows_workflowinstance WHERE completed_at IS NULL", 0)
    return {"count": many, "seconds": round(seconds, 2), "runsDone": round(time.perf_counter() - began, 2)}


def _schedules(user: User, many: int) -> dict[str, Any]:
    _put(user, many, apart=timedelta(0))
    began = time.perf_counter()
    _until("SELECT count(*) FROM workflows_schedulefire", many)
    seconds = time.perf_counter() - began
    ((wrong,),) = fetch("SELECT count(*) FROM workflows_schedulefire WHERE decision <> 'STARTED'")
    if wrong:
        raise RuntimeError(f"{wrong} of {many} schedules started nothing")
    _until("SELECT count(*) FROM workflows_workflowinstance WHERE completed_at IS NULL", 0)
    _forget()
    return {"count": many, "seconds": round(seconds, 2), "runsDone": round(time.perf_counter() - began, 2)}


def _late(user: User, *, fires: int) -> dict[str, Any]:
    """Fires a tenth of a second apart and a little, so that they fall anywhere between two looks."""
    _put(user, fires, apart=timedelta(milliseconds=103))
    _until("SELECT count(*) FROM workflows_schedulefire", fires)
    rows = fetch("SELECT extract(epoch FROM at - due_at)::float8 FROM workflows_schedulefire ORDER BY 1")
    late = [row[0] for row in rows]
    _forget()
    return {
        "fires": fires,
        "p50": round(late[len(late) // 2], 3),
        "p99": round(late[int(len(late) * 0.99)], 3),
        "worst": round(late[-1], 3),
    }


def _put(user: User, many: int, *, apart: timedelta) -> None:
    """Schedules that fire once within the benchmark, the first of them now."""
    begin = fetch("SELECT now()")[0][0] + (timedelta(seconds=2) if apart else timedelta(0))
    Schedule.objects.bulk_create(
        Schedule(
            key=f"bench-{n}",
            workflow_id="timer-done",
            name=f"bench-{n}",
            document={"workflowId": "timer-done", "interval": "P1D", "scheduleId": f"bench-{n}", "enabled": True},
            owner=user,
            anchor=(slot := begin + n * apart) - timedelta(days=1),
            decided_until=slot - timedelta(seconds=1),
            next_slot=slot,
            due_at=slot,
        )
        for n in range(many)
    )


def _forget() -> None:
    ScheduleFire.objects.all().delete()
    Schedule.objects.all().delete()


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _until(statement: str, count: int) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        if fetch(statement)[0][0] == count:
            return
        time.sleep(0.02)
    raise RuntimeError(f"{statement} is not {count} after {GIVE_UP_SECONDS} s")
