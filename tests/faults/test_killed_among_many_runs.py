"""The worker that does one verb to many runs dies midway: another goes on, and each run is done once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.processes import Process
from tests.support.waiting import eventually

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

RUNS = size(400, 3_000)
POINTS = {"bulk.before_commit": size(3, 20), "bulk.after_commit": size(3, 20)}
DIED = "exited with 'signal 9 (SIGKILL)'"


def test_a_bulk_operation_goes_on_where_a_worker_died_and_does_each_run_once(scene: Scene) -> None:
    runs = scene.offer_batches("fault-timer", [{"n": n, "wait": "PT10M"} for n in range(RUNS)])
    before, after = POINTS.items()
    dying = _dying(scene, *before)
    eventually(
        lambda: scene.rows("SELECT count(*) AS n FROM workflows_timer WHERE purpose = 'delay'")[0]["n"] == RUNS,
        what=scene.picture,
    )
    body = {"operation": "suspend", "filter": {"workflowId": "fault-timer"}, "reason": "maintenance"}
    answer, _ = scene.api.insist("POST", "workflows/instances/bulk", body)
    bulk_id = answer.expect(202)["id"]

    def operation() -> dict[str, Any]:
        return scene.rows("SELECT * FROM workflows_bulkoperation WHERE id = %s", bulk_id)[0]

    done = 0
    for following in (after, None):
        eventually(lambda died=dying: DIED in died.output() or not died.alive, within=60, what=scene.picture)
        dying.kill()
        assert done < operation()["succeeded"] < RUNS, dying.output()[-2000:]
        done = operation()["succeeded"]
        if following is not None:
            dying = _dying(scene, *following)
    scene.worker(wait=False)
    eventually(lambda: operation()["status"] == "COMPLETED", within=size(30, 300), what=operation)
    assert (operation()["succeeded"], operation()["failed"]) == (RUNS, 0)
    assert {row["status"] for row in scene.rows("SELECT status FROM workflows_workflowinstance")} == {"SUSPENDED"}
    times = scene.rows(
        "SELECT resource_id, count(*) AS n FROM accounts_auditentry WHERE action = 'workflow.suspend'"
        " AND details->>'bulkId' = %s GROUP BY 1",
        bulk_id,
    )
    assert {row["resource_id"]: row["n"] for row in times} == dict.fromkeys(runs, 1)
    told = scene.rows(
        "SELECT count(*) AS n FROM workflows_historyrecord, jsonb_array_elements(entries) AS entry"
        " WHERE entry->>'type' = 'INSTANCE_SUSPENDED'"
    )
    assert told[0]["n"] == RUNS


def _dying(scene: Scene, point: str, nth: int) -> Process:
    return scene.worker(processes=1, wait=False, FAILPOINT=f"{point}:{nth}:kill")
