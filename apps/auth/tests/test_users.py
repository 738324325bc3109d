"""Accounts: made, changed, switched off."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from apps.auth import access, services
from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


def test_an_account_is_made_with_its_roles_and_teams_and_audited() -> None:
    boss = UserFactory(roles=["user_manager"])
    user = services.create_user(
        actor=boss, username="Dana", password=GOOD, full_name="Dana Doe", roles=["manager"], groups=["night shift"]
    )
    assert user.username == "dana"
    assert user.check_password(GOOD)
    assert user.role_names == {"manager", "user"}
    assert user.group_names == {"night shift"}
    assert list(AuditEntry.objects.filter(actor=boss).order_by("id").values_list("action", flat=True)) == [
        "user.created",
        "user.roles_assigned",
        "user.groups_assigned",
    ]


def test_without_a_password_nobody_can_sign_in_with_one() -> None:
    user = services.create_user(actor=None, username="robot", kind="service")
    assert not user.has_usable_password()
    assert not user.check_password("")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "taken"}, "already exists"),
        ({"username": "TAKEN"}, "already exists"),
        ({"username": "with space"}, "Letters, digits"),
        ({"username": ""}, "cannot be blank"),
        ({"username": "x" * 151}, "at most 150"),
        ({"username": "new", "email": "no address"}, "valid email"),
        ({"username": "new", "email": "Taken@example.org"}, "user_email_unique"),
        ({"username": "new", "password": "short"}, "too short"),
        ({"username": "new", "kind": "alien"}, "not a valid choice"),
        ({"username": "new", "roles": ["nobody"]}, "unknown role: nobody"),
    ],
)
def test_a_faulty_account_is_refused_whole(fields: dict[str, object], said: str) -> None:
    UserFactory(username="taken")
    with pytest.raises(ValidationError, match=said):
        services.create_user(actor=None, **fields)  # type: ignore[arg-type]
    assert User.objects.count() == 1


def test_two_accounts_may_both_have_no_address() -> None:
    services.create_user(actor=None, username="one")
    services.create_user(actor=None, username="two")


@pytest.mark.parametrize("fields", [{"username": "Upper"}, {"status": "odd"}, {"kind": "odd"}])
def test_the_database_itself_holds_the_rules(fields: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(**({"username": "new"} | fields))


def test_roles_assigned_replace_those_before_and_count_at_once() -> None:
    user = UserFactory(roles=["admin"])
    assert access.allowed(user, "manage:user")
    services.assign_roles(actor=None, user=user, roles=["guest"])
    assert not access.allowed(user, "manage:user")
    assert AuditEntry.objects.latest("id").details == {"from": ["admin"], "to": ["guest"]}


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValidationError, match="one of active"):
        services.set_status(actor=None, user=UserFactory(), status="on holiday")


def test_a_weak_new_password_changes_nothing() -> None:
    user = UserFactory()
    with pytest.raises(ValidationError):
        services.set_password(actor=user, user=user, password="password1234")
    user.refresh_from_db()
    assert user.check_password("augmented")


def test_djangos_createsuperuser_makes_an_admin() -> None:
    call_command("createsuperuser", "--noinput", username="Root")
    root = User.objects.get(username="root")
    assert root.is_superuser
    assert root.is_staff
