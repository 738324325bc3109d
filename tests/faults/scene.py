"""What a fault test works with: a running platform, load on it, and the invariants at the end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

from augmented.launcher.servers import Servers
from tests.support.api import Api
from tests.support.outside import Outside
from tests.support.processes import Platform, Process
from tests.support.waiting import eventually

from . import invariants
from .invariants import Accepted, Row, connect

LEASE_SECONDS = 2

_TRUNCATE = """
TRUNCATE workflows_workflowinstance, workflows_stepexecution, workflows_historyrecord, workflows_inboxsignal, workflows_timer,
         tasks_task, tasks_readytask, tasks_taskcomment, tasks_taskattachment, events_event,
         events_eventkey, events_queuedevent, events_delivery, events_deadletter, events_queueminute, events_checkpoint,
         workflows_concurrencyslot, workflows_subscription, workflows_bulkoperation, workflows_bulkitem
"""


_FULLEST = """
SELECT coalesce(max(held), 0) AS held, coalesce(max(queued), 0) AS queued FROM (
  SELECT count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE NOT held) AS queued
  FROM workflows_concurrencyslot GROUP BY workflow_id, key) AS keys
"""


@dataclass
class SlotsSeen:
    """What a watch on the slots saw: the most that were held, and the most runs that queued, of one key."""

    held: int = 0
    queued: int = 0
    too_many: list[Row] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)


class Scene:
    """One test's view: nothing of another test's runs is in the tables, and no worker runs until the test starts one."""

    def __init__(self, servers: Servers, platform: Platform, outside: Outside, seed: int) -> None:
        self.servers, self.platform, self.outside = servers, platform, outside
        self.random = random.Random(seed)
        self.api = Api(platform.address, "alice")
        self.bob = Api(platform.address, "bob")
        self.single: set[str] = set()
        self.batched: set[str] = set()
        self.offered = 0
        self.refusals: Counter[int] = Counter()
        """Statuses (0: a broken connection) that `start` was answered with before it was accepted."""

    @property
    def accepted(self) -> Accepted:
        return Accepted(frozenset(self.single), frozenset(self.batched))

    # Processes

    def worker(self, *, processes: int = 2, wait: bool = True, **environment: str) -> Process:
        return self.platform.start_worker(processes=processes, wait=wait, **environment)

    # Load

    def offer(self, count: int, *, ms: int = 0, manner: str = "", size: int = 50) -> list[str]:
        """Start runs of fault-line in batches; each must be accepted."""
        inputs = [{"n": self.random.randrange(1000), "ms": ms, "manner": manner} for _ in range(count)]
        return self.offer_batches("fault-line", inputs, size=size)

    def offer_batches(self, workflow: str, inputs: list[dict[str, Any]], *, size: int = 50) -> list[str]:
        started: list[str] = []
        for first in range(0, len(inputs), size):
            body = {"instances": [{"workflowId": workflow, "input": each} for each in inputs[first : first + size]]}
            answer, _ = self.api.insist("POST", "workflows/instances/batch", body)
            started += answer.expect(202)["ids"]
        self.offered += len(inputs)
        self.batched.update(started)
        return started

    def start(self, workflow: str, value: dict[str, Any]) -> str:
        """Start one run, insisting under one key."""
        self.offered += 1
        answer, before = self.api.insist("POST", "workflows/instances", {"workflowId": workflow, "input": value})
        self.refusals.update(before)
        id_ = str(answer.expect(201, 202)["id"])
        self.single.add(id_)
        return id_

    def open_tasks(self, instance_id: str | None = None) -> list[str]:
        """Ids of the tasks that wait for a person."""
        rows = self.rows(
            "SELECT id FROM tasks_task WHERE type = 'MANUAL' AND completed_at IS NULL"
            " AND (%(run)s::uuid IS NULL OR workflow_instance_id = %(run)s::uuid) ORDER BY id",
            {"run": instance_id},
        )
        return [str(row["id"]) for row in rows]

    def answer_tasks(self, instance_id: str) -> None:
        """Bob completes what a run of fault-person waits for."""
        eventually(
            lambda: self.open_tasks(instance_id) or not self.rows(
                "SELECT 1 FROM workflows_workflowinstance WHERE id = %s AND completed_at IS NULL", instance_id
            ),
            what=self.picture,
        )  # fmt: skip
        for task_id in self.open_tasks(instance_id):
            answer, _ = self.bob.insist("POST", f"tasks/{task_id}/complete", {"output": {"answer": 1}})
            answer.expect(200)

    # The end

    def open_runs(self) -> list[Row]:
        return self.rows(
            "SELECT id, status, current_step_id FROM workflows_workflowinstance WHERE completed_at IS NULL ORDER BY id"
        )

    def wait_for_calls(self, count: int) -> None:
        """Until so many more calls have reached the outside world, or none is to be expected any more."""
        calls = len(self.outside.calls) + count
        eventually(lambda: len(self.outside.calls) >= calls or not self.open_runs(), what=self.picture)

    def settle(self, *, within: float = 30.0) -> float:
        """Wait until every run has ended; returns the seconds that took."""
        began = time.monotonic()
        eventually(lambda: not self.open_runs(), within=within, every=0.05, what=self.picture)
        return time.monotonic() - began

    def check(self) -> None:
        """All invariants, and that each completed fault-line came to the right number."""
        invariants.check(self.platform.database_url, self.outside, self.accepted, offered=self.offered)
        wrong = self.rows(
            "SELECT id, input, output FROM workflows_workflowinstance WHERE workflow_id = 'fault-line'"
            " AND status = 'COMPLETED' AND (output->>'value')::int <> 2 * (input->>'n')::int + 7"
        )
        assert not wrong, f"wrong outputs: {wrong[:3]}"

    @contextmanager
    def watching_slots(self) -> Iterator[SlotsSeen]:
        """Look again and again, from beside the test, that no more runs hold slots than there are."""
        seen, over = SlotsSeen(), threading.Event()

        def watch() -> None:
            try:
                with connect(self.platform.database_url) as database:
                    while not over.wait(0.02):
                        seen.too_many += invariants.over_capacity(database)
                        [row] = database.execute(_FULLEST).fetchall()
                        seen.held, seen.queued = max(seen.held, row["held"]), max(seen.queued, row["queued"])
            except Exception as error:
                seen.trouble.append(error)

        watcher = threading.Thread(target=watch, name="slots", daemon=True)
        watcher.start()
        try:
            yield seen
        finally:
            over.set()
            watcher.join(10)
        assert not seen.trouble, f"nobody watched the slots: {seen.trouble}"
        assert not seen.too_many, f"more held slots than there are: {seen.too_many[:3]}"

    def rows(self, statement: str, *parameters: Any) -> list[Row]:
        with connect(self.platform.database_url) as database:
            named = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters
            return database.execute(statement, named).fetchall()

    def picture(self) -> str:
        """How things stand, for a test that waited in vain."""
        return str(
            {
                "open": self.open_runs()[:3],
                "runs": self.rows("SELECT status, count(*) FROM workflows_workflowinstance GROUP BY 1"),
                "queue": self.rows("SELECT worker, attempt, leased_until - now() AS lease, count(*)"
                                   " FROM tasks_readytask GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 5"),
                "inbox": self.rows("SELECT kind, held, count(*) FROM workflows_inboxsignal GROUP BY 1, 2"),
                "events": self.rows("SELECT queue, count(*) FROM events_queuedevent GROUP BY 1"),
                "deliveries": self.rows("SELECT kind, status, lease, count(*) FROM events_delivery GROUP BY 1, 2, 3 LIMIT 9"),
                "messages": {name: self._messages(name) for name in ("orchestrator", "io", "control")},
                "processes": {f"{each.name} {each.pid}": each.alive for each in self.platform.started},
            }
        )  # fmt: skip

    def _messages(self, queue: str) -> object:
        """How many messages nobody has taken."""
        try:
            return redis.Redis.from_url(self.servers.redis_url).llen(queue)
        except redis.RedisError as error:
            return str(error)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Empty tables and an empty Redis before; no worker, and none of this test's other processes, after."""
        kept = list(self.platform.started)
        with connect(self.platform.database_url) as database:
            database.execute(_TRUNCATE)
            database.execute(invariants.TELLINGS)
            # The audit is append-only for the platform; the tests' own database may start each test with none.
            database.execute("SET session_replication_role = replica; DELETE FROM accounts_auditentry")
        self.outside.forget()
        try:
            yield
        finally:
            for process in self.platform.started[len(kept) :]:
                process.kill()
            del self.platform.started[len(kept) :]
