"""The matrix of rights.py holds, and no route is missing from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from apps.auth.tests.factories import Cast
from apps.tasks.models import Task
from apps.workflows.models import WorkflowInstance
from tests import rights
from tests.rights import CALLERS, ROWS, Row, World

METHODS = ("get", "post", "put", "patch", "delete")
PAGES = "apps.ui."  # have a test of their own


@pytest.fixture
def world(cast: Cast, settings: Any, tmp_path: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return rights.make_world(cast)


def routes(patterns: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern


def every_method_of_every_route() -> set[str]:
    found = set()
    for path, pattern in routes(get_resolver().url_patterns):
        if path.startswith("admin/") or pattern.lookup_str.startswith(PAGES):
            continue
        view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
        methods = [name for name in METHODS if hasattr(view, name)] if view else ["get"]
        found |= {f"{method.upper()} {path}" for method in methods}
    return found


def test_every_method_of_every_route_stands_in_the_matrix() -> None:
    named = [row.name for row in ROWS]
    assert sorted(set(named)) == sorted(named)
    assert set(named) == every_method_of_every_route()


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_matrix_holds(row: Row, world: World) -> None:
    if row.before:
        row.before(world)
    wanted = {"own": row.own.split()} | ({"other": row.other.split()} if row.other else {})
    found = {whose: [answer_to(row, world, caller, whose) for caller in CALLERS] for whose in wanted}
    assert found == wanted


def answer_to(row: Row, world: World, caller: str, whose: str) -> str:
    """The cell as it really is; nothing stays of what the request did."""
    client = APIClient()
    if (user := world.users[caller]) is not None:
        user.forget_grants()
        client.force_authenticate(user)
    body, kind = (rights.upload(), "multipart") if row.upload else (row.body, "json")
    address = world.address(row.route, whose) + row.query
    with transaction.atomic():
        if row.method == "get":
            response = client.get(address)
        else:
            response = getattr(client, row.method)(address, body, format=kind)
        transaction.set_rollback(True)
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
    return "." if response.status_code < 300 else str(response.status_code)


@pytest.mark.django_db
def test_lists_hold_nothing_that_the_caller_may_not_see(world: World) -> None:
    for caller in ("charlie", "bob", "robot"):
        client = APIClient()
        client.force_authenticate(world.users[caller])
        runs = client.get("/api/v1/workflows/instances").json()["items"]
        tasks = client.get("/api/v1/tasks").json()["items"]
        own = set() if caller == "charlie" else {"own"}
        assert {each["id"] for each in runs} == {str(world.runs[whose].id) for whose in own}
        assert {each["id"] for each in tasks} == {str(world.tasks[whose].id) for whose in own}


@pytest.mark.django_db
def test_a_bulk_verb_does_to_each_task_what_the_caller_may(world: World) -> None:
    client = APIClient()
    client.force_authenticate(world.users["bob"])
    ids = [str(world.tasks[whose].id) for whose in ("own", "other")]
    body = {"ids": ids, "operation": "complete", "action": "approve", "output": {}}
    results = client.post("/api/v1/tasks/bulk", body).json()["results"]
    assert [each["status"] for each in results] == [200, 404]
    assert Task.objects.get(id=world.tasks["other"].id).status == "PENDING"
    assert WorkflowInstance.objects.get(id=world.runs["own"].id).status == "COMPLETED"


@pytest.mark.django_db
def test_a_missing_object_is_answered_like_one_that_may_not_be_seen(world: World) -> None:
    client = APIClient()
    client.force_authenticate(world.users["bob"])
    for route, other in (("workflows/instances", world.runs["other"].id), ("tasks", world.tasks["other"].id)):
        hidden = client.get(f"/api/v1/{route}/{other}").json()
        missing = client.get(f"/api/v1/{route}/01890000-0000-7000-8000-000000000001").json()
        for problem in (hidden, missing):
            problem.pop("traceId"), problem.pop("instance")
            problem["detail"] = problem["detail"].rpartition(" ")[0]
        assert hidden == missing
