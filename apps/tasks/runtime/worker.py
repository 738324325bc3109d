"""A worker process at work.

A *turn* is one transaction that records what has just been finished, advances the runs it belongs to, and takes new work:
what those runs need next, signals that wait, tasks from the queue. Before it takes signals, a worker that was rung for
routes the events that lie in their queues, each batch in a transaction of its own. Tasks are run on one event loop, hundreds
at once, and what events are sent to outside is sent on it as well;
whatever finishes while a turn is being committed is recorded by the next one. So an idle platform commits every step at
once, and a busy one commits many steps together, without anyone deciding which.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
import uvloop
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, transaction

from apps.events import doorbell, routing
from apps.events.failpoints import failpoint
from apps.events.sending import Sender
from apps.events.sql import fresh_connection_after_a_loss
from apps.tasks.executors.base import Completed, Failed, NowExecutor, TaskCall
from apps.tasks.executors.checks import check_storable, run_checked, run_checked_now
from apps.tasks.executors.plans import TaskDefinitionPlan, plans_by_id

from . import queue, standalone
from .outcomes import ClaimedTask, Lease, deliver
from .queue import Finished
from .settings import io_concurrency, lease_seconds

log = structlog.get_logger(__name__)

WAVE = 200
"""Tasks claimed, and waiting signals taken, by one turn."""

POLL_SECONDS = 0.025
"""How often a worker that is busy, or waits for answers from outside, listens whether somebody rang."""

OUTCOME_LENGTH = 255
MESSAGE_LENGTH = 2_000
"""Of an error's message that cannot be kept as it is."""

