"""The permission check, with real roles."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from apps.auth import access
from apps.auth.models import Role, User
from apps.auth.tests.factories import Cast, RoleFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_someone_without_roles_may_do_nothing(cast: Cast) -> None:
    for permission in ("view:workflow", "start:workflow", "view:instance", "view:task", "manage:user", "view:schema"):
        assert not access.allowed(cast.charlie, permission, owner_id=cast.charlie.pk, assigned=True)
        assert access.permitted_scopes(cast.charlie, permission) == frozenset()


def test_the_admin_may_do_everything(cast: Cast) -> None:
    assert access.allowed(cast.admin, "manage:user")
    assert access.permitted_scopes(cast.admin, "invented:thing") == {"all"}


def test_alice_designs_and_operates_but_manages_no_users(cast: Cast) -> None:
    for permission in (
        "design:workflow",
        "publish:workflow",
        "start:workflow",
        "steer:instance",
        "manage:task",
        "view:operations",
    ):
        assert access.allowed(cast.alice, permission), permission
    assert not access.allowed(cast.alice, "manage:user")
    assert not access.allowed(cast.alice, "view:audit")


def test_bob_works_on_tasks_given_to_him_only(cast: Cast) -> None:
    assert access.allowed(cast.bob, "work:task", assigned=True)
    assert not access.allowed(cast.bob, "work:task")
    assert not access.allowed(cast.bob, "manage:task", assigned=True)
    assert access.permitted_scopes(cast.bob, "view:instance") == {"own", "assigned"}
    assert cast.bob.group_names == {"managers"}


def test_own_means_owned_by_the_actor() -> None:
    user = UserFactory(permissions=["view:instance:own"])
    assert access.allowed(user, "view:instance", owner_id=user.pk)
    assert not access.allowed(user, "view:instance", owner_id=uuid4())
    assert not access.allowed(user, "view:instance", owner_id=None)
    assert not access.allowed(user, "view:instance")


def test_permissions_are_inherited_through_any_number_of_roles() -> None:
    top = RoleFactory(name="top", permissions=["view:audit"])
    middle = RoleFactory(name="middle", permissions=["view:task"], parents=[top])
    bottom = RoleFactory(name="bottom", parents=[middle])
    user = UserFactory(roles=[bottom])
    assert user.role_names == {"bottom", "middle", "top"}
    assert access.allowed(user, "view:audit")
    assert not access.allowed(UserFactory(roles=[top]), "view:task"), "a parent inherits nothing from its children"


def test_a_circle_written_past_the_services_neither_hangs_nor_grants_more() -> None:
    one, two = RoleFactory(permissions=["view:task"]), RoleFactory(permissions=["view:event"])
    one.parent_roles.add(two)
    two.parent_roles.add(one)
    user = UserFactory(roles=[one])
    assert access.allowed(user, "view:event")
    assert not access.allowed(user, "view:instance")


@pytest.mark.parametrize("status", ["inactive", "locked", "suspended"])
def test_an_account_that_is_not_active_may_do_nothing(status: str) -> None:
    user = UserFactory(roles=["admin"], status=status)
    assert not access.allowed(user, "view:task")
    assert not user.is_staff
    assert not user.has_perm("accounts.view_user")


def test_an_anonymous_visitor_may_do_nothing() -> None:
    assert not access.allowed(AnonymousUser(), "view:schema")
    with pytest.raises(access.AccessDenied):
        access.require(AnonymousUser(), "view:schema")


def test_a_refusal_names_the_missing_permission_and_is_djangos_own_kind(cast: Cast) -> None:
    with pytest.raises(PermissionDenied, match="manage:user") as refusal:
        access.require(cast.bob, "manage:user")
    assert isinstance(refusal.value, access.AccessDenied)
    assert refusal.value.permission == "manage:user"


def test_the_first_question_costs_one_query_and_all_others_none(cast: Cast, django_assert_num_queries) -> None:
    actor = User.objects.get(pk=cast.alice.pk)
    with django_assert_num_queries(1):
        access.allowed(actor, "view:task")
    with django_assert_num_queries(0):
        for permission in ("view:task", "manage:user", "start:workflow"):
            access.allowed(actor, permission, owner_id=actor.pk)
            access.permitted_scopes(actor, permission)
        assert "workflow_designer" in actor.role_names


def test_changed_roles_show_after_a_refresh(cast: Cast) -> None:
    assert not access.allowed(cast.charlie, "view:audit")
    cast.charlie.roles.add(Role.objects.get(name="user_manager"))
    cast.charlie.refresh_from_db()
    assert access.allowed(cast.charlie, "view:audit")
