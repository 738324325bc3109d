"""The floors under the platform, on this machine and in this run: small commits of Postgres, raw Celery messages."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.events import doorbell
from augmented.celery import app
from augmented.launcher.servers import postgres_programs

_TRANSACTION = """\
BEGIN;
INSERT INTO floor_rows (data) VALUES ('{"n": 1}');
UPDATE floor_counters SET n = n + 1 WHERE id = :client_id + 1;
COMMIT;
"""
_TABLES = """\
DROP TABLE IF EXISTS floor_rows, floor_counters;
CREATE TABLE floor_rows (id bigserial PRIMARY KEY, data jsonb);
CREATE TABLE floor_counters AS SELECT id, 0 AS n FROM generate_series(1, 16) AS id;
ALTER TABLE floor_counters ADD PRIMARY KEY (id);
"""


_INSERT_TABLES = """\
DROP TABLE IF EXISTS floor_events;
CREATE TABLE floor_events (id uuid PRIMARY KEY, event_id text, pattern text, payload jsonb, at timestamptz);
"""
_INSERTS = """\
INSERT INTO floor_events SELECT gen_random_uuid(), 'e', 'bench.stock.moved', '{"article": "A-4711", "amount": 3}', now()
FROM generate_series(1, %d);
"""


def inserts(batch: int, *, clients: int, quick: bool) -> float:
    """Rows per second into one table with nothing but a primary key, ``batch`` to a statement and commit."""
    rate = pgbench(clients, 1 if quick else 4, _INSERTS % batch, _INSERT_TABLES, "DROP TABLE floor_events")
    return rate * batch


def pgbench(
    clients: int,
    seconds: int,
    transaction: str = _TRANSACTION,
    tables: str = _TABLES,
    after: str = "DROP TABLE floor_rows, floor_counters",
) -> float:
    """Small transactions (one insert, one update, one commit, unless others are given) per second."""
    database = settings.DATABASES["default"]
    where = ["-h", database["HOST"] or "/tmp", "-U", database["USER"], "-d", database["NAME"]]
    if database.get("PORT"):
        where += ["-p", str(database["PORT"])]
    programs = postgres_programs()
    subprocess.run([programs / "psql", *where, "-qc", tables], check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "transaction.sql")
        script.write_text(transaction)
        command = [
            programs / "pgbench",
            *where[:4],
            "-n",
            "-f",
            script,
            "-c",
            str(clients),
            "-T",
            str(seconds),
            where[5],
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout + done.stderr)
    subprocess.run([programs / "psql", *where, "-qc", after], check=True)
    return float(found[1])


@app.task(name="benchmarks.count", ignore_result=True)
def count(key: str) -> None:
    """What a raw Celery message does here: add one."""
    doorbell.client().incr(key)


def raw_celery(messages: int) -> float:
    """Messages per second through Celery and two worker processes, each doing next to nothing."""
    key = f"benchmarks:{time.time_ns()}"
    client = doorbell.client()
    began = time.perf_counter()
    for _ in range(messages):
        count.apply_async(args=(key,), queue="io", ignore_result=True)
    while int(client.get(key) or 0) < messages:
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    client.delete(key)
    return messages / seconds


def message_latency(messages: int) -> float:
    """Milliseconds (p50) from sending a Celery message to seeing what it did, one after the other."""
    key, client, samples = f"benchmarks:{time.time_ns()}", doorbell.client(), []
    for n in range(messages):
        began = time.perf_counter()
        count.apply_async(args=(key,), queue="io", ignore_result=True)
        while int(client.get(key) or 0) <= n:
            time.sleep(0.001)
        samples.append((time.perf_counter() - began) * 1000)
    client.delete(key)
    return statistics.median(samples)


def all_floors(quick: bool) -> dict[str, Any]:
    seconds = 1 if quick else 4
    return {
        "pgbenchCommitsPerSecond": {str(n): round(pgbench(n, seconds)) for n in (1, 2, 8)},
        "rawCeleryMessagesPerSecond": round(raw_celery(300 if quick else 3_000)),
    }