SERVES = (doorbell.ORCHESTRATOR, doorbell.IO)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn brought: tasks to run, and whether it left work behind."""

    claimed: list[ClaimedTask]
    plans: dict[UUID, TaskDefinitionPlan]
    more: bool


class Worker:
    """One process's share of the work. Lives as long as the process; ``drain`` is called for every doorbell."""

    def __init__(self, queues: Sequence[str] = SERVES) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.queues = tuple(queues)
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        # Django's connection belongs to a thread, and waiting for the database must not stop the event loop.
        self._database = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._finished: list[Finished] = []
        self._wake = asyncio.Event()
        self._sender = Sender(self._database, self._wake.set)
        self._listen_at = 0.0

    def drain(self, seconds: float) -> bool:
        """Work until nothing is left to do or the time is over. Returns whether work may be left."""
        doorbell.answer(self.queues)
        return self.loop.run_until_complete(self._drain(time.monotonic() + seconds))

    async def _drain(self, until: float) -> bool:
        holding = asyncio.create_task(self._hold_leases())
        look, alone, events = True, False, True
        try:
            while True:
                in_time = time.monotonic() < until and not alone
                if in_time and self._is_rung():
                    look = events = True
                if in_time and events:
                    look, events = True, await self._route()
                look = in_time and look
                if self._sender.has_landed:
                    events = await self._sender.settle() or events
                results, self._finished = self._finished, []
                if results or look:
                    turn = await self._turn(
                        results, look=look, room=io_concurrency() - len(self._running) if in_time else 0
                    )
                    self._begin(turn)
                    look = turn.more
                    if turn.more and len(turn.claimed) >= WAVE:
                        doorbell.ring_now(doorbell.IO)  # more than one process can use
                    elif turn.more and not turn.claimed:
                        await asyncio.sleep(0.002)  # what is left belongs to runs that another process has locked
                if self._finished or look or (in_time and events):
                    continue
                if self._running or self._sender.is_flying or self._sender.has_landed:
                    await self._wait()
                elif alone or not (suspect := await self._turn([], alone=True)).claimed:
                    return not in_time
                else:
                    alone = True
                    self._begin(suspect)
        finally:
            holding.cancel()

    async def _route(self) -> bool:
        """Route what lies in the queues of events, and begin to send what is to be sent. Returns whether there is more.

        What goes wrong here is not lost, and must not keep the worker from its tasks: the sweep rings again.
        """
        try:
            more = False
            if doorbell.ORCHESTRATOR in self.queues:
                more = await self.loop.run_in_executor(self._database, _route_now)
            if doorbell.IO in self.queues:
                await self._sender.look()
            return more
        except Exception:
            log.exception("router.failed")
            return False

    def _is_rung(self) -> bool:
        """Whether somebody rang since this worker looked last; then it is about to look. Listens every POLL_SECONDS.

        A bell that it does not hear has a message of its own, which starts the next drain.
        """
        now = time.monotonic()
        if now < self._listen_at:
            return False
        self._listen_at = now + POLL_SECONDS
        if not doorbell.is_rung(self.queues):
            return False
        doorbell.answer(self.queues)
        return True

    async def _wait(self) -> None:
        """Wait for a result, but not longer than until it is time to listen for the doorbell again."""
        self._wake.clear()
        if not self._finished and not self._sender.has_landed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    # Running tasks

    def _begin(self, turn: Turn) -> None:
        for task in turn.claimed:
            plan = turn.plans.get(task.definition_id)
            if plan is None:
                error = Failed("PERMANENT", "DEFINITION_MISSING", "The task's definition does not exist any more.")
                self._finished.append(_finished(task, error, datetime.now(UTC)))
                continue
            call = TaskCall(task.task_id, task.attempt, plan, task.input, task.workflow_instance_id)
            if isinstance(plan.executor, NowExecutor):
                started = datetime.now(UTC)
                try:
                    failpoint("task.before_effect")
                    result = run_checked_now(call)
                    failpoint("task.after_effect")
                except Exception as error:
                    result = _defect(task, error)
                self._finished.append(_finished(task, result, started))
            else:
                if (lost := self._running.get(task.task_id)) is not None:
                    lost.cancel()  # its lease ran out while it was at work here; its result would be taken for the new one's
                self._running[task.task_id] = self.loop.create_task(self._run(task, call))

    async def _run(self, task: ClaimedTask, call: TaskCall) -> None:
        started = datetime.now(UTC)
        try:
            failpoint("task.before_effect")
            async with asyncio.timeout(task.timeout):
                result = await run_checked(call)
            failpoint("task.after_effect")
        except TimeoutError:
            result = Failed("TIMEOUT", "TIMEOUT", f"The step was not done within {task.timeout:g} s.", {}, True)
        except Exception as error:
            result = _defect(task, error)
        self._finished.append(_finished(task, result, started))
        del self._running[task.task_id]
        self._wake.set()

    # Turns

    async def _turn(self, results: list[Finished], *, look: bool = False, room: int = 0, alone: bool = False) -> Turn:
        """A turn; where it raises because of one of the results, each result has a turn of its own.

        Raises when the turn does so without results: nothing is lost then, and the sweep rings again.
        """
        try:
            return await self._insist(results, look=look, room=room, alone=alone)
        except Exception:
            if not results:
                raise
            log.exception("turn.one_by_one", results=len(results))
        whole = Turn([], {}, True)
        for each in results:
            try:
                turn = await self._insist([each], look=False, room=room - len(whole.claimed), alone=False)
            except Exception:
                log.exception("turn.result_lost", task_id=str(each.task.task_id))  # its lease runs out
                continue
            whole.claimed.extend(turn.claimed)
            whole.plans.update(turn.plans)
        return whole

    async def _insist(self, results: list[Finished], *, look: bool, room: int, alone: bool) -> Turn:
        """A turn, again after a lost connection or a conflict: results must not be lost while their leases hold."""
        delay = 0.02
        while True:
            try:
                return await self.loop.run_in_executor(self._database, self._turn_now, results, look, room, alone)
            except DatabaseError as error:
                if not isinstance(error, OperationalError | InterfaceError) or delay > lease_seconds():
                    raise
                log.warning("turn.again", error=str(error).strip(), results=len(results))
                await asyncio.sleep(delay)
                delay *= 2

    def _turn_now(self, results: list[Finished], look: bool, room: int, alone: bool) -> Turn:
        queues = [each for each in self.queues if each != doorbell.ORCHESTRATOR]
        with fresh_connection_after_a_loss(), transaction.atomic():
            taken = queue.settle(self.name, standalone.judged(results))
            failpoint("turn.after_result")
            standalone.follow(taken)
            lease = Lease(self.name, max(room, 0), self.queues)
            pump = WAVE if look and room > 0 and doorbell.ORCHESTRATOR in self.queues else 0
            claimed, more = deliver([queue.as_outcome(each) for each in taken], pump=pump, lease=lease)
            wanted = min(room - len(claimed), WAVE) if look else 0
            if wanted > 0:
                found = queue.claim(self.name, queues, wanted)
                claimed += found
                more = more or len(found) == wanted
            elif alone:
                claimed = queue.claim_alone(self.name, queues)
            plans = plans_by_id({task.definition_id for task in claimed})
            failpoint("turn.before_commit")
        failpoint("turn.after_commit")
        return Turn(claimed, plans, more)

    async def _hold_leases(self) -> None:
        """Renew the leases of what is in flight, three times per lease."""
        while True:
            await asyncio.sleep(lease_seconds() / 3)
            if self._running or self._sender.is_flying:
                ids = list(self._running)
                try:
                    if ids:
                        await self.loop.run_in_executor(self._database, self._renew, ids)
                    await self._sender.renew()
                except (OperationalError, InterfaceError) as error:
                    log.warning("lease.not_renewed", error=str(error).strip())

    def _renew(self, task_ids: list[UUID]) -> None:
        with fresh_connection_after_a_loss():
            queue.renew(self.name, task_ids)


def _route_now() -> bool:
    with fresh_connection_after_a_loss():
        return routing.route()


def _defect(task: ClaimedTask, error: Exception) -> Failed:
    """An executor raised, which is a defect of the executor; the task has failed and its neighbours go on."""
    log.error("task.defect", task_id=str(task.task_id), exc_info=error)
    return Failed("PERMANENT", "EXECUTOR_DEFECT", f"{type(error).__name__}: {error}")


def _finished(task: ClaimedTask, result: Completed | Failed, started: datetime) -> Finished:
    if isinstance(result, Completed) and result.outcome is not None and _is_no_outcome(result.outcome):
        result = Failed("PERMANENT", "OUTCOME_INVALID", "The outcome is too long, or holds what cannot be stored.")
    if isinstance(result, Completed):
        return Finished(task, "COMPLETED", result.output, result.outcome, started_at=started)
    status = "TIMED_OUT" if result.type == "TIMEOUT" else "FAILED"
    error = {**result.as_json(), "retryable": result.retryable, "timestamp": datetime.now(UTC).isoformat()}
    if check_storable(error) is not None:  # the other side's words: they must not keep the failure from being recorded
        error |= {"message": _storable(result.message), "details": {}}
    return Finished(task, status, error=error, started_at=started)


def _is_no_outcome(text: str) -> bool:
    return len(text) > OUTCOME_LENGTH or check_storable(text) is not None


def _storable(text: str) -> str:
    return text[:MESSAGE_LENGTH].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
