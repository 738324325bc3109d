"""What a verb says about a run depends on whether one may know of it, before anything else."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.models import User
from apps.validation.problems import Conflict
from apps.workflows.services import instances
from apps.workflows.services.migration import migrate
from apps.workflows.tests.factories import errand, nap, published, started, worker_task
from apps.workflows.tests.live import Outside, fresh

pytestmark = pytest.mark.django_db


def test_a_wrong_step_does_not_tell_a_stranger_which_there_are(api: Any, alice: User, charlie: User) -> None:
    published(nap())
    run = started(alice, "nap")
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    answer = api(charlie).post(f"/api/v1/workflows/instances/{run.id}/retry", {"stepId": "slep"})
    assert answer.status_code == 404
    assert "sleep" not in answer.content.decode()


def test_a_run_that_is_being_undone_stays_with_the_version_that_did_it(alice: User) -> None:
    undo = [{"stepId": "undo", "compensationFor": "run", "taskId": "errand", "input": {"n": 3}}]
    document = errand(compensationSteps=undo)
    document["steps"][0]["next"] = "wait"
    document["steps"].append({"stepId": "wait", "type": "DELAY", "duration": "PT1H", "next": "done"})
    published(document, worker_task())
    published(document | {"version": "1.1.0"})
    run = started(alice, "errand", {"n": 1}, version="1.0.0")
    Outside().complete("run", {"n": 2})
    instances.cancel(actor=alice, instance_id=run.id, reason="x", should_compensate=True)
    with pytest.raises(Conflict):
        migrate(actor=alice, instance_id=run.id, version="1.1.0", mapping={})
    assert fresh(run).definition_version == "1.0.0"
