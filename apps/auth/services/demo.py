"""The demo cast: four people for trying the platform out, in development mode only."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from apps.auth.models import User
from apps.auth.services.users import assign_groups, assign_roles

DEMO_PASSWORD = "augmented"  # noqa: S105 (published on purpose, for development)


class DemoPerson(NamedTuple):
    """One of the cast."""

    username: str
    full_name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


DEMO_CAST = (
    DemoPerson("admin", "Ada Admin", ("admin",)),
    DemoPerson("alice", "Alice Archer", ("workflow_designer", "workflow_operator")),
    DemoPerson("bob", "Bob Baker", ("manager",), ("managers",)),
    DemoPerson("charlie", "Charlie Cole"),
)


class DemoCastRefused(Exception):
    """Accounts with a published password may exist in development mode only."""


@transaction.atomic
def create_demo_cast() -> list[User]:
    """Create the people who are missing; leave alone those who exist, whatever became of them. Idempotent.

    Raises DemoCastRefused outside development (and test) mode.
    """
    if settings.AUGMENTED_MODE not in ("development", "test"):
        raise DemoCastRefused(f"The demo cast has a published password; this is {settings.AUGMENTED_MODE} mode.")
    cast = []
    for person in DEMO_CAST:
        user, created = User.objects.get_or_create(
            username=person.username,
            defaults={"full_name": person.full_name, "email": f"{person.username}@example.org"},
        )
        if created:
            # Shorter than the password rules allow, on purpose: hence not through set_password of this package.
            user.set_password(DEMO_PASSWORD)
            user.save(update_fields=["password"])
            assign_roles(actor=None, user=user, roles=person.roles)
            assign_groups(actor=None, user=user, groups=person.groups)
        cast.append(user)
    return cast
