"""The page that compares two versions: what changed, and what becomes of the runs under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.ui.tests.reading import island, text_of
from apps.workflows.services import traffic
from apps.workflows.tests.factories import WorkflowDefinitionFactory, approval, greeting, nap, published, started

pytestmark = pytest.mark.django_db
Browse = Callable[[User | None], Client]


def renamed(**more: Any) -> dict[str, Any]:
    document = approval(version="2.0.0", **more)
    document["steps"][0]["stepId"] = "decide"
    return document


def test_it_tells_what_changed_and_where_runs_would_go(alice: User, browse: Browse) -> None:
    published(approval())
    published(renamed(name="Approve it"))
    started(alice, "approval", version="1.0.0")
    answer = browse(alice).get("/workflows/approval/compare")
    text = text_of(answer)
    assert "The workflow is called “Approve it”; it was “Approval”." in text
    assert "The step ask has the id decide now" in text
    props = island(answer, "migrate")
    assert (props["maySteer"], props["verdict"]["mapping"]) == (True, {"ask": "decide"})
    assert island(answer, "json")["label"] == "JSON Patch"


def test_expressions_in_sentences_are_set_as_code_and_stay_text(alice: User, browse: Browse) -> None:
    published(greeting())
    steps = greeting()["steps"]
    steps[0]["output"] = {"text": "<b>${input.name}"}
    published(greeting(version="1.1.0", steps=steps))
    body = browse(alice).get("/workflows/greeting/compare").content.decode()
    assert "<code>&lt;b&gt;${input.name}</code>" in body


def test_without_runs_nothing_has_to_move(alice: User, browse: Browse) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    assert "No run is under way on 1.0.0" in text_of(browse(alice).get("/workflows/nap/compare"))


def test_with_one_version_there_is_nothing_to_compare(alice: User, browse: Browse) -> None:
    published(nap())
    assert "There is only one version" in text_of(browse(alice).get("/workflows/nap/compare"))
    assert browse(alice).get("/workflows/nothing/compare").status_code == 404


def test_a_version_that_does_not_exist_gives_way_to_one_that_does(alice: User, browse: Browse) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    assert browse(alice).get("/workflows/nap/compare?from=9.9.9&to=x").status_code == 200


def test_nobody_migrates_to_a_draft_nor_without_the_right(alice: User, browse: Browse) -> None:
    published(approval())
    WorkflowDefinitionFactory(document=renamed(), status="draft", published_at=None)
    started(alice, "approval")
    props = island(browse(alice).get("/workflows/approval/compare"), "migrate")
    assert (props["draft"], props["maySteer"]) == (True, False)
    reader = browse(UserFactory(roles=["readonly"]))
    assert island(reader.get("/workflows/approval/compare"), "migrate")["maySteer"] is False


def test_a_workflow_shows_what_runs_on_each_version_and_how_starts_are_split(alice: User, browse: Browse) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    started(alice, "nap", version="1.0.0")
    assert island(browse(alice).get("/workflows/nap"), "traffic") == {
        "workflowId": "nap",
        "versions": ["2.0.0", "1.0.0"],
        "shares": {},
    }
    traffic.split(actor=alice, workflow_id="nap", shares={"2.0.0": 10, "1.0.0": 90})
    answer = browse(alice).get("/workflows/nap")
    assert "90 %" in text_of(answer)
    reader = browse(UserFactory(roles=["readonly"])).get("/workflows/nap")
    assert 'data-island="traffic"' not in reader.content.decode()
