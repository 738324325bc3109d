"""One wave: many runs advanced together in the caller's transaction.

Lock order: ready-queue rows and inbox rows first (skipping those that others hold), then instances by id. A worker never waits
for an instance: what it cannot lock goes into that instance's inbox, for whoever gets there next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import DatabaseError, DataError, IntegrityError

from apps.events import doorbell
from apps.events.sql import fetch, run
from apps.tasks.runtime.outcomes import ClaimedTask, Lease, TaskOutcome
from apps.workflows.engine import needs
from apps.workflows.engine.advance import advance as decide
from apps.workflows.engine.concurrency import Claim
from apps.workflows.engine.plan import Plan, nothing
from apps.workflows.engine.run import Run
from apps.workflows.engine.state import (
    AnotherTurn,
    Command,
    Decision,
    Failure,
    Instance,
    LookBack,
    RefuseEvent,
    Signal,
    State,
    Subscribe,
    Unsubscribe,
)
from apps.workflows.engine.transitions import IllegalSignal, InstanceStatus, SignalKind

from . import endings, inbox, live, load, slots, store
from .language import LANGUAGE
from .plans import plan_for

log = structlog.get_logger(__name__)

_REFUSED = (DataError, IntegrityError, TypeError)
"""What ``store.save`` raises for a state that cannot be stored; whatever else it raises says nothing about the state."""

TURNS = 10
"""How many of the turns that steps have asked for one wave gives: each may begin some hundred items."""

LOOKS = 50
"""How many waits one wave lets look back: each may find some hundred events."""

_AT_MOST = {SignalKind.CONTINUE.value: TURNS, SignalKind.LOOK_BACK.value: LOOKS}

ROWS = 10_000
"""How many new rows are enough for one wave: runs that come after stay for the next. One run may bring more by itself."""

_TAKE = """
SELECT id, instance_id, kind, execution_id, data::text FROM workflows_inboxsignal
WHERE NOT held ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""


class EventRefused(Exception):
    """Somebody gave a run an event by which the condition it waits under cannot be told; nothing was changed."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)


class Orchestrator:
    """What the task runtime hands outcomes to (see apps.tasks.runtime.outcomes)."""

    def advance(
        self, outcomes: Sequence[TaskOutcome], *, pump: int = 0, lease: Lease | None = None
    ) -> tuple[list[ClaimedTask], bool]:
        """Advance the runs of ``outcomes`` and those of up to ``pump`` waiting signals.

        Returns the tasks that ``lease`` got, and whether signals are still waiting.
        """
        found = fetch(_TAKE, pump) if pump else []
        waiting = _in_one_go(found)
        signals: dict[UUID, list[Signal]] = defaultdict(list)
        for _, instance_id, kind, execution_id, data in waiting:
            signals[instance_id].append(Signal(SignalKind(kind), execution_id, orjson.loads(data)))
        fresh = [(each.workflow_instance_id, as_signal(each)) for each in outcomes if each.workflow_instance_id]
        for instance_id, signal in fresh:
            signals[instance_id].append(signal)
        if not signals:
            return [], False
        locked = load.lock(signals, _addressed(signals), wait=False)
        busy = signals.keys() - locked.instances.keys()
        gone = _without_row(busy) if busy else set()
        decided = _decide(locked, signals, locked.now) if locked.now is not None else []
        done = {each.decision.instance.id for each in decided}
        consumed = [row[0] for row in waiting if row[1] in done or row[1] in gone]
        if consumed:
            run("DELETE FROM workflows_inboxsignal WHERE id = ANY(%s)", consumed)
        later = signals.keys() - done - gone
        if later:
            inbox.post([(id_, signal) for id_, signal in fresh if id_ in later])
            doorbell.ring(doorbell.ORCHESTRATOR)
        claimed: list[ClaimedTask] = []
        more = len(found) == pump > 0 or len(waiting) < len(found) or bool(later)
        if locked.now is not None:
            claimed, told = _write(decided, locked, locked.now, lease)
            more = more or told
        return claimed, more


def _in_one_go(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The signals without the turns that are too many for one transaction; those stay in the inbox."""
    turns: Counter[str] = Counter()
    taken = []
    for row in found:
        turns[row[2]] += 1
        if turns[row[2]] <= _AT_MOST.get(row[2], len(found)):
            taken.append(row)
    return taken


