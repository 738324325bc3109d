"""Two beats send every order to look twice. A timer fires once all the same."""

from __future__ import annotations

import pytest

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

SLOTS = size(10, 300)


def test_each_timer_fires_once_under_two_beats(scene: Scene) -> None:
    """Runs whose timers are due in slots of 0.3 s, two runs to a slot, two timers to a run."""
    scene.platform.start_beat(wait=False)
    scene.worker()
    inputs = [{"n": slot, "wait": f"PT{0.3 * slot:.1f}S"} for slot in range(1, SLOTS + 1) for _ in range(2)]
    scene.offer_batches("fault-timer", inputs)
    scene.settle(within=0.6 * SLOTS + 30)
    scene.check()
    fired = scene.rows(
        "SELECT entry->>'executionId' AS id, count(*) AS times"
        " FROM workflows_historyrecord, jsonb_array_elements(entries) AS entry"
        " WHERE entry->>'type' = 'STEP_COMPLETED' AND entry->>'stepId' IN ('rest', 'again') GROUP BY 1"
    )
    assert len(fired) == 2 * len(inputs)
    assert all(row["times"] == 1 for row in fired)
    assert all(len(calls) == 1 for calls in scene.outside.by_key().values())
    late = scene.rows(
        "SELECT id, completed_at - started_at AS took FROM workflows_stepexecution WHERE step_id = 'rest'"
        " AND completed_at < started_at"
    )
    assert not late
