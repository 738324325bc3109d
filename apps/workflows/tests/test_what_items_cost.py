"""An item of a FOR_EACH costs the same among two hundred as among a thousand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from apps.auth.models import User
from apps.tasks.runtime import queue
from apps.tasks.runtime.outcomes import deliver
from apps.tasks.runtime.queue import Finished
from apps.workflows.models import HistoryRecord, InboxSignal, StepExecution, WorkflowInstance
from apps.workflows.orchestrator import wave
from apps.workflows.services import instances
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import flow, nap, published, started, worker_task
from apps.workflows.tests.live import NAME, Outside, advance, fresh

pytestmark = pytest.mark.django_db


def checks(step: dict[str, Any], **more: Any) -> dict[str, Any]:
    return flow({"stepId": "each", "type": "FOR_EACH", "items": "input.items", "steps": [step], **more})


CALL = {"stepId": "call", "type": "TASK", "taskId": "errand", "input": {"n": "${item}"}}


@dataclass
class Traffic:
    """Every statement that went to the database, and how many rows came back."""

    statements: list[str] = field(default_factory=list)
    rows: int = 0


@contextmanager
def traffic() -> Iterator[Traffic]:
    seen = Traffic()
    execute, fetchall = psycopg.Cursor.execute, psycopg.Cursor.fetchall

    def counting(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.statements.append(str(query))
        return execute(self, query, *args, **kwargs)

    def fetching(self: Any) -> Any:
        found = fetchall(self)
        seen.rows += len(found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counting)
        patch.setattr(psycopg.Cursor, "fetchall", fetching)
        yield seen


def work_off(run: WorkflowInstance, most: int = 10_000) -> int:
    """Do the run's tasks, as many at a time as lie ready; returns how many it were."""
    done = 0
    while done < most and (claimed := queue.claim(NAME, ["io"], 100)):
        with transaction.atomic():
            results = [Finished(task, "COMPLETED", {"n": task.input["n"] * 2}, None) for task in claimed]
            deliver([queue.as_outcome(each) for each in queue.settle(NAME, results)], pump=200)
        done += len(claimed)
    return done


def test_an_item_costs_the_same_however_many_there_are(alice: User) -> None:
    published(checks(CALL), worker_task())
    per_item = []
    for count in (20, 200, 1_000):  # the first compiles the plan
        run = started(alice, "flow", {"items": list(range(count))})
        with traffic() as cost:
            assert work_off(run) == count
            advance()
        assert fresh(run).status == "COMPLETED"
        per_item.append((len(cost.statements) / count, cost.rows / count))
    (_, few, many) = per_item
    assert many[0] <= few[0] * 1.05 < 5
    assert many[1] <= few[1] * 1.05 < 20


def test_an_item_that_joins_branches_looks_at_nothing_but_itself(alice: User) -> None:
    branches = [{"name": name, "steps": [{**CALL, "stepId": name}]} for name in ("left", "right")]
    step = {"stepId": "fork", "type": "PARALLEL", "join": "ANY", "branches": branches}
    published(checks(step, concurrency=1), worker_task())
    run = started(alice, "flow", {"items": list(range(2_000))})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_stepexecution")
    outside = Outside()
    outside.claim()
    with traffic() as cost:
        outside.complete("left", {"n": 1})
    assert StepExecution.objects.filter(instance_id=run.id, step_id="right", status="CANCELLED").count() == 1
    cancelling = next(each for each in cost.statements if "RECURSIVE below" in each)
    with connection.cursor() as cursor:
        parent = StepExecution.objects.filter(instance_id=run.id, step_id="fork", status="RUNNING").get().id
        cursor.execute("EXPLAIN (ANALYZE, FORMAT TEXT) " + cancelling, [parent])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "workflows_execution_below" in plan
    assert "Seq Scan" not in plan


def test_the_results_come_in_the_order_of_the_items(alice: User) -> None:
    published(checks(CALL, concurrency=50), worker_task())
    run = started(alice, "flow", {"items": list(range(600))})
    work_off(run)
    advance()
    assert fresh(run).status == "COMPLETED"
    each = StepExecution.objects.get(instance_id=run.id, step_id="each", visit=1)
    assert each.output == [{"n": n * 2} for n in range(600)]


