"""Events: how many are accepted over HTTP, how long one is routed among many who wait, how a burst of them is drained, and
how soon one starts a run. Each beside what the machine can do at most, measured in the same run.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import orjson

from apps.auth.models import User
from apps.events import routing
from apps.events.services import NewEvent, record_events
from apps.events.sql import fetch

from . import crowds, floors, load

TARGETS = {
    "batches": {"eventsPerSecond": 1_500, "p99": 100.0},
    "singly": {"eventsPerSecond": 300, "p99": 100.0},
    "ratio": 1.3,
    "startedP50": 50.0,
}
GIVE_UP_SECONDS = 600
BATCH = 100
SOURCE = {"type": "system", "id": None, "name": "benchmark"}

Workers = Callable[[], AbstractContextManager[Any]]


def measure(user: User, *, quick: bool, workers: Workers) -> dict[str, Any]:
    """{accepted: {batches, singly}, routed: {runs, triggers}, burst, started}."""
    crowds.install(user)
    crowds.forget()
    routed = {"runs": _among_runs(user, quick), "triggers": _among_triggers(user, quick)}
    crowds.forget()
    with workers(), load.web() as port:
        accepted = _accepted(user, port, quick)
        started = _started(user, port, quick)
        burst = _burst(user, quick)
    crowds.forget()
    return {"accepted": accepted, "routed": routed, "burst": burst, "started": started}


def show(found: dict[str, Any]) -> None:
    for name, words in (("batches", f"in batches of {BATCH}"), ("singly", "one by one")):
        row, target = found["accepted"][name], TARGETS[name]
        assert isinstance(target, dict)
        print(
            f"  accepted over HTTP {words}: {row['eventsPerSecond']:,}/s (target {target['eventsPerSecond']:,}),"
            f" p50 {row['p50']} ms, p99 {row['p99']} ms (target {target['p99']:g}); of inserts alone {row['ofFloor']}"
        )
    for name, row in found["routed"].items():
        print(
            f"  routed among {row['few']:,} / {row['many']:,} {name}: one event {row['oneMs'][0]} / {row['oneMs'][1]} ms"
            f" ({row['oneRatio']}), each of {row['batch']} {row['eachMs'][0]} / {row['eachMs'][1]} ms ({row['eachRatio']})"
            f" (target ≤ {TARGETS['ratio']})"
        )
    row = found["burst"]
    print(
        f"  a burst of {row['events']:,} events drained in {row['seconds']} s, {row['eventsPerSecond']:,}/s; {row['woken']:,}"
        f" runs woken, {row['started']:,} started, none lost; of inserts alone {row['ofFloor']}"
    )
    row = found["started"]
    print(
        f"  from sending an event to the run it starts: p50 {row['p50']} ms (target {TARGETS['startedP50']:g}),"
        f" p95 {row['p95']} ms; a Celery message takes p50 {row['floorP50']} ms"
    )


# Accepted over HTTP, while workers route what comes


def _accepted(user: User, port: int, quick: bool) -> dict[str, Any]:
    batches, single = (60, 600) if quick else (300, 3_000)
    plain = {
        "batches": floors.inserts(BATCH, clients=2, quick=quick),
        "singly": floors.inserts(1, clients=8, quick=quick),
    }
    access = load.token(port, user)
    bodies = {
        "batches": [_body([_document() for _ in range(BATCH)]) for _ in range(batches + 5)],
        "singly": [_body(_document()) for _ in range(single + 50)],
    }
    found = {}
    for name, each, connections, warm in (("batches", BATCH, 2, 5), ("singly", 1, 8, 50)):
        load.post(port, access, "/api/v1/events", bodies[name][:warm], connections=connections)
        _until_drained()
        made = load.post(port, access, "/api/v1/events", bodies[name][warm:], connections=connections)
        rate = (len(bodies[name]) - warm) * each / made.seconds
        found[name] = {
            "events": (len(bodies[name]) - warm) * each,
            "connections": connections,
            "eventsPerSecond": round(rate),
            "p50": made.percentile(0.5),
            "p99": made.percentile(0.99),
            "floorPerSecond": round(plain[name]),
            "ofFloor": round(rate / plain[name], 3),
        }
        _until_drained()
    return found


def _document() -> dict[str, Any]:
    return {
        "eventId": str(uuid4()),
        "pattern": "bench.stock.moved",
        "payload": {"article": "A-4711", "amount": 3, "from": "north", "to": "south", "by": "benchmark"},
        "metadata": {"correlationId": "bench"},
    }


def _body(document: Any) -> bytes:
    return orjson.dumps(document)


# Routed among many who wait; no worker is there, the router runs in this process


def _among_runs(user: User, quick: bool) -> dict[str, Any]:
    few, many = 100, 5_000 if quick else 100_000

    turn = itertools.count()

    def events(count: int, among: int) -> list[NewEvent]:
        orders = [next(turn) * 7_919 % among for _ in range(count)]
        return [_event(crowds.PAID, {"order": order, "amount": 5}) for order in orders]

    crowds.waiting_runs(user, 0, few)
    begun = _route(events, few, quick)
    crowds.waiting_runs(user, few, many)
    return _compared(begun, _route(events, many, quick), few, many)


def _among_triggers(user: User, quick: bool) -> dict[str, Any]:
    few, many = 100, 1_000 if quick else 10_000

    turn = itertools.count()

    def events(count: int, among: int) -> list[NewEvent]:
        """For the same hundred of them in turn, spread over the crowd: their conditions are compiled once."""
        turns = [next(turn) % few for _ in range(count)]
        kinds = [each * (among // few) + (each % 2 if among > few else 0) for each in turns]
        return [_event(crowds.pattern_of(kind), {"kind": kind}) for kind in kinds]

    crowds.forget()
    crowds.triggers(user, 0, few)
    begun = _route(events, few, quick)
    crowds.triggers(user, few, many)
    return _compared(begun, _route(events, many, quick), few, many)


PER_BATCH = 200


def _route(events: Callable[[int, int], list[NewEvent]], among: int, quick: bool) -> tuple[float, float]:
    """Milliseconds to route one event, and one of a whole batch; each finds exactly one who waits for it.

    Lower quartiles: what else the machine does at that moment shows in them least.
    """
    batches = [_routed(events(PER_BATCH, among)) / PER_BATCH for _ in range(6 if quick else 25)]
    singles = [_routed(events(1, among)) for _ in range(20 if quick else 200)]
    return statistics.quantiles(singles)[0], statistics.quantiles(batches[1:])[0]


def _routed(events: list[NewEvent]) -> float:
    record_events(events)
    before = fetch("SELECT count(*) FROM events_delivery WHERE status = 'handled'")[0][0]
    began = time.perf_counter()
    while routing.route():
        pass
    taken = (time.perf_counter() - began) * 1000
    handled = fetch("SELECT count(*) FROM events_delivery WHERE status = 'handled'")[0][0] - before
    if handled != len(events):
        raise RuntimeError(f"{len(events)} events were to find one each, and {handled} were handled")
    return taken


def _compared(few: tuple[float, float], many: tuple[float, float], fewer: int, more: int) -> dict[str, Any]:
    return {
        "few": fewer,
        "many": more,
        "batch": PER_BATCH,
        "oneMs": [round(few[0], 3), round(many[0], 3)],
        "oneRatio": round(many[0] / few[0], 2),
        "eachMs": [round(few[1], 3), round(many[1], 3)],
        "eachRatio": round(many[1] / few[1], 2),
    }


# With workers


def _started(user: User, port: int, quick: bool) -> dict[str, Any]:
    """From sending an event, with nothing else to do, to the run that a trigger starts for it having begun."""
    crowds.forget()
    crowds.triggers(user, 0, 1)
    access, samples = load.token(port, user), []
    begun = "SELECT count(*) FROM workflows_workflowinstance WHERE workflow_id = %s AND status <> 'CREATED'"
    for n in range(25 if quick else 105):
        body = _body({"eventId": str(uuid4()), "pattern": crowds.PLACED, "payload": {"kind": 0}})
        began = time.perf_counter()
        load.post(port, access, "/api/v1/events", [body], connections=1)
        while fetch(begun, crowds.STARTS)[0][0] <= n:
            time.sleep(0.001)
        samples.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    ordered = sorted(samples[5:])
    return {
        "events": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(len(ordered) * 0.95)], 1),
        "floorP50": round(floors.message_latency(20 if quick else 100), 1),
    }


def _burst(user: User, quick: bool) -> dict[str, Any]:
    """Recorded as fast as they can be while workers drain them; each hundredth wakes a run, each thousandth starts one."""
    crowds.forget()
    count = 5_000 if quick else 100_000
    woken, started = count // 100, count // 1_000
    crowds.waiting_runs(user, 0, woken)
    crowds.triggers(user, 0, 1)
    events = []
    for n in range(count):
        if n % 1_000 == 550:
            events.append(_event(crowds.PLACED, {"kind": 0}))
        elif n % 100 == 0:
            events.append(_event(crowds.PAID, {"order": n // 100, "amount": 1}))
        else:
            events.append(_event("bench.stock.moved", {"article": "A-4711", "amount": n}))
    plain = floors.inserts(1_000, clients=1, quick=quick)
    began = time.perf_counter()
    for first in range(0, count, 1_000):
        record_events(events[first : first + 1_000])
    recorded = time.perf_counter() - began
    _until_drained()
    seconds = time.perf_counter() - began
    _until("SELECT count(*) FROM workflows_workflowinstance WHERE completed_at IS NULL", 0)
    kept = [
        ("SELECT count(*) FROM events_event", count),
        (f"SELECT count(*) FROM workflows_workflowinstance WHERE workflow_id = '{crowds.WAITS}'"
         " AND status = 'COMPLETED'", woken),
        (f"SELECT count(*) FROM workflows_workflowinstance WHERE workflow_id = '{crowds.STARTS}'", started),
        ("SELECT count(*) FROM events_delivery WHERE status = 'handled'", woken + started),
        ("SELECT count(*) FROM events_deadletter", 0),
    ]  # fmt: skip
    for statement, expected in kept:
        if (there := fetch(statement)[0][0]) != expected:
            raise RuntimeError(f"{statement} is {there} after the burst, not {expected}")
    return {
        "events": count,
        "woken": woken,
        "started": started,
        "recordedSeconds": round(recorded, 2),
        "seconds": round(seconds, 2),
        "runsDone": round(time.perf_counter() - began, 2),
        "eventsPerSecond": round(count / seconds),
        "floorPerSecond": round(plain),
        "ofFloor": round(count / seconds / plain, 3),
    }


def _event(pattern: str, payload: dict[str, Any]) -> NewEvent:
    return NewEvent(str(uuid4()), pattern, payload, SOURCE)


def _until_drained() -> None:
    _until("SELECT count(*) FROM (SELECT 1 FROM events_queuedevent LIMIT 1) q", 0)


def _until(statement: str, count: int) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        if fetch(statement)[0][0] == count:
            return
        time.sleep(0.01)
    raise RuntimeError(f"{statement} is not {count} after {GIVE_UP_SECONDS} s")
