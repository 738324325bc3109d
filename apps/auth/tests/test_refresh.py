"""Refresh tokens: each once, and what happens on the second time."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from apps.auth import services
from apps.auth.models import AuditEntry, RefreshFamily, RefreshToken, SigningKey
from apps.auth.services.housekeeping import clear_away
from apps.auth.tests.factories import UserFactory
from apps.auth.tests.threads import at_once

pytestmark = pytest.mark.django_db


def exchange(token: str) -> Response:
    return APIClient().post("/api/v1/auth/refresh", {"refresh": token}, format="json")


def me(access: str) -> int:
    return APIClient().get("/api/v1/me", headers={"Authorization": f"Bearer {access}"}).status_code


def test_an_exchange_gives_a_new_pair_of_the_same_sign_in() -> None:
    first = services.open_session(user=UserFactory())
    answer = exchange(first.refresh)
    assert answer.status_code == 200
    assert answer.json().keys() == {"access", "refresh", "expiresIn"}
    assert answer.json()["expiresIn"] == 300
    assert me(answer.json()["access"]) == me(first.access) == 200
    assert RefreshFamily.objects.count() == 1


def test_using_a_token_twice_ends_the_whole_sign_in_at_once() -> None:
    first = services.open_session(user=UserFactory())
    second = exchange(first.refresh).json()
    assert exchange(first.refresh).status_code == 401
    assert exchange(second["refresh"]).status_code == 401, "the newest token is dead too"
    assert me(second["access"]) == 401, "and so is every access token of the family"
    family = RefreshFamily.objects.get()
    assert family.revoked_reason == "token reused"
    assert AuditEntry.objects.filter(action="session.token_reused", resource_id=str(family.user_id)).count() == 1


def test_another_sign_in_of_the_same_person_is_not_touched() -> None:
    user = UserFactory()
    stolen, other = services.open_session(user=user), services.open_session(user=user)
    exchange(stolen.refresh)
    exchange(stolen.refresh)
    assert me(other.access) == 200
    assert exchange(other.refresh).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_fifty_exchanges_at_the_same_time_one_succeeds() -> None:
    token = services.open_session(user=UserFactory()).refresh
    outcomes = at_once(50, lambda: services.refresh(token=token))
    assert sum(isinstance(outcome, services.TokenPair) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, services.RefreshRefused) for outcome in outcomes) == 49
    assert RefreshToken.objects.count() == 2
    assert RefreshFamily.objects.get().revoked_reason == "token reused"
    assert AuditEntry.objects.filter(action="session.token_reused").count() == 1


def test_no_exchange_moves_the_absolute_end() -> None:
    pair = services.open_session(user=UserFactory())
    family = RefreshFamily.objects.get()
    family.expires_at = timezone.now() + timedelta(minutes=30)
    family.save()
    renewed = exchange(pair.refresh).json()["refresh"]
    assert jwt.decode(renewed, options={"verify_signature": False})["exp"] == int(family.expires_at.timestamp())
    family.expires_at = timezone.now() - timedelta(seconds=1)
    family.save()
    assert exchange(renewed).status_code == 401


@pytest.mark.parametrize("status", ["inactive", "locked", "suspended"])
def test_an_account_switched_off_is_cut_off_at_once(status: str) -> None:
    user = UserFactory()
    pair = services.open_session(user=user)
    services.set_status(actor=None, user=user, status=status)
    assert me(pair.access) == 401
    assert exchange(pair.refresh).status_code == 401
    services.set_status(actor=None, user=user, status="active")
    assert exchange(pair.refresh).status_code == 401, "switching it on again does not revive old sign-ins"


def test_an_account_switched_off_behind_our_back_is_cut_off_too() -> None:
    user = UserFactory()
    pair = services.open_session(user=user)
    type(user).objects.filter(pk=user.pk).update(status="suspended")
    assert me(pair.access) == 401
    assert exchange(pair.refresh).status_code == 401


def test_a_new_password_ends_every_sign_in() -> None:
    user = UserFactory()
    pair = services.open_session(user=user)
    services.set_password(actor=user, user=user, password="a long enough phrase")
    assert me(pair.access) == 401
    assert exchange(pair.refresh).status_code == 401


def test_signing_out_ends_access_at_once_and_may_be_repeated() -> None:
    pair = services.open_session(user=UserFactory())
    for token in (pair.refresh, pair.refresh, "nonsense"):
        assert APIClient().post("/api/v1/auth/logout", {"refresh": token}, format="json").status_code == 204
    assert me(pair.access) == 401
    assert exchange(pair.refresh).status_code == 401


def test_a_body_without_a_token_is_bad_input() -> None:
    for body in ({}, {"refresh": ""}, {"refresh": None}, {"refresh": ["x"]}, {"refresh": "x" * 5_000}, []):
        assert APIClient().post("/api/v1/auth/refresh", body, format="json").status_code in (400, 422)


def test_what_is_long_over_is_cleared_away_and_the_rest_stays() -> None:
    services.open_session(user=UserFactory())
    over = RefreshFamily.objects.get()
    over.expires_at = timezone.now() - timedelta(days=2)
    over.save()
    services.rotate_signing_key(actor=None)
    SigningKey.objects.filter(status="retired").update(retired_at=timezone.now() - timedelta(days=20))
    live = services.open_session(user=UserFactory())
    assert clear_away() == {"sessions": 2, "keys": 1, "attempts": 0, "secrets": 0}  # a family and its token
    assert me(live.access) == 200
    assert RefreshFamily.objects.count() == 1
