"""Workers die while runs wait for runs they started, queue for slots and go through long lists, all at the same time."""

from __future__ import annotations

import pytest

from tests.support.processes import Process
from tests.support.waiting import eventually

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

POINTS = {"task.after_effect": 4, "turn.before_commit": 3, "turn.after_commit": 3}
TIMES = size(1, 20)
AT_RANDOM = size(4, 200)
DIED = "exited with 'signal 9 (SIGKILL)'"
CHILDREN = 5
"""Of each parent: one for each of three items, one that queues, and one beside a wait for an event."""
ITEMS = 1_200


def test_no_child_or_item_is_lost_or_done_twice_and_no_slot_is_lost_wherever_a_worker_dies(scene: Scene) -> None:
    """Workers that die at failpoints, and one whose processes are killed at random, with every third time all of them."""
    dying = {point: _dying(scene, point) for point in POINTS}
    died = dict.fromkeys(POINTS, 0)
    other, killed = scene.worker(processes=2, wait=False), 0

    def all_killed() -> bool:
        nonlocal other, killed
        for point, worker in list(dying.items()):
            if (died[point] + worker.output().count(DIED)) >= TIMES:
                worker.kill()  # enough: it would go on dying, and cost the others their time
                del dying[point]
            elif not worker.alive:  # its processes died before Celery took itself for started
                died[point] += worker.output().count(DIED)
                dying[point] = _dying(scene, point)
        if len(scene.open_runs()) < 40:
            _offer(scene)
        children = other.children()
        if killed < AT_RANDOM and children:
            killed += other.kill_child(scene.random.choice(children))
            if killed % 3 == 0:
                other.kill()
        if not other.alive:
            other = scene.worker(processes=2, wait=False)
        return not dying and killed >= AT_RANDOM

    scene.offer_batches("fault-list", [{"items": list(range(ITEMS))}] * 2)
    with scene.watching_slots() as seen:
        eventually(
            all_killed, within=size(120, 3000), every=0.2, what=lambda: f"{killed} at random, {dying.keys()} not yet"
        )
        other.kill()
        scene.worker(wait=False)
        scene.settle(within=90)
    assert seen.held == 2
    assert seen.queued > 0
    scene.check()
    _each_parent_got_what_its_children_gave(scene)
    _each_item_is_in_its_place(scene)


def _dying(scene: Scene, point: str) -> Process:
    return scene.worker(processes=2, wait=False, FAILPOINT=f"{point}:{POINTS[point]}:kill")


def _offer(scene: Scene) -> None:
    def inputs(count: int) -> list[dict[str, object]]:
        return [
            {
                "n": scene.random.randrange(1000),
                "ms": scene.random.choice([0, 10, 30]),
                "key": scene.random.choice("ab"),
            }
            for _ in range(count)
        ]

    scene.offer_batches("fault-parent", inputs(6))
    scene.offer_batches("fault-queue", inputs(6))
    scene.offer_batches("fault-list", [{"items": list(range(200))}])


def _each_parent_got_what_its_children_gave(scene: Scene) -> None:
    parents = scene.rows(
        "SELECT (p.input->>'n')::int AS n, p.output, (SELECT count(*) FROM workflows_workflowinstance c"
        " WHERE c.parent_instance_id = p.id) AS children"
        " FROM workflows_workflowinstance p WHERE p.workflow_id = 'fault-parent' AND p.status = 'COMPLETED'"
    )
    assert parents
    for each in parents:
        n = each["n"]
        assert each["output"] == {"values": [n + 2, n + 3, n + 4], "turn": n + 1, "quick": n + 1}
        assert each["children"] == CHILDREN


def _each_item_is_in_its_place(scene: Scene) -> None:
    lists = scene.rows(
        "SELECT input->'items' AS items, output->'values' AS values FROM workflows_workflowinstance"
        " WHERE workflow_id = 'fault-list' AND status = 'COMPLETED'"
    )
    assert ITEMS in {len(row["items"]) for row in lists}
    for row in lists:
        assert row["values"] == [n * 2 + (n + 1 if n % 25 == 0 else 0) for n in row["items"]]