def as_signal(outcome: TaskOutcome) -> Signal:
    """What a finished task means to the run that asked for it."""
    by = {} if outcome.by_id is None else {"by": str(outcome.by_id)}
    if outcome.status == "COMPLETED":
        result = {"output": outcome.output, "outcome": outcome.outcome, **by}
        return Signal(SignalKind.TASK_COMPLETED, outcome.task_id, result)
    error = outcome.error or {"type": "PERMANENT", "code": outcome.status, "message": "The task was cancelled."}
    return Signal(SignalKind.TASK_FAILED, outcome.task_id, {"error": error, **by})


def apply(instance_id: UUID, *given: Signal) -> Instance | None:
    """Give signals to a run at once, waiting for its lock; in the caller's transaction.

    Returns the run's new head, None when there is no such run. Raises IllegalSignal; EventRefused; Conflict when the run would
    go on after its end and the slot it needs is taken.
    """
    signals = {instance_id: list(given)}
    locked = load.lock(signals, _addressed(signals), wait=True)
    if locked.now is None:
        return None
    decided = _decide(locked, signals, locked.now, strict=True)
    for each in decided:
        _accept_events(each.decision)
    _hold(decided)
    store.save(decided, now=locked.now, lease=None)
    for each in decided:
        if each.ties.claim is not None and endings.goes_on_again(each.decision):
            slots.refuse_taken(each.decision.instance.definition["workflowId"], each.ties.claim, besides=instance_id)
    _after_commit([each.decision for each in decided])
    return decided[0].decision.instance


def foresee(
    instance: Instance,
    definition_id: UUID,
    signals: Sequence[Signal],
    now: datetime,
    *,
    concurrency_key: str | None = None,
) -> Decision:
    """What ``apply`` would decide, from what is stored, without a lock and without writing. Raises as ``apply`` does."""
    plan = plan_for(definition_id)
    addressed = load.addressed(_addressed({instance.id: signals})).get(instance.id, {})
    wanted = needs.result_ids(plan, instance, signals, addressed)
    read = load.executions(wanted).get(instance.id, {}) if wanted else {}
    decision = decide(plan, needs.state(instance, addressed, read.values()), signals, now)
    _accept_events(decision)
    claim = _claim(concurrency_key, plan)
    if claim is not None and endings.goes_on_again(decision):
        slots.refuse_taken(instance.definition["workflowId"], claim)
    return decision


def start(new: store.NewInstance, instance: Instance, now: datetime) -> Instance:
    """Insert a run and let it go as far as it can, in the caller's transaction."""
    plan = plan_for(new.definition_id)
    instance.trigger_event_id = new.trigger_event_id
    decision = decide(plan, State(instance, {}, {}), [Signal(SignalKind.START)], now)
    store.save_first(store.Decided(decision, new.started_by_id, types=plan.types), new, now=now)
    _after_commit([decision])
    return decision.instance


def _accept_events(decision: Decision) -> None:
    """Who gives a run an event by hand is told at once what is wrong with it; no dead letter is needed for that."""
    for command in decision.commands:
        if isinstance(command, RefuseEvent):
            raise EventRefused(command.failure)


def _addressed(signals: Mapping[UUID, Sequence[Signal]]) -> list[UUID]:
    return [each.execution_id for mine in signals.values() for each in mine if each.execution_id is not None]


def _write(
    decided: list[store.Decided], locked: load.Locked, now: datetime, lease: Lease | None
) -> tuple[list[ClaimedTask], bool]:
    """The tasks that ``lease`` got, and whether a run was told something: another one, or itself, by asking for a turn."""
    _hold(decided)
    try:
        claimed = store.save(decided, now=now, lease=lease)
    except _REFUSED:
        # Something in one of the runs cannot be stored. It must not take its neighbours with it.
        store.roll_back()
        decided, claimed = _one_by_one(decided, locked, now, lease)
    _after_commit([each.decision for each in decided])
    told = any(
        endings.reaches_others(each.decision, each.ties, may_have_children=each.may_have("SUB_WORKFLOW"))
        or any(_asks_for_a_turn(command) for command in each.decision.commands)
        for each in decided
    )
    return claimed, told


def _asks_for_a_turn(command: Command) -> bool:
    """Whether it puts something into the run's own inbox."""
    looks_back = isinstance(command, Subscribe) and command.lookback is not None
    return looks_back or isinstance(command, AnotherTurn | LookBack)


def _hold(decided: Sequence[store.Decided]) -> None:
    """Keep what suspended runs were told until they are resumed."""
    held = [(each.decision.instance.id, signal) for each in decided for signal in each.decision.held]
    inbox.post(held, held=True)


