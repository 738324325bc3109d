"""Deadlocks and serialization failures: a worker tries again, a client is told to; nobody sees a 500."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.api import Answer
from tests.support.waiting import eventually

from .invariants import connect
from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

CONFLICTS = size(20, 1_000)

# What Postgres itself raises when transactions collide, at random and as often as is asked for.
_TRIGGER = """
CREATE SEQUENCE IF NOT EXISTS public.conflicts;
CREATE OR REPLACE FUNCTION public.conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.3 THEN
    PERFORM nextval('public.conflicts');
    RAISE EXCEPTION 'collided' USING ERRCODE = CASE WHEN random() < 0.5 THEN '40001' ELSE '40P01' END;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER conflict BEFORE INSERT ON workflows_historyrecord
  FOR EACH STATEMENT EXECUTE FUNCTION public.conflict();
"""
_NO_TRIGGER = "DROP TRIGGER IF EXISTS conflict ON workflows_historyrecord; DROP SEQUENCE IF EXISTS public.conflicts"


@contextmanager
def _collisions(scene: Scene) -> Iterator[None]:
    with connect(scene.platform.database_url) as database:
        database.execute(_TRIGGER)
        try:
            yield
        finally:
            database.execute(_NO_TRIGGER)


def test_colliding_transactions_are_tried_again(scene: Scene) -> None:
    """A sequence counts the collisions: it is not rolled back with them."""
    scene.worker()
    with _collisions(scene):

        def enough() -> bool:
            for n in range(3):
                scene.start("fault-line", {"n": n, "ms": 0, "manner": ""})  # insists; 500 would fail below
            (row,) = scene.rows("SELECT last_value FROM public.conflicts")
            return bool(row["last_value"] >= CONFLICTS)

        eventually(enough, within=size(60, 1200), what=scene.picture)
        scene.settle()
    scene.check()
    assert 500 not in scene.refusals


def test_people_who_act_on_one_run_at_once_never_get_a_server_error(scene: Scene) -> None:
    """Each run is completed from two sides, suspended, resumed and cancelled, all at once: locks taken from both ends. Then
    real deadlocks, one by one."""
    scene.worker()
    runs = scene.offer_batches("fault-person", [{"n": n} for n in range(size(12, 300))])
    assert scene.api.token and scene.bob.token
    eventually(lambda: len(scene.open_tasks()) == 2 * len(runs), what=scene.picture)
    tasks = scene.open_tasks()

    def steer(id_: str) -> list[Answer]:
        path = f"workflows/instances/{id_}"
        return [scene.api.call("POST", f"{path}/{verb}", {"reason": "test"}) for verb in ("suspend", "resume")]

    def cancel(id_: str) -> list[Answer]:
        return [scene.api.call("POST", f"workflows/instances/{id_}/cancel", {"reason": "test"})]

    def complete(id_: str) -> list[Answer]:
        return [scene.bob.call("POST", f"tasks/{id_}/complete", {"output": {"answer": 1}})]

    with ThreadPoolExecutor(8) as pool:
        doing = [pool.submit(steer, id_) for id_ in runs]
        doing += [pool.submit(complete, id_) for id_ in tasks]
        doing += [pool.submit(cancel, id_) for id_ in runs[::4]]
        answers = [answer for each in doing for answer in each.result()]
    broken = [answer for answer in answers if answer.status >= 500]
    assert not broken, broken[:2]
    for id_ in runs:
        scene.api.call("POST", f"workflows/instances/{id_}/resume", {"reason": "at last"})
        scene.answer_tasks(id_)
    scene.settle()
    _lock_from_opposite_ends(scene)
    cancelled = scene.rows("SELECT id FROM workflows_workflowinstance WHERE status = 'CANCELLED'")
    scene.offered -= len(cancelled)
    scene.check()


def _lock_from_opposite_ends(scene: Scene) -> None:
    """A real deadlock: another session holds a run's tasks and then wants the run, while the API goes the other way."""
    for _ in range(size(2, 50)):
        (id_,) = scene.offer_batches("fault-person", [{"n": 1}])
        eventually(lambda: len(scene.open_tasks()) == 2, what=scene.picture)
        with ThreadPoolExecutor(1) as pool, connect(scene.platform.database_url) as other:
            other.autocommit = False
            other.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the platform's side is the one that is chosen
            other.execute("SELECT id FROM tasks_task WHERE workflow_instance_id = %s FOR UPDATE", [id_])
            path = f"workflows/instances/{id_}/cancel"
            cancelling = pool.submit(scene.api.insist, "POST", path, {"reason": "test"})
            eventually(lambda: scene.rows("SELECT 1 FROM pg_locks WHERE NOT granted"), what="somebody waits")
            other.execute("SELECT id FROM workflows_workflowinstance WHERE id = %s FOR UPDATE", [id_])
            other.rollback()
            answer, before = cancelling.result()
            assert answer.expect(200)["status"] == "CANCELLED"
            assert before and set(before) == {409}, before
