"""Idempotency-Key and If-Match."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from apps.auth.models import User
from apps.validation.models import IdempotencyKey
from apps.validation.services import forget_old_answers

pytestmark = pytest.mark.urls("apps.validation.tests.edge")


def post(user: User, key: str | None, **data: Any) -> Any:
    headers = {"X-Test-User": user.username} | ({"Idempotency-Key": key} if key is not None else {})
    return Client().post("/groups", data, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_same_key_gives_the_same_answer_and_one_effect(alice: User) -> None:
    first, second = post(alice, "k-1", name="a"), post(alice, "k-1", name="a")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert (second.headers["ETag"], second.headers["Location"]) == (first.headers["ETag"], first.headers["Location"])
    assert "Idempotent-Replayed" not in first.headers and second.headers["Idempotent-Replayed"] == "true"
    assert Group.objects.filter(name__startswith="a-").count() == 1


@pytest.mark.django_db
def test_key_belongs_to_its_principal(alice: User, bob: User) -> None:
    assert post(alice, "k", name="a").json() != post(bob, "k", name="a").json()


@pytest.mark.django_db
def test_same_key_for_another_request_is_422(alice: User) -> None:
    post(alice, "k", name="a")
    answer = post(alice, "k", name="b")
    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "https://augmented-os.dev/problems/idempotency-key-reused",
    )


@pytest.mark.django_db
def test_refusal_leaves_neither_effect_nor_key(alice: User) -> None:
    before = Group.objects.count()
    assert post(alice, "k", name="a", fail=True).status_code == 409
    assert Group.objects.count() == before
    assert not IdempotencyKey.objects.exists()
    assert post(alice, "k", name="a").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ü"])
def test_bad_key_is_400(alice: User, key: str) -> None:
    assert post(alice, key, name="a").status_code == 400


@pytest.mark.django_db
def test_without_key_every_request_counts(alice: User) -> None:
    assert post(alice, None, name="a").json() != post(alice, None, name="a").json()


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_with_one_key_have_one_effect(alice: User) -> None:
    answers: list[Any] = []

    def work() -> None:
        answers.append(post(alice, "race", name="race"))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.content for answer in answers}) == 1
    assert Group.objects.filter(name__startswith="race-").count() == 1


@pytest.mark.django_db
def test_old_answers_are_forgotten(alice: User) -> None:
    post(alice, "k", name="a")
    assert forget_old_answers() == 0
    assert forget_old_answers(older_than=timedelta(0)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"7"', 200),
        ("*", 200),
        ('"6", "7"', 412),
        ('"6"', 412),
        ('W/"7"', 412),
        ("7", 400),
        ('"', 400),
        ('"x"', 412),
        ('"' + "9" * 30 + '"', 412),
    ],
)
def test_if_match_guards_the_version(alice: User, header: str, status: int) -> None:
    headers = {"X-Test-User": alice.username, "If-Match": header}
    answer = Client().put("/groups", {}, content_type="application/json", headers=headers)
    assert answer.status_code == status
