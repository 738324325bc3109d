"""Roles: those of the platform, and those a customer defines."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.auth import rules
from apps.auth.catalogue import ROLES
from apps.auth.models import Role, User
from apps.auth.services.audit import record_audit

# Two people who each add one edge could close a cycle that neither sees; all changes of roles take turns.
_ROLES_LOCK = 4_071_001


@transaction.atomic
def install_roles() -> None:
    """Create the roles of the catalogue and bring existing ones to its wording. Idempotent; runs after each migrate."""
    _take_turns()
    Role.objects.bulk_create(
        [
            Role(name=name, description=spec.description, permissions=list(spec.permissions), is_system=True)
            for name, spec in ROLES.items()
        ],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["description", "permissions", "is_system"],
    )
    roles = {role.name: role for role in Role.objects.filter(name__in=ROLES)}
    for name, spec in ROLES.items():
        if spec.parents or roles[name].parent_roles.exists():
            roles[name].parent_roles.set([roles[parent] for parent in spec.parents])


@transaction.atomic
def save_role(
    *, actor: User | None, name: str, permissions: Iterable[str], parents: Iterable[str] = (), description: str = ""
) -> Role:
    """Create or replace a role of the customer's own.

    Raises ValidationError for a system role, a malformed name or permission, an unknown parent, or inheritance
    that would run in a circle.
    """
    _take_turns()
    role = Role.objects.filter(name=name).first() or Role(name=name)
    if role.is_system:
        raise ValidationError({"name": f"{name} belongs to the platform and cannot be changed."})
    role.permissions, role.description = sorted(set(permissions)), description
    for permission in role.permissions:
        try:
            rules.parse_permission(permission)
        except ValueError as error:
            raise ValidationError({"permissions": str(error)}) from error
    role.full_clean(validate_unique=False)
    found = {parent.name: parent for parent in Role.objects.filter(name__in=set(parents))}
    if unknown := sorted(set(parents) - {*found, name}):
        raise ValidationError({"parentRoles": f"unknown role: {', '.join(unknown)}"})
    inheritance = _inheritance() | {name: sorted(set(parents))}
    if cycle := rules.find_cycle(inheritance):
        raise ValidationError({"parentRoles": f"inheritance runs in a circle: {' → '.join(cycle)}"})
    role.save()
    role.parent_roles.set(found.values())
    record_audit(
        actor=actor,
        action="role.saved",
        resource="role",
        resource_id=name,
        details={"permissions": role.permissions, "parentRoles": inheritance[name]},
    )
    return role


def _inheritance() -> dict[str, list[str]]:
    parents: dict[str, list[str]] = {}
    for name, parent in Role.objects.values_list("name", "parent_roles__name"):
        parents.setdefault(name, []).extend([parent] if parent else [])
    return parents


def _take_turns() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ROLES_LOCK])
