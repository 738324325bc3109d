"""The catalogue, and roles that customers define."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from apps.auth import services
from apps.auth.catalogue import ROLES
from apps.auth.models import AuditEntry, Role
from apps.auth.tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_the_roles_of_the_catalogue_exist_after_migrate() -> None:
    for name, spec in ROLES.items():
        role = Role.objects.get(name=name)
        assert role.is_system
        assert role.permissions == list(spec.permissions)
        assert {parent.name for parent in role.parent_roles.all()} == set(spec.parents)


def test_installing_again_restores_what_drifted_and_keeps_ids() -> None:
    before = dict(Role.objects.values_list("name", "id"))
    guest = Role.objects.get(name="guest")
    guest.permissions = ["*"]
    guest.save()
    guest.parent_roles.add(Role.objects.get(name="admin"))
    services.install_roles()
    guest.refresh_from_db()
    assert guest.permissions == ["view:schema"]
    assert not guest.parent_roles.exists()
    assert dict(Role.objects.values_list("name", "id")) == before


def test_a_role_of_ones_own_is_saved_replaced_and_audited() -> None:
    services.save_role(actor=None, name="auditor", permissions=["view:audit", "view:audit"], parents=["readonly"])
    role = services.save_role(actor=None, name="auditor", permissions=["view:audit", "view:event"], parents=["user"])
    assert role.permissions == ["view:audit", "view:event"]
    assert [parent.name for parent in role.parent_roles.all()] == ["user"]
    assert AuditEntry.objects.filter(action="role.saved", resource_id="auditor").count() == 2


@pytest.mark.parametrize(
    ("name", "permissions", "parents", "said"),
    [
        ("admin", [], [], "belongs to the platform"),
        ("Bad Name", [], [], "Lower-case"),
        ("mine", ["view"], [], "is not a permission"),
        ("mine", [], ["nowhere"], "unknown role: nowhere"),
        ("mine", [], ["mine"], "circle: mine → mine"),
    ],
)
def test_a_faulty_role_is_refused_with_the_reason(
    name: str, permissions: list[str], parents: list[str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        services.save_role(actor=None, name=name, permissions=permissions, parents=parents)


def test_inheritance_cannot_be_closed_into_a_circle() -> None:
    services.save_role(actor=None, name="a", permissions=[])
    services.save_role(actor=None, name="b", permissions=[], parents=["a"])
    services.save_role(actor=None, name="c", permissions=[], parents=["b"])
    with pytest.raises(ValidationError, match="circle"):
        services.save_role(actor=None, name="a", permissions=[], parents=["c"])
    assert not Role.objects.get(name="a").parent_roles.exists()


@pytest.mark.django_db(transaction=True)
def test_two_people_cannot_close_a_circle_together() -> None:
    services.save_role(actor=None, name="a", permissions=[])
    services.save_role(actor=None, name="b", permissions=[])
    pairs = iter([("a", "b"), ("b", "a")])

    def link() -> Role:
        child, parent = next(pairs)
        return services.save_role(actor=None, name=child, permissions=[], parents=[parent])

    outcomes = at_once(2, link)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Role", "ValidationError"]
