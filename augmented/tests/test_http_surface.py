"""What every answer carries, whoever gives it: policy, request id, problem documents; health and metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import Cast
from apps.events.services import dead_letters
from apps.events.tests.factories import new_event, recorded
from apps.tasks.models import ReadyTask

pytestmark = pytest.mark.django_db


def test_every_answer_carries_a_policy_without_inline_scripts(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert "unsafe-eval" not in policy


def test_the_callers_request_id_comes_back_and_a_hostile_one_does_not(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "a1b2c3d4-e5f6"}).headers["X-Request-ID"] == "a1b2c3d4-e5f6"
    hostile = 'x"}\\n{"event": "forged'
    assert client.get("/healthz", headers={"X-Request-ID": hostile}).headers["X-Request-ID"] != hostile


@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/readyz", "/api/schema", "/api/schema/"])
def test_addresses_answer_with_and_without_a_trailing_slash(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_an_unknown_address_below_the_api_is_a_problem_document(client: Client) -> None:
    response = client.get("/api/v1/nothing-here", headers={"Accept": "text/html,*/*"})
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 404
    assert problem["instance"] == "/api/v1/nothing-here"
    assert problem["traceId"] == response.headers["X-Request-ID"]


def test_ready_says_which_server_does_not_answer(client: Client, settings: Settings) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "checks": {"postgres": True, "redis": True}}
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"postgres": True, "redis": False}


def test_metrics_are_for_the_bearer_of_the_token_and_for_operators(
    client: Client, api: Callable[[User | None], APIClient], cast: Cast, settings: Settings
) -> None:
    settings.AUGMENTED_METRICS_TOKEN = "scrape-me-0123456789"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer scrape-me"}).status_code == 401
    assert api(cast.charlie).get("/metrics").status_code == 403
    for response in (
        client.get("/metrics", headers={"Authorization": "Bearer scrape-me-0123456789"}),
        api(cast.admin).get("/metrics"),
    ):
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/plain")
        assert "process_resident_memory_bytes" in response.content.decode()


def test_without_a_token_in_the_settings_an_empty_bearer_is_nobody(client: Client, settings: Settings) -> None:
    settings.AUGMENTED_METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_metrics_show_what_lies_ready_and_for_how_long(cast: Cast, api: Callable[[User | None], APIClient]) -> None:
    now = timezone.now()
    ReadyTask.objects.create(task_id=uuid4(), queue="io", ready_at=now - timedelta(seconds=90))
    ReadyTask.objects.create(task_id=uuid4(), queue="io", ready_at=now + timedelta(hours=1))
    ReadyTask.objects.create(task_id=uuid4(), queue="io", worker="w", leased_until=now - timedelta(seconds=5))
    lines = api(cast.admin).get("/metrics").content.decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("augmented_"))
    assert found["augmented_tasks_ready"] == "1.0"
    assert found["augmented_tasks_scheduled"] == "1.0"
    assert found["augmented_tasks_leased"] == "1.0"
    assert found["augmented_leases_expired"] == "1.0"
    assert 89 < float(found["augmented_oldest_ready_seconds"]) < 100


def test_metrics_show_events_that_wait_and_dead_letters(cast: Cast, api: Callable[[User | None], APIClient]) -> None:
    recorded(new_event("e-1"), new_event("e-2"))
    [event] = recorded(new_event("e-3"))
    dead_letters.refuse(event.document, "trigger:gone", {"code": "GONE", "message": "Gone."})
    shown = api(cast.admin).get("/metrics").content.decode()
    assert 'augmented_events_queued{queue="default"} 3.0' in shown
    assert 'augmented_oldest_event_seconds{queue="default"}' in shown
    assert 'augmented_dead_letters{kind="trigger"} 1.0' in shown


def test_the_api_page_loads_nothing_from_elsewhere_and_has_no_inline_script(client: Client) -> None:
    response = client.get("/api/docs", headers={"Accept": "text/html"})
    html = response.content.decode()
    assert response.status_code == 200
    assert "<script>" not in html
    assert "//cdn" not in html and "https://" not in html
