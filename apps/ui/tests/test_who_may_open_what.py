"""Every page for every kind of person: a page absent from this table fails."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern

from apps.auth.models import User
from apps.auth.tests.factories import Cast, UserFactory
from apps.events.models import DeadLetter, SequenceRun
from apps.events.services import dead_letters, queues, record_events
from apps.events.tests.factories import EventDefinitionFactory, new_event, recorded, shipped
from apps.events.tests.sequences import begun_run
from apps.integrations.services import subscriptions, webhooks
from apps.tasks.models import Task
from apps.tasks.tests.factories import ManualTaskFactory
from apps.ui.tests.reading import island
from apps.ui.urls import urlpatterns
from apps.workflows.models import WorkflowInstance
from apps.workflows.services import schedules, triggers
from apps.workflows.tests.factories import approval, greeting, published, started

Browse = Callable[[User | None], Client]
# page → status for alice (operates), bob (a manager with a task in the run), charlie (no roles)
EXPECTED = {
    "": (200, 200, 200),
    "palette": (200, 200, 200),
    "workflows": (200, 403, 403),
    "workflows/<str:workflow_id>": (200, 403, 403),
    "workflows/<str:workflow_id>/compare": (200, 403, 403),
    "import": (200, 403, 403),
    "workflows/<str:workflow_id>/dry-run": (200, 403, 403),
    "instances": (200, 200, 403),
    "instances/<uuid:instance_id>": (200, 200, 403),
    "events": (200, 403, 403),
    "events/definitions": (200, 403, 403),
    "events/definitions/<str:key>": (200, 403, 403),
    "events/<path:event_id>": (200, 403, 403),
    "events/queues": (200, 403, 403),
    "events/queues/<str:key>": (200, 403, 403),
    "events/dead-letters": (200, 403, 403),
    "events/dead-letters/<uuid:letter_id>": (200, 403, 403),
    "events/sequences": (200, 403, 403),
    "events/sequences/<str:key>": (200, 403, 403),
    "events/sequences/<str:key>/<uuid:run_id>": (200, 403, 403),
    "events/triggers": (200, 403, 403),
    "events/triggers/test": (200, 403, 403),
    "events/triggers/<str:key>": (200, 403, 403),
    "events/webhooks": (200, 403, 403),
    "events/webhooks/in/<str:key>": (200, 403, 403),
    "events/webhooks/out/<str:key>": (200, 403, 403),
    "schedules": (200, 403, 403),
    "schedules/<str:key>": (200, 403, 403),
    "tasks": (200, 200, 403),
    "tasks/<uuid:task_id>": (200, 200, 403),
}
OPEN_TO_ALL = {"login", "sign-in", "logout"}


@pytest.fixture
def run(cast: Cast) -> WorkflowInstance:
    """Started by Alice; Bob has claimed its task."""
    published(approval())
    schedules.save(actor=cast.alice, document={"workflowId": "approval", "cron": "0 9 * * *"})
    EventDefinitionFactory(document=shipped(eventId="approval"))
    record_events([new_event("e/1")])
    begun_run(cast.alice)
    triggers.save(actor=cast.alice, document={"workflowId": "approval", "eventPattern": "orders.placed"})
    webhooks.save(actor=cast.alice, document={"webhookId": "approval", "path": "a", "auth": {"kind": "none"}})
    subscriptions.save(
        actor=cast.alice,
        document={"subscriptionId": "approval", "url": "https://partner.example/", "eventPatterns": ["a"]},
    )
    made = started(cast.alice, "approval")
    queues.save(actor=cast.alice, key="approval", document={"patterns": ["approval.*"]})
    [event] = recorded(new_event())
    dead_letters.refuse(event.document, "trigger:gone", {"code": "GONE", "message": "Gone."})
    Task.objects.filter(workflow_instance_id=made.pk).update(assignee=cast.bob, status="ASSIGNED")
    return made


def address(route: str, run: WorkflowInstance) -> str:
    task = Task.objects.get(workflow_instance_id=run.pk)
    if "/sequences/" in route:
        route = route.replace("<str:key>", "pair").replace("<uuid:run_id>", str(SequenceRun.objects.get().pk))
    return "/" + (
        route.replace("<str:workflow_id>", "approval")
        .replace("<str:key>", "approval")
        .replace("<path:event_id>", "e/1")
        .replace("<uuid:instance_id>", str(run.pk))
        .replace("<uuid:task_id>", str(task.pk))
        .replace("<uuid:letter_id>", str(DeadLetter.objects.get().pk))
    )


def routes() -> list[str]:
    return [str(each.pattern) for each in urlpatterns if isinstance(each, URLPattern)]


def test_every_page_is_in_the_table() -> None:
    assert set(routes()) == set(EXPECTED) | OPEN_TO_ALL


@pytest.mark.parametrize("route", EXPECTED)
def test_pages_open_for_whom_they_should(route: str, run: WorkflowInstance, cast: Cast, browse: Browse) -> None:
    people = (cast.alice, cast.bob, cast.charlie)
    assert tuple(browse(who).get(address(route, run)).status_code for who in people) == EXPECTED[route]


@pytest.mark.parametrize("route", EXPECTED)
def test_strangers_are_asked_to_sign_in_and_come_back(route: str, run: WorkflowInstance, browse: Browse) -> None:
    wanted = address(route, run)
    answer = browse(None).get(wanted, {"x": "1"})
    assert (answer.status_code, answer.url) == (302, f"/login?next={wanted}%3Fx%3D1")


@pytest.mark.parametrize("route", EXPECTED)
def test_pages_only_read(route: str, run: WorkflowInstance, cast: Cast, browse: Browse) -> None:
    assert browse(cast.alice).post(address(route, run)).status_code == 405


def test_what_one_may_not_see_does_not_exist(run: WorkflowInstance, browse: Browse, db: None) -> None:
    other = UserFactory(roles=["manager"])
    task = ManualTaskFactory(candidate_groups=["somebody else"])
    nothing = UUID(int=7)
    for path in (f"/instances/{run.pk}", f"/instances/{nothing}", f"/tasks/{task.pk}", f"/tasks/{nothing}"):
        assert browse(other).get(path).status_code == 404, path


def test_refusals_look_like_the_product(cast: Cast, browse: Browse) -> None:
    refused, missing = browse(cast.charlie).get("/workflows"), browse(cast.alice).get("/workflows/none")
    assert (refused.status_code, missing.status_code) == (403, 404)
    assert b"You may not do this" in refused.content
    assert b"Nothing is here" in missing.content
    assert b"assets/main-2.css" in missing.content


def test_the_run_page_knows_what_its_reader_may_do_next(run: WorkflowInstance, cast: Cast, browse: Browse) -> None:
    path = f"/instances/{run.pk}"
    alice = island(browse(cast.alice).get(path), "instance")["viewer"]
    bob = island(browse(cast.bob).get(path), "instance")["viewer"]
    assert [alice[name] for name in ("maySteer", "seesWorkflows", "seesAllTasks")] == [True, True, True]
    assert [bob[name] for name in ("maySteer", "seesWorkflows", "seesAllTasks")] == [False, False, False]
    assert {"bob", "manager", "managers"} <= set(bob["names"])


def test_the_filter_names_no_workflow_that_one_may_not_know(run: WorkflowInstance, cast: Cast, browse: Browse) -> None:
    published(greeting())
    assert b"Greeting" in browse(cast.alice).get("/instances").content
    seen = browse(cast.bob).get("/instances").content
    assert b"Greeting" not in seen
    assert b"Approval" in seen
