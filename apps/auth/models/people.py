"""Users and the roles they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.auth import rules
from apps.auth.identifiers import uuid7

_USERNAME = re.compile(r"^[\w.@+-]{1,150}\Z")
ROLE_NAME = RegexValidator(r"^[a-z][a-z0-9_-]{0,254}\Z", "Lower-case letters, digits, _ and -, starting with a letter.")
USERNAME = RegexValidator(_USERNAME.pattern, "Letters, digits and @ . + - _ only.")


class RoleManager(models.Manager["Role"]):
    def held_by(self, user_id: UUID) -> list[tuple[str, list[str]]]:
        """``(name, permissions)`` of every role the user holds, inherited ones included, in one query.

        ``UNION`` (not ``UNION ALL``) ends the walk even if a cycle was written behind our back.
        """
        members, parents = User.roles.through._meta.db_table, Role.parent_roles.through._meta.db_table
        sql = f"""
            WITH RECURSIVE held (id) AS (
                SELECT role_id FROM {members} WHERE user_id = %s
                UNION
                SELECT p.to_role_id FROM {parents} p JOIN held h ON p.from_role_id = h.id
            )
            SELECT r.name, r.permissions FROM {Role._meta.db_table} r JOIN held USING (id) ORDER BY r.name
        """  # noqa: S608 (names of our own tables)
        with connection.cursor() as cursor:
            cursor.execute(sql, [user_id])
            return [(name, list(permissions)) for name, permissions in cursor.fetchall()]

    def held_by_active(self, names: Iterable[str]) -> set[str]:
        """Those of the roles that an active account holds, itself or through a role that inherits from them."""
        members, parents = User.roles.through._meta.db_table, Role.parent_roles.through._meta.db_table
        sql = f"""
            WITH RECURSIVE giving (name, id) AS (
                SELECT name, id FROM {Role._meta.db_table} WHERE name = ANY(%s)
                UNION
                SELECT g.name, p.from_role_id FROM {parents} p JOIN giving g ON p.to_role_id = g.id
            )
            SELECT DISTINCT g.name FROM giving g JOIN {members} m ON m.role_id = g.id
            JOIN {User._meta.db_table} u ON u.id = m.user_id WHERE u.status = %s
        """  # noqa: S608 (names of our own tables)
        with connection.cursor() as cursor:
            cursor.execute(sql, [list(names), User.Status.ACTIVE])
            return {name for (name,) in cursor.fetchall()}


class Role(models.Model):
    """A named set of permissions; inherits those of its parents."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=255, unique=True, validators=[ROLE_NAME])
    description = models.TextField(blank=True)
    permissions = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    parent_roles = models.ManyToManyField("self", symmetrical=False, related_name="child_roles", blank=True)
    is_system = models.BooleanField(default=False, help_text="Kept by the platform: neither edited nor deleted.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[RoleManager] = RoleManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalise_username(cls, username: str) -> str:
        """One spelling per name: compatibility forms folded, lower case, so that look-alikes cannot coexist."""
        return unicodedata.normalize("NFKC", username).lower()

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=self.normalise_username(username or ""))

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        """What ``manage.py createsuperuser`` calls: a person who holds the role ``admin``."""
        user = self.model(username=self.normalise_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        user.roles.add(Role.objects.get(name="admin"))
        return user


class User(AbstractBaseUser):
    """A principal: a person who signs in, or a service account.

    ``status`` alone decides whether the account may act; ``is_active`` is read from it. What the account may do
    comes from roles alone (see ``apps.auth.access``), Django's own permission tables play no part.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        INACTIVE = "inactive"
        LOCKED = "locked"
        SUSPENDED = "suspended"

    class Kind(models.TextChoices):
        PERSON = "person"
        SERVICE = "service"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=150, unique=True, validators=[USERNAME])
    email = models.EmailField(blank=True)
    full_name = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.PERSON)
    mfa_enabled = models.BooleanField(default=False)
    profile = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    roles = models.ManyToManyField(Role, related_name="users", blank=True)
    groups = models.ManyToManyField(
        Group, related_name="user_set", related_query_name="user", blank=True, help_text="Teams: candidateGroups."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["username"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="user_username_is_lower_case", condition=Q(username=Lower(F("username")))),
            models.UniqueConstraint(Lower("email"), name="user_email_unique", condition=~Q(email="")),
            models.CheckConstraint(
                name="user_status_known", condition=Q(status__in=["active", "inactive", "locked", "suspended"])
            ),
            models.CheckConstraint(name="user_kind_known", condition=Q(kind__in=["person", "service"])),
        ]

    def __str__(self) -> str:
        return self.username

    @classmethod
    def could_be_name(cls, username: str) -> bool:
        """Whether any account could have that name; NUL and the like never reach the database."""
        return _USERNAME.match(username) is not None

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return UserManager.normalise_username(username)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.status == self.Status.ACTIVE

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0] if self.full_name else self.username

    @cached_property
    def _held_roles(self) -> list[tuple[str, list[str]]]:
        return Role.objects.held_by(self.pk)

    @cached_property
    def role_names(self) -> frozenset[str]:
        """Names of all roles held, inherited ones included."""
        return frozenset(name for name, _ in self._held_roles)

    @cached_property
    def group_names(self) -> frozenset[str]:
        """Names of the teams the user belongs to."""
        return frozenset(self.groups.values_list("name", flat=True))

    @cached_property
    def grants(self) -> rules.Grants:
        """The permissions of all roles held, compiled for matching."""
        return rules.grants_of(tuple(permission for _, permissions in self._held_roles for permission in permissions))

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self.forget_grants()

    def forget_grants(self) -> None:
        """Drop what this object cached about its roles and teams, after they changed."""
        for name in ("_held_roles", "role_names", "group_names", "grants"):
            self.__dict__.pop(name, None)

    # What Django's admin site and guards ask. Model permissions are not used: holders of `*` have them all.
    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.grants.unrestricted

    @property
    def is_staff(self) -> bool:
        """May open Django's admin site; each page there asks again."""
        return self.is_active and any(self.grants.scopes(p) for p in ("manage:user", "view:audit", "view:operations"))

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return self.is_superuser

    def has_perms(self, perm_list: Iterable[str], obj: object | None = None) -> bool:
        return self.is_superuser

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_superuser
