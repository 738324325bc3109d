"""Every refusal is application/problem+json with the same fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.auth.models import User
from apps.validation.tests.edge import FAILURES

pytestmark = [pytest.mark.urls("apps.validation.tests.edge"), pytest.mark.django_db]


@pytest.fixture
def fail(alice: User, client: Client) -> Any:
    return lambda name: client.get(f"/fail/{name}", headers={"X-Test-User": alice.username})


@pytest.mark.parametrize("name", FAILURES)
def test_failure_is_a_problem_document(fail: Any, name: str) -> None:
    answer = fail(name)
    problem = answer.json()
    assert answer.status_code == problem["status"] == FAILURES[name][1]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "traceId"} <= problem.keys()
    assert problem["instance"] == f"/fail/{name}"
    assert problem["traceId"] == answer.headers["X-Request-ID"]
    assert problem["detail"]


def test_not_found_keeps_its_secrets(fail: Any) -> None:
    assert "secret" not in fail("missing").content.decode()


def test_forbidden_names_the_permission(fail: Any) -> None:
    assert "view:thing" in fail("access").json()["detail"]


def test_serializer_errors_become_violations(fail: Any) -> None:
    assert [(found["pointer"], found["code"]) for found in fail("serializer").json()["violations"]] == [
        ("/name", "max-length"),
        ("/items/1", "invalid"),
    ]


def test_violations_are_whole(fail: Any) -> None:
    assert fail("unprocessable").json()["violations"] == [
        {"code": "x", "severity": "error", "pointer": "/a/0", "message": "Wrong.", "hint": "", "fix": None, "column": 3}
    ]


def test_limits_say_when_to_come_back(fail: Any) -> None:
    assert fail("limited").headers["Retry-After"] == "7"
    assert fail("throttled").headers["Retry-After"] == "2"


def test_missing_credentials_are_401_with_the_scheme(client: Client) -> None:
    answer = client.get("/fail/conflict")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_wrong_method_is_405(alice: User, client: Client) -> None:
    answer = client.delete("/echo", headers={"X-Test-User": alice.username})
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert "POST" in answer.headers["Allow"]
