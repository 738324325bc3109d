"""The one permission check of the platform: pages, API, sockets, jobs and tools all ask here.

Deny by default. The first question about an actor object reads its roles (one query), all later ones are answered
from memory in microseconds; ``User.forget_grants`` or a fresh object sees changed roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import PermissionDenied

from apps.auth import rules

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.auth.models import User

    Actor = User | AnonymousUser


class AccessDenied(PermissionDenied):
    """The actor lacks a permission. ``permission`` names it."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"This needs the permission {permission}.")
        self.permission = permission


def permitted_scopes(actor: Actor, permission: str) -> frozenset[rules.Scope]:
    """Where the actor may exercise ``action:resource``: subset of all, own, assigned; empty means nowhere.

    For lists: ``all`` needs no filter; else filter by ownership and assignment as the scopes say.
    Raises ValueError when ``permission`` is not a plain ``action:resource``.
    """
    if not actor.is_active:  # anonymous actors included
        return frozenset()
    return actor.grants.scopes(permission)


def allowed(actor: Actor, permission: str, *, owner_id: UUID | None = None, assigned: bool = False) -> bool:
    """Whether the actor may do ``action:resource`` to an object owned by ``owner_id`` and (not) assigned to them.

    Leave both keywords away for acts that concern no single object; then only an unscoped permission counts.
    """
    scopes = permitted_scopes(actor, permission)
    return rules.covers(scopes, owned=owner_id is not None and owner_id == actor.pk, assigned=assigned)


def require(actor: Actor, permission: str, *, owner_id: UUID | None = None, assigned: bool = False) -> None:
    """Raise AccessDenied unless ``allowed``."""
    if not allowed(actor, permission, owner_id=owner_id, assigned=assigned):
        raise AccessDenied(permission)
