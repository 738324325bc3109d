"""A run that cannot go on fails by itself; its neighbours do not notice."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.tasks.runtime import queue
from apps.tasks.runtime.outcomes import deliver
from apps.tasks.runtime.queue import Finished
from apps.tasks.runtime.worker import Worker
from apps.workflows.selectors.instances import history
from apps.workflows.tests.factories import errand, greeting, published, started, worker_task
from apps.workflows.tests.live import fresh

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("poison", ["\x00", "\ud800"], ids=["NUL", "a lone surrogate"])
def test_a_run_whose_state_cannot_be_stored_fails_alone(alice: User, poison: str) -> None:
    published(errand(), worker_task())
    runs = [started(alice, "errand", {"n": n}) for n in range(3)]
    claimed = {task.workflow_instance_id: task for task in queue.claim("w", ["io"], 10)}
    with transaction.atomic():
        outcomes = []
        for number, run in enumerate(runs):
            result = Finished(claimed[run.id], "COMPLETED", {"n": number})
            [taken] = queue.settle("w", [result])
            outcome = queue.as_outcome(taken)
            if number == 1:
                outcome = type(outcome)(outcome.task_id, run.id, "COMPLETED", {"n": poison})
            outcomes.append(outcome)
        deliver(outcomes)
    assert [fresh(run).status for run in runs] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert (fresh(runs[1]).error or {})["code"] == "STATE_NOT_STORABLE"
    for run in runs:
        assert [entry["seq"] for entry in history(run.id)[0]] == list(range(1, fresh(run).seq + 1))


def test_an_expression_that_makes_nul_fails_its_run_and_not_the_request(alice: User, worker: Worker) -> None:
    bad = errand(workflowId="bad")
    bad["steps"][-1]["output"] = {"n": "${string(b'\\x00') + string(steps.run.output.n)}"}
    published(bad, worker_task())
    published(errand())
    spoiled = started(alice, "bad", {"n": 1})
    neighbours = [started(alice, "errand", {"n": n}) for n in range(5)]
    worker.drain(10)
    assert fresh(spoiled).status == "FAILED"
    assert {fresh(run).status for run in neighbours} == {"COMPLETED"}


def test_a_run_that_never_stops_is_ended_with_the_reason(alice: User, settings: Any) -> None:
    settings.AUGMENTED_MAX_TRANSITIONS = 500
    steps = [
        {"stepId": "a", "type": "TRANSFORM", "output": {}, "next": "b"},
        {"stepId": "b", "type": "TRANSFORM", "output": {}, "next": "a"},
    ]
    published(greeting(workflowId="endless", inputSchema={"type": "object"}, steps=steps))
    run = started(alice, "endless")
    assert run.status == "FAILED"
    assert "500" in (run.error or {})["message"]