def _one_by_one(
    decided: Sequence[store.Decided],
    locked: load.Locked,
    now: datetime,
    lease: Lease | None,
) -> tuple[list[store.Decided], list[ClaimedTask]]:
    saved: list[store.Decided] = []
    claimed: list[ClaimedTask] = []
    for each in decided:
        try:
            claimed += store.save([each], now=now, lease=lease)
            saved.append(each)
        except _REFUSED as error:
            store.roll_back()
            instance = locked.instances[each.decision.instance.id].instance
            log.warning("wave.not_storable", instance_id=str(instance.id), error=str(error))
            failed = store.Decided(
                _failed(locked.instances[instance.id], "STATE_NOT_STORABLE", str(error).strip(), now),
                each.started_by_id,
                each.ties,
            )
            store.save([failed], now=now, lease=None)
            saved.append(failed)
    return saved, claimed


def _decide(
    locked: load.Locked,
    signals: dict[UUID, list[Signal]],
    now: datetime,
    *,
    strict: bool = False,
) -> list[store.Decided]:
    """What becomes of the locked runs, those first that have waited longest; the last are left out after ROWS rows."""
    addressed = locked.addressed
    wanted: set[UUID] = set()
    unusable: dict[UUID, Decision] = {}
    for id_, loaded in locked.instances.items():
        try:
            plan = plan_for(loaded.definition_id)
            wanted.update(needs.result_ids(plan, loaded.instance, signals[id_], addressed.get(id_, {})))
        except Exception as error:
            if strict or isinstance(error, DatabaseError):
                raise
            # Its definition does not compile (any more), or lacks the step it stands at.
            log.exception("wave.definition_unusable", instance_id=str(id_))
            unusable[id_] = _failed(loaded, "DEFINITION_UNUSABLE", f"{type(error).__name__}: {error}", now)
    read = load.executions(wanted) if wanted else {}
    decided, rows = [], 0
    for id_ in signals:
        if id_ not in locked.instances:
            continue
        if rows >= ROWS:
            break
        loaded = locked.instances[id_]
        state = needs.state(loaded.instance, addressed.get(id_, {}), read.get(id_, {}).values())
        decision = unusable.get(id_) or _decide_one(loaded, state, signals[id_], now, strict)
        usable = None if id_ in unusable else plan_for(loaded.definition_id)
        types = None if usable is None else usable.types
        decided.append(store.Decided(decision, loaded.started_by_id, _ties(loaded, usable), types))
        rows += len(decision.new) + len(decision.commands)
    return decided


def _ties(loaded: load.Loaded, plan: Plan | None) -> endings.Ties:
    if loaded.parent_execution_id is None and loaded.concurrency_key is None:
        return endings.NO_TIES
    return endings.Ties(loaded.parent_execution_id, _claim(loaded.concurrency_key, plan))


def _claim(key: str | None, plan: Plan | None) -> Claim | None:
    if key is None:
        return None
    # A run that was moved to a version without a limit keeps the slot it has, and shares it with any number.
    limit = plan.concurrency.limit if plan is not None and plan.concurrency is not None else endings.UNLIMITED
    return Claim(key, limit, "QUEUE")


def _decide_one(loaded: load.Loaded, state: State, signals: Sequence[Signal], now: datetime, strict: bool) -> Decision:
    try:
        return decide(plan_for(loaded.definition_id), state, signals, now)
    except IllegalSignal as error:
        if strict:
            raise
        log.info("wave.signal_refused", instance_id=str(loaded.instance.id), error=str(error))
        legal = [each for position, each in enumerate(signals) if position != error.position]
        return _decide_one(loaded, state, legal, now, strict)
    except Exception as error:
        if strict:
            raise
        # A defect of the engine or of a definition that slipped through the checks: this run has failed, not the wave.
        log.exception("wave.defect", instance_id=str(loaded.instance.id))
        return _failed(loaded, "ENGINE_DEFECT", f"{type(error).__name__}: {error}", now)


def _failed(loaded: load.Loaded, code: str, message: str, now: datetime) -> Decision:
    run = Run(nothing(LANGUAGE), State(loaded.instance, {}, {}), now)
    if not run.over:
        run.cancel_below(None)
        run.command(Unsubscribe(None, "cancelled"))  # its plan, which would know what it waits for, cannot be relied on
        run.finish(InstanceStatus.FAILED, failure=Failure("ENGINE", code, message))
    return run.decision()


def _without_row(ids: set[UUID]) -> set[UUID]:
    """Those of the ids that no instance has (any more)."""
    found = {row[0] for row in fetch("SELECT id FROM workflows_workflowinstance WHERE id = ANY(%s)", list(ids))}
    return ids - found


def _after_commit(decisions: Sequence[Decision]) -> None:
    changed = [(each.instance.id, each.instance.seq) for each in decisions if each.history]
    if changed:
        live.push_on_commit(changed)
