"""The connection to Postgres breaks just when a request commits: whether it did, nobody can say. The client asks again."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.processes import Platform
from tests.support.proxy import Proxy

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

CUTS = size(6, 1_000)


def test_a_request_repeated_under_its_key_starts_one_run_whether_its_commit_got_through_or_not(scene: Scene) -> None:
    scene.worker(wait=False)
    shared = scene.platform
    with (
        Proxy(shared.database_url) as proxy,
        Platform(shared.directory / "cut", proxy.url, shared.redis_url) as platform,
    ):
        platform.start_web()
        api = Api(platform.address, "alice")
        assert api.token
        for number in range(CUTS):
            # Once the commit is carried out and its answer lost, once it is lost itself.
            cuts = iter(["cut" if number % 2 else "drop"])
            proxy.on_commit = lambda cuts=cuts: next(cuts, "pass")
            body = {"workflowId": "fault-line", "input": {"n": number, "ms": 0, "manner": ""}}
            answer, before = api.insist("POST", "workflows/instances", body)
            assert before, "the request was answered at once: nothing was cut"
            assert set(before) <= {0, 503}, f"a lost connection is answered 503, not {before}"
            assert ("idempotent-replayed" in answer.headers) == bool(number % 2)
            scene.single.add(answer.expect(201, 202)["id"])
            scene.offered += 1
    scene.settle()
    scene.check()
    started = scene.rows("SELECT count(*) AS runs FROM workflows_workflowinstance")[0]["runs"]
    assert started == CUTS
