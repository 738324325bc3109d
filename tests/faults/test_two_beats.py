"""Two beats send every order to look twice. A timer and the slot of a schedule fire once all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.waiting import eventually

from .invariants import Row
from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

SLOTS = size(10, 300)


def test_each_timer_and_each_slot_of_a_schedule_fires_once_under_two_beats(scene: Scene) -> None:
    """Runs whose timers are due in slots of 0.3 s, two runs to a slot, two timers to a run; and meanwhile a schedule that
    fires each second, for so many slots."""
    scene.platform.start_beat(wait=False)
    scene.worker()
    inputs = [{"n": slot, "wait": f"PT{0.3 * slot:.1f}S"} for slot in range(1, SLOTS + 1) for _ in range(2)]
    scene.offer_batches("fault-timer", inputs)
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    document = {
        "workflowId": "fault-line",
        "interval": "PT1S",
        "startAt": first.isoformat(),
        "endAt": (first + timedelta(seconds=SLOTS - 1)).isoformat(),
        "overlap": "ALLOW",
        "catchUp": "ALL",
        "input": {"n": 7, "ms": 0, "manner": ""},
    }
    scene.api.call("PUT", "workflows/schedules/each-second", document).expect(201)
    try:
        eventually(
            lambda: scene.rows("SELECT 1 FROM workflows_schedule WHERE next_slot IS NULL"),
            within=SLOTS + 60,
            what=scene.picture,
        )
        fires = scene.rows("SELECT slot, due_at, at, decision, instance_id FROM workflows_schedulefire ORDER BY slot")
    finally:
        scene.api.call("DELETE", "workflows/schedules/each-second").expect(204)
    started = {str(row["instance_id"]) for row in fires}
    scene.batched |= started
    scene.offered += SLOTS
    scene.settle(within=0.6 * SLOTS + 30)
    scene.check()
    _slots_fired_once(scene, fires, first, started)
    _timers_fired_once(scene, len(inputs))


def _slots_fired_once(scene: Scene, fires: list[Row], first: datetime, started: set[str]) -> None:
    assert [row["slot"] for row in fires] == [first + timedelta(seconds=n) for n in range(SLOTS)]
    assert {row["decision"] for row in fires} == {"STARTED"}
    assert len(started) == SLOTS
    runs = scene.rows("SELECT id, trigger_event_id FROM workflows_workflowinstance WHERE workflow_id = 'fault-line'")
    assert {str(row["id"]) for row in runs} == started
    assert len({row["trigger_event_id"] for row in runs}) == SLOTS


def _timers_fired_once(scene: Scene, runs: int) -> None:
    fired = scene.rows(
        "SELECT entry->>'executionId' AS id, count(*) AS times"
        " FROM workflows_historyrecord, jsonb_array_elements(entries) AS entry"
        " WHERE entry->>'type' = 'STEP_COMPLETED' AND entry->>'stepId' IN ('rest', 'again') GROUP BY 1"
    )
    assert len(fired) == 2 * runs
    assert all(row["times"] == 1 for row in fired)
    assert all(len(calls) == 1 for calls in scene.outside.by_key().values())
    late = scene.rows(
        "SELECT id, completed_at - started_at AS took FROM workflows_stepexecution WHERE step_id = 'rest'"
        " AND completed_at < started_at"
    )
    assert not late
