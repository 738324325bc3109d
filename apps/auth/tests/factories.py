"""Factories for accounts, roles and teams, and the cast that tests of every app share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import factory
from django.contrib.auth.models import Group

from apps.auth.models import Role, User

PASSWORD = "augmented"


class RoleFactory(factory.django.DjangoModelFactory[Role]):
    """A role of the customer's own. ``parents`` takes Role objects."""

    class Meta:
        model = Role
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"role_{n}")
    permissions: Any = factory.LazyFunction(list)

    @factory.post_generation
    def parents(self: Role, create: bool, extracted: Iterable[Role] | None, **_: Any) -> None:
        if create and extracted:
            self.parent_roles.set(extracted)


class GroupFactory(factory.django.DjangoModelFactory[Group]):
    """A team."""

    class Meta:
        model = Group
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"team {n}")


class UserFactory(factory.django.DjangoModelFactory[User]):
    """An active person with the password ``augmented``.

    ``roles`` takes role names or Role objects, ``groups`` team names; ``permissions`` makes a role of the user's own.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    full_name = factory.LazyAttribute(lambda user: user.username.title())
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")

    @factory.post_generation
    def password(self: User, create: bool, extracted: str | None, **_: Any) -> None:
        self.set_password(extracted or PASSWORD)
        if create:
            self.save(update_fields=["password"])

    @factory.post_generation
    def roles(self: User, create: bool, extracted: Iterable[str | Role] | None, **_: Any) -> None:
        for role in extracted or ():
            self.roles.add(Role.objects.get(name=role) if isinstance(role, str) else role)

    @factory.post_generation
    def groups(self: User, create: bool, extracted: Iterable[str] | None, **_: Any) -> None:
        for name in extracted or ():
            self.groups.add(GroupFactory(name=name))

    @factory.post_generation
    def permissions(self: User, create: bool, extracted: Iterable[str] | None, **_: Any) -> None:
        if extracted is not None:
            self.roles.add(RoleFactory(permissions=list(extracted)))


@dataclass(frozen=True, slots=True)
class Cast:
    """Alice designs and operates, Bob is a manager in the team `managers`, Charlie has no rights, Admin has all."""

    admin: User
    alice: User
    bob: User
    charlie: User


def make_cast() -> Cast:
    """Create the four. The same people as ``manage.py create_demo_cast`` makes for a developer."""
    return Cast(
        admin=UserFactory(username="admin", roles=["admin"]),
        alice=UserFactory(username="alice", roles=["workflow_designer", "workflow_operator"]),
        bob=UserFactory(username="bob", roles=["manager"], groups=["managers"]),
        charlie=UserFactory(username="charlie"),
    )
