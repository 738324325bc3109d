"""One transaction and a fixed number of statements for an advance, however long the run and however many of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from apps.auth.models import User
from apps.events.tests.statements import counted_statements
from apps.tasks.models import ReadyTask
from apps.tasks.runtime.outcomes import deliver
from apps.workflows.models import HistoryRecord, StepExecution
from apps.workflows.services import instances
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import errand, greeting, published, started, worker_task

pytestmark = pytest.mark.django_db(transaction=True)


def inline(length: int) -> dict[str, Any]:
    steps = [
        {"stepId": f"s{n}", "type": "TRANSFORM", "output": {"n": "${input.n + " + str(n) + "}"}, "next": f"s{n + 1}"}
        for n in range(length)
    ]
    del steps[-1]["next"]
    return greeting(workflowId=f"inline-{length}", inputSchema={"type": "object"}, steps=steps)


def test_a_run_of_inline_steps_is_one_transaction_however_long(alice: User) -> None:
    published(inline(10))
    published(inline(100))
    for workflow_id in ("inline-10", "inline-100"):
        started(alice, workflow_id, {"n": 1})  # compiles it
    for workflow_id, length in (("inline-10", 10), ("inline-100", 100)):
        run = started(alice, workflow_id, {"n": 1})
        assert run.status == "COMPLETED"
        assert StepExecution.objects.filter(instance_id=run.id).count() == length
        [record] = HistoryRecord.objects.filter(instance_id=run.id)
        rows_of = "SELECT DISTINCT xmin::text FROM {} WHERE {} = %s"
        with connection.cursor() as cursor:
            written = set()
            for table, column in (
                ("workflows_workflowinstance", "id"),
                ("workflows_stepexecution", "instance_id"),
                ("workflows_historyrecord", "instance_id"),
            ):
                cursor.execute(rows_of.format(table, column), [run.id])
                written |= {row[0] for row in cursor.fetchall()}
        assert len(written) == 1  # every row carries the same transaction's id
        assert record.last_seq == run.seq


def test_a_longer_run_takes_no_more_statements(alice: User) -> None:
    published(inline(10))
    published(inline(100))
    counts = []
    for workflow_id in ("inline-10", "inline-100"):
        started(alice, workflow_id, {"n": 1})
        with counted_statements() as statements:
            instances.start(actor=alice, request=Start(workflow_id, {"n": 1}))
        counts.append(len(statements))
    assert 0 < counts[0] == counts[1]


def test_many_runs_are_advanced_by_as_many_statements_as_one(alice: User) -> None:
    published(errand(), worker_task())
    counts = []
    for size in (1, 1, 100):  # the first compiles the definition
        instances.start_batch(actor=alice, requests=[Start("errand", {"n": n}) for n in range(size)])
        with transaction.atomic(), counted_statements() as statements:
            deliver([], pump=200)
        counts.append(len(statements))
        ReadyTask.objects.all().delete()
    assert 0 < counts[1] == counts[2]
