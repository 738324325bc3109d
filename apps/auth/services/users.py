"""Accounts: created, given passwords, roles and teams, switched on and off. Who may do so is the caller's question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.auth.models import Role, User
from apps.auth.services.audit import record_audit
from apps.auth.services.sessions import end_all_sessions


@transaction.atomic
def create_user(
    *,
    actor: User | None,
    username: str,
    password: str | None = None,
    email: str = "",
    full_name: str = "",
    kind: str = User.Kind.PERSON,
    roles: Iterable[str] = (),
    groups: Iterable[str] = (),
    profile: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> User:
    """Create an account. Without a password nobody can sign in with one.

    ``roles`` and ``groups`` are names; teams that do not exist are made. Raises ValidationError for a name that is
    taken or malformed, a weak password, an unknown role.
    """
    user = User(
        username=User.normalize_username(username),
        email=email,
        full_name=full_name,
        kind=kind,
        profile=profile or {},
        metadata=metadata or {},
    )
    if password is not None:
        validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    record_audit(actor=actor, action="user.created", resource="user", resource_id=str(user.pk))
    if roles := list(roles):
        assign_roles(actor=actor, user=user, roles=roles)
    if groups := list(groups):
        assign_groups(actor=actor, user=user, groups=groups)
    return user


@transaction.atomic
def set_password(*, actor: User | None, user: User, password: str) -> None:
    """Give a new password; every sign-in made with the old one ends, in browsers too. Raises ValidationError if weak."""
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password", "updated_at"])
    ended = end_all_sessions(user=user, reason="password changed")
    record_audit(
        actor=actor,
        action="user.password_set",
        resource="user",
        resource_id=str(user.pk),
        details={"endedSessions": ended},
    )


@transaction.atomic
def set_status(*, actor: User | None, user: User, status: str) -> None:
    """Switch an account on or off. One that may not act any more is cut off with its next request.

    Raises ValidationError for an unknown status.
    """
    if status not in User.Status.values:
        raise ValidationError({"status": f"one of {', '.join(User.Status.values)}"})
    before = User.objects.select_for_update().get(pk=user.pk).status
    user.status = status
    user.save(update_fields=["status", "updated_at"])
    if not user.is_active:
        end_all_sessions(user=user, reason=f"account {status}")
    record_audit(
        actor=actor,
        action="user.status_set",
        resource="user",
        resource_id=str(user.pk),
        details={"from": before, "to": status},
    )


@transaction.atomic
def assign_roles(*, actor: User | None, user: User, roles: Iterable[str]) -> None:
    """Make these the roles the user holds directly. Raises ValidationError when one does not exist."""
    wanted = set(roles)
    found = list(Role.objects.filter(name__in=wanted))
    if unknown := sorted(wanted - {role.name for role in found}):
        raise ValidationError({"roles": f"unknown role: {', '.join(unknown)}"})
    before = sorted(user.roles.values_list("name", flat=True))
    user.roles.set(found)
    user.forget_grants()
    record_audit(
        actor=actor,
        action="user.roles_assigned",
        resource="user",
        resource_id=str(user.pk),
        details={"from": before, "to": sorted(wanted)},
    )


@transaction.atomic
def assign_groups(*, actor: User | None, user: User, groups: Iterable[str]) -> None:
    """Make these the teams the user belongs to; teams that do not exist are made."""
    wanted = sorted(set(groups))
    Group.objects.bulk_create([Group(name=name) for name in wanted], ignore_conflicts=True)
    user.groups.set(Group.objects.filter(name__in=wanted))
    user.forget_grants()
    record_audit(
        actor=actor,
        action="user.groups_assigned",
        resource="user",
        resource_id=str(user.pk),
        details={"to": wanted},
    )