def test_no_more_are_under_way_than_the_concurrency_allows(alice: User) -> None:
    published(checks(CALL, concurrency=7), worker_task())
    run = started(alice, "flow", {"items": list(range(40))})
    under_way = StepExecution.objects.filter(instance_id=run.id, step_id="call", status__in=StepExecution.ACTIVE)
    seen = []
    while work_off(run, most=1):
        seen.append(under_way.count())
    assert max(seen) == 7
    assert fresh(run).status == "COMPLETED"


def test_one_advance_does_a_bounded_part_of_many_items(alice: User) -> None:
    published(checks({"stepId": "double", "type": "TRANSFORM", "output": "${item * 2}"}, concurrency=10_000))
    run = started(alice, "flow", {"items": list(range(2_000))})
    assert fresh(run).status == "RUNNING"
    assert StepExecution.objects.filter(instance_id=run.id, step_id="double").count() == 500
    assert InboxSignal.objects.filter(instance_id=run.id, kind="CONTINUE").count() == 1
    advance()
    assert fresh(run).status == "COMPLETED"
    records = HistoryRecord.objects.filter(instance_id=run.id).order_by("first_seq")
    assert max(len(record.entries) for record in records) <= 500


def test_a_wave_gives_a_few_turns_to_many_runs_that_go_through_long_lists(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wave, "ROWS", 100_000)
    published(checks({"stepId": "double", "type": "TRANSFORM", "output": "${item * 2}"}, concurrency=1_000))
    instances.start_batch(actor=alice, requests=[Start("flow", {"items": list(range(501))}) for _ in range(12)])
    with transaction.atomic():
        deliver([], pump=200)
    assert InboxSignal.objects.filter(kind="CONTINUE").count() == 12
    with transaction.atomic():
        _, more = deliver([], pump=200)
    assert more
    assert WorkflowInstance.objects.filter(status="RUNNING").count() == 12  # ten of them have their results to gather
    assert StepExecution.objects.filter(step_id="double").count() == 12 * 500 + 10
    advance()
    assert WorkflowInstance.objects.filter(status="COMPLETED").count() == 12


def test_a_wave_that_begins_many_long_lists_stays_near_ten_thousand_new_rows(alice: User) -> None:
    published(checks(CALL, concurrency=10), worker_task())
    ids = instances.start_batch(actor=alice, requests=[Start("flow", {"items": list(range(2_400))}) for _ in range(12)])
    written, begun, more = [], [], True
    while more and WorkflowInstance.objects.filter(status="CREATED").exists():
        before = StepExecution.objects.count()
        with transaction.atomic():
            _, more = deliver([], pump=200)
        written.append(StepExecution.objects.count() - before)
        begun.append(set(WorkflowInstance.objects.filter(status="RUNNING").values_list("id", flat=True)))
    assert sum(written) == 12 * (1 + 2_400 + 10)
    assert max(written) <= 10_000 + 2_411
    assert begun == [set(ids[:5]), set(ids[:10]), set(ids)]
    assert not InboxSignal.objects.filter(kind="START").exists()


def test_results_that_one_wave_has_no_room_for_are_taken_in_by_the_next(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wave, "ROWS", 100)
    long = {"stepId": "each", "type": "FOR_EACH", "items": "steps.call.output.list", "steps": [nap()["steps"][0]]}
    published(flow({**CALL, "input": {"n": 60}, "next": "each"}, long), worker_task())
    ids = [started(alice, "flow").id for _ in range(5)]
    with transaction.atomic():
        claimed = queue.claim(NAME, ["io"], 100)
        results = [Finished(task, "COMPLETED", {"list": list(range(60))}, None) for task in claimed]
        _, more = deliver([queue.as_outcome(each) for each in queue.settle(NAME, results)], pump=200)
    each = StepExecution.objects.filter(step_id="each", visit=1)
    assert more
    assert each.count() == 2
    assert InboxSignal.objects.filter(kind="TASK_COMPLETED").count() == 3
    advance()
    assert sorted(each.values_list("instance_id", flat=True)) == sorted(ids)
