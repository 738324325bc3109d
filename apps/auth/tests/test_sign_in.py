"""Name and password: who gets in, what a refusal gives away (nothing), and how guessing slows down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate, hashers
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from apps.auth import rules, services
from apps.auth.models import AuditEntry, SignInCounter
from apps.auth.services.sign_in import forget_old_attempts
from apps.auth.tests.factories import PASSWORD, UserFactory
from apps.auth.tests.threads import at_once

pytestmark = pytest.mark.django_db
FREE = rules.SIGN_IN_BACK_OFF["name and address"].free


def login(username: str, password: str = PASSWORD, address: str = "192.0.2.1") -> Response:
    return APIClient().post(
        "/api/v1/auth/login", {"username": username, "password": password}, format="json", REMOTE_ADDR=address
    )


def test_the_right_password_gives_a_pair_that_works() -> None:
    user = UserFactory(username="alice")
    answer = login("alice")
    assert answer.status_code == 200
    assert answer.json().keys() == {"access", "refresh", "expiresIn"}
    caller = APIClient().get("/api/v1/me", headers={"Authorization": f"Bearer {answer.json()['access']}"})
    assert caller.json()["id"] == str(user.pk)
    user.refresh_from_db()
    assert user.last_login is not None


@pytest.mark.parametrize("spelling", ["alice", "Alice", "ALICE", "ａｌｉｃｅ"])
def test_a_name_may_be_spelt_in_any_case(spelling: str) -> None:
    UserFactory(username="alice")
    assert login(spelling).status_code == 200


def test_every_refusal_looks_the_same() -> None:
    UserFactory(username="alice")
    UserFactory(username="gone", status="inactive")
    UserFactory(username="robot", kind="service")
    answers = [
        login("alice", "wrong"),
        login("nobody"),
        login("gone"),
        login("robot"),
        login("a'; --"),
        login("x" * 150),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)


def test_a_name_that_does_not_exist_costs_as_many_hashes_as_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory(username="alice")
    UserFactory(username="nopassword")
    user = UserFactory(username="unusable")
    user.set_unusable_password()
    user.save()
    hasher, counted = type(hashers.get_hasher()), []
    original = hasher.encode

    def counting(self: object, *args: object, **kwargs: object) -> str:
        counted.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(hasher, "encode", counting)
    costs = []
    for name in ("alice", "nobody", "unusable"):
        counted.clear()
        login(name, "wrong")
        costs.append(len(counted))
    assert costs == [1, 1, 1]


def test_body_without_credentials_is_bad_input() -> None:
    for body in (
        {},
        {"username": "a"},
        {"username": "a", "password": ""},
        {"username": 1, "password": {}},
        {"username": "a", "password": "x" * 2_000},
        [1],
    ):
        answer = APIClient().post("/api/v1/auth/login", body, format="json")
        assert answer.status_code in (400, 422)


def test_after_some_failures_even_the_right_password_must_wait() -> None:
    UserFactory(username="alice")
    for _ in range(FREE):
        assert login("alice", "wrong").status_code == 401
    answer = login("alice")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1


def test_waiting_grows_and_waited_out_it_lets_the_right_password_in() -> None:
    UserFactory(username="alice")
    for _ in range(FREE):
        login("alice", "wrong")
    waits = []
    for _ in range(3):
        SignInCounter.objects.update(blocked_until=timezone.now())
        assert login("alice", "wrong").status_code == 401
        waits.append(int(login("alice").headers["Retry-After"]))
    assert waits == [2, 4, 8]
    SignInCounter.objects.update(blocked_until=timezone.now())
    assert login("alice").status_code == 200
    assert login("alice", "wrong").status_code == 401, "counting starts afresh"


def test_a_stranger_who_fails_in_my_name_does_not_lock_me_out() -> None:
    UserFactory(username="alice")
    for _ in range(FREE + 3):
        login("alice", "wrong", address="198.51.100.66")
    assert login("alice", address="198.51.100.66").status_code == 429
    assert login("alice", address="192.0.2.1").status_code == 200


def test_one_address_that_tries_many_names_is_slowed_down_whatever_it_owns(settings) -> None:
    UserFactory(username="mallory")
    limit = rules.SIGN_IN_BACK_OFF["address"].free
    for n in range(limit):
        assert login(f"name{n}", "wrong").status_code == 401
        if n % 10 == 0:
            assert login("mallory").status_code == 200, "its own successes do not wash the counter clean"
    assert login("mallory").status_code == 429
    assert login("mallory", address="192.0.2.9").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_guesses_made_in_parallel_do_not_slip_past_the_counter() -> None:
    UserFactory(username="alice")
    for _ in range(FREE + 6):
        with pytest.raises(services.SignInRefused):
            services.sign_in(username="alice", password="wrong", address="192.0.2.1")
        SignInCounter.objects.update(blocked_until=timezone.now())
    outcomes = at_once(25, lambda: services.sign_in(username="alice", password="wrong", address="192.0.2.1"))
    assert sum(isinstance(outcome, services.SignInRefused) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, services.SignInThrottled) for outcome in outcomes) == 24


def test_old_failures_are_forgotten() -> None:
    for _ in range(FREE):
        login("alice", "wrong")
    SignInCounter.objects.update(
        updated_at=timezone.now() - timedelta(seconds=rules.SIGN_IN_FORGET_SECONDS + 1), blocked_until=timezone.now()
    )
    for _ in range(FREE - 1):
        assert login("alice", "wrong").status_code == 401
    assert login("alice", "wrong").status_code == 401
    SignInCounter.objects.update(updated_at=timezone.now() - timedelta(hours=2))
    assert forget_old_attempts() == 3
    assert not SignInCounter.objects.exists()


def test_the_trail_shows_attempts_but_never_what_was_typed() -> None:
    user = UserFactory(username="alice")
    login("alice")
    login("alice", "wrong")
    login("my-secret-typed-into-the-wrong-field", "x")
    trail = list(AuditEntry.objects.filter(action__startswith="sign_in.").order_by("id"))
    assert [(entry.action, entry.resource_id) for entry in trail] == [
        ("sign_in.accepted", str(user.pk)),
        ("sign_in.refused", str(user.pk)),
        ("sign_in.refused", ""),
    ]
    assert trail[0].request_meta["address"] == "192.0.2.1"
    assert "my-secret" not in str([entry.__dict__ for entry in trail])


def test_djangos_own_authenticate_goes_the_same_way() -> None:
    user = UserFactory(username="alice")
    assert authenticate(username="alice", password=PASSWORD) == user
    for _ in range(FREE):
        assert authenticate(username="alice", password="wrong") is None
    assert authenticate(username="alice", password=PASSWORD) is None


def test_a_forwarded_address_counts_only_behind_a_proxy(rf, settings) -> None:
    from apps.auth.origin import client_address

    request = rf.get("/", headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}, REMOTE_ADDR="10.0.0.1")
    assert client_address(request) == "10.0.0.1"
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    assert client_address(request) == "192.0.2.7", "what stands further left was written by the client"
