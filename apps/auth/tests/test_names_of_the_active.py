"""Which names lead to an active account: for definitions that name people, teams and roles."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.models import User
from apps.auth.selectors import names_of_active
from apps.auth.tests.factories import GroupFactory, RoleFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_people_teams_and_roles_with_an_active_member_are_found() -> None:
    RoleFactory(name="buyer")
    RoleFactory(name="empty_role")
    GroupFactory(name="Empty team")
    ada = UserFactory(username="ada", roles=["buyer"], groups=["Purchasing"])
    names = {"ada", str(ada.pk), "buyer", "Purchasing", "empty_role", "Empty team", "nobody", "\x00"}
    assert names_of_active(names) == {"ada", str(ada.pk), "buyer", "Purchasing"}


def test_a_role_counts_when_somebody_holds_one_that_inherits_from_it() -> None:
    base = RoleFactory(name="base")
    middle = RoleFactory(name="middle", parents=[base])
    UserFactory(roles=[RoleFactory(name="top", parents=[middle])])
    assert names_of_active({"base", "middle", "top"}) == {"base", "middle", "top"}


def test_who_is_not_active_counts_for_nothing() -> None:
    RoleFactory(name="left")
    gone = UserFactory(username="gone", roles=["left"], groups=["Leavers"], status=User.Status.INACTIVE)
    assert names_of_active({"gone", str(gone.pk), "left", "Leavers"}) == set()


def test_names_are_found_in_any_spelling() -> None:
    UserFactory(username="ada")
    assert names_of_active({"ADA"}) == {"ADA"}


def test_many_names_cost_no_more_than_one(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        names_of_active({f"name{number}" for number in range(200)})


def test_no_names_ask_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert names_of_active(set()) == set()
