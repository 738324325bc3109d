from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.ui.tests.reading import island, links, text_of
from apps.workflows.tests.factories import WorkflowDefinitionFactory, approval, greeting, published, started

Browse = Callable[[User | None], Client]
PROBLEM = {
    "code": "unknown-step",
    "severity": "error",
    "pointer": "/steps/0/next",
    "message": "No step ghost.",
    "hint": "",
}


def draft(**more: object) -> None:
    document = greeting(version="1.1.0", name="Greeting again")
    WorkflowDefinitionFactory(document=document, status="draft", published_at=None, **more)


@pytest.mark.django_db
def test_the_list_shows_each_workflow_once_with_what_runs(alice: User, browse: Browse) -> None:
    published(greeting())
    published(approval())
    draft(violations=[PROBLEM])
    started(alice, "approval")
    answer = browse(alice).get("/workflows")
    text = text_of(answer)
    assert "Greeting again" in text
    assert "live: 1.0.0" in text
    assert "/instances?workflow=approval&status=open" in links(answer)
    assert "/workflows/approval?start" in links(answer)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "expected"),
    [({"search": "greet"}, {"Greeting"}), ({"search": "zzz"}, set()), ({"status": "draft"}, set())],
)
def test_the_list_is_searched(alice: User, browse: Browse, query: dict[str, str], expected: set[str]) -> None:
    published(greeting())
    published(approval())
    answer = browse(alice).get("/workflows", query)
    found = {
        name
        for name, href in (("Greeting", "greeting"), ("Approval", "approval"))
        if f"/workflows/{href}" in links(answer)
    }
    assert found == expected
    assert ("No workflow fits" in text_of(answer)) is (not expected)


@pytest.mark.django_db
def test_an_empty_system_says_how_to_begin(alice: User, browse: Browse) -> None:
    assert "No workflows yet" in text_of(browse(alice).get("/workflows"))


@pytest.mark.django_db
def test_a_workflow_has_its_graph_versions_runs_and_start_form(alice: User, browse: Browse) -> None:
    published(greeting())
    started(alice, "greeting", {"name": "Ann"}, correlation_id="G-1")
    answer = browse(alice).get("/workflows/greeting")
    assert island(answer, "workflow")["document"]["workflowId"] == "greeting"
    assert island(answer, "start") == {
        "workflowId": "greeting",
        "version": "1.0.0",
        "inputSchema": greeting()["inputSchema"],
    }
    assert island(answer, "json")["value"]["steps"]
    assert "G-1" in text_of(answer)
    assert 'id="start"' in answer.content.decode()


@pytest.mark.django_db
def test_a_draft_shows_its_problems_and_cannot_be_started(alice: User, browse: Browse) -> None:
    published(greeting())
    draft(violations=[PROBLEM])
    newest = browse(alice).get("/workflows/greeting")
    assert island(newest, "workflow")["violations"] == [PROBLEM]
    assert 'data-island="start"' not in newest.content.decode()
    older = browse(alice).get("/workflows/greeting?version=1.0.0")
    assert 'data-island="start"' in older.content.decode()
    assert browse(alice).get("/workflows/greeting?version=9.9.9").status_code == 404


@pytest.mark.django_db
def test_who_may_not_start_is_not_offered_to(browse: Browse) -> None:
    published(greeting())
    client = browse(UserFactory(roles=["readonly"]))
    assert 'data-island="start"' not in client.get("/workflows/greeting?start").content.decode()
    assert "/workflows/greeting?start" not in links(client.get("/workflows"))


@pytest.mark.django_db
def test_markup_in_names_and_documents_is_inert(alice: User, browse: Browse) -> None:
    hostile = "</script><img src=x onerror=alert(1)>\"'"
    published(greeting(name=hostile, description=hostile, tags=[hostile]))
    for path in ("/workflows", "/workflows/greeting"):
        body = browse(alice).get(path).content.decode()
        assert "<img src=x" not in body
        assert "onerror=alert(1)>" not in body
    assert island(browse(alice).get("/workflows/greeting"), "workflow")["document"]["name"] == hostile


@pytest.mark.django_db
def test_a_draft_without_errors_is_offered_for_publishing_to_who_may(alice: User, browse: Browse) -> None:
    published(greeting())
    draft()
    answer = browse(alice).get("/workflows/greeting")
    assert island(answer, "publish") == {
        "workflowId": "greeting",
        "version": "1.1.0",
        "live": "1.0.0",
        "running": 0,
        "split": {},
    }
    reader = browse(UserFactory(roles=["readonly"])).get("/workflows/greeting")
    assert 'data-island="publish"' not in reader.content.decode()
    draft_with_error = greeting(version="1.2.0")
    WorkflowDefinitionFactory(document=draft_with_error, status="draft", published_at=None, violations=[PROBLEM])
    assert 'data-island="publish"' not in browse(alice).get("/workflows/greeting").content.decode()


@pytest.mark.django_db
def test_a_draft_can_be_tried_out_before_it_is_published(alice: User, browse: Browse) -> None:
    published(approval())
    document = approval(version="1.1.0")
    WorkflowDefinitionFactory(document=document, status="draft", published_at=None)
    page = browse(alice).get("/workflows/approval", {"version": "1.1.0"})
    assert "/workflows/approval/dry-run?version=1.1.0" in links(page)
    props = island(browse(alice).get("/workflows/approval/dry-run", {"version": "1.1.0"}), "dryrun")
    assert props["document"]["version"] == "1.1.0"
    assert [(each["stepId"], each["actions"]) for each in props["mocks"]] == [("ask", ["approve", "reject"])]


@pytest.mark.django_db
def test_a_draft_with_errors_says_what_to_mend_first(alice: User, browse: Browse) -> None:
    draft(violations=[PROBLEM])
    answer = browse(alice).get("/workflows/greeting/dry-run", {"version": "1.1.0"})
    assert "No step ghost." in text_of(answer)
    assert b'data-island="dryrun"' not in answer.content
