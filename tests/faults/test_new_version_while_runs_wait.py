"""A new version is published while runs of the old one wait: those stay what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .scene import Scene
from .sizes import size

pytestmark = pytest.mark.faults

WAITING = size(20, 1_000)
DOCUMENT = json.loads((Path(__file__).parent / "definitions" / "workflow.fault-person.json").read_text())


def test_waiting_runs_stay_pinned_to_the_version_they_began_with(scene: Scene) -> None:
    scene.worker()
    old = scene.offer_batches("fault-person", [{"n": n} for n in range(WAITING)])
    version = _publish_next(scene)
    new = [scene.start("fault-person", {"n": n}) for n in range(3)]
    for id_ in old + new:
        scene.answer_tasks(id_)
    scene.settle()
    scene.check()
    rows = scene.rows("SELECT id, definition_version, output->>'version' AS said FROM workflows_workflowinstance")
    found = {str(row["id"]): (row["definition_version"], row["said"]) for row in rows}
    assert {found[id_] for id_ in new} == {(version, "2")}
    assert len({found[id_] for id_ in old}) == 1
    assert found[old[0]][0] != version


def _publish_next(scene: Scene) -> str:
    """Publish a version whose output says 2; its number follows the latest, so that the test can be repeated."""
    latest = scene.api.get("workflows/definitions/fault-person")["versions"]
    version = f"2.0.{len(latest)}"
    document = json.loads(json.dumps(DOCUMENT)) | {"version": version}
    document["steps"][-1]["output"]["version"] = 2
    scene.api.call("POST", "workflows/definitions", document).expect(200, 201)
    scene.api.call("POST", "workflows/definitions/fault-person/publish", {"version": version}).expect(200)
    return version
