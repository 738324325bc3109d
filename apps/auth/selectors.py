"""What is read about accounts, teams, roles and keys."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.auth import jwk
from apps.auth.models import AuditEntry, RefreshFamily, Role, Secret, SigningKey, User

# A key's id is the digest of the key, so a remembered key is never wrong, only perhaps deleted since: hence a minute.
_KEY_MEMORY_SECONDS = 60.0
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 thumbprint
_known_keys: dict[str, tuple[float, Ed25519PublicKey]] = {}


def verifying_key(kid: str) -> Ed25519PublicKey | None:
    """The public key with that id, active or retired; None if there is none (any more)."""
    now = time.monotonic()
    known = _known_keys.get(kid)
    if known is not None and known[0] > now:
        return known[1]
    row = None
    if _KEY_ID.fullmatch(kid):
        row = SigningKey.objects.filter(kid=kid).values_list("public_key", flat=True).first()
    if row is None:
        _known_keys.pop(kid, None)
        return None
    key = Ed25519PublicKey.from_public_bytes(bytes(row))
    _known_keys[kid] = (now + _KEY_MEMORY_SECONDS, key)
    return key


def published_keys() -> list[dict[str, str]]:
    """The JWKS entries: the active key and the retired ones whose tokens may still be out."""
    return [jwk.document(kid, bytes(public)) for kid, public in SigningKey.objects.values_list("kid", "public_key")]


_USER_OF_FAMILY = f"""
SELECT u.* FROM {User._meta.db_table} u JOIN {RefreshFamily._meta.db_table} f ON f.user_id = u.id
WHERE u.id = %s AND u.status = %s AND f.id = %s AND f.revoked_at IS NULL AND f.expires_at > %s
"""  # noqa: S608  names of our own tables


def user_of_family(*, user_id: UUID, family_id: UUID) -> User | None:
    """The account, if it is active and that sign-in of it is neither revoked nor over. One query, written out: every call asks it."""
    found = User.objects.raw(_USER_OF_FAMILY, [user_id, User.Status.ACTIVE, family_id, timezone.now()])
    return next(iter(found), None)


def active_user(user_id: object) -> User | None:
    """The account with that id if it may act. Anything that is no id finds nobody."""
    try:
        pk = user_id if isinstance(user_id, UUID) else UUID(str(user_id))
    except ValueError:
        return None
    return User.objects.filter(pk=pk, status=User.Status.ACTIVE).first()


def user_by_name(username: str) -> User | None:
    """The account with that sign-in name in any spelling of it. What cannot be a name (NUL and the like) finds nobody."""
    if not User.could_be_name(username):
        return None
    return User.objects.filter(username=User.normalize_username(username)).first()


def users(*, search: str = "", status: str = "", role: str = "", group: str = "") -> QuerySet[User]:
    """Accounts by name; ``search`` looks into user name, full name and address."""
    found = User.objects.prefetch_related("roles", "groups").order_by("username")
    if search:
        found = found.filter(
            Q(username__icontains=search) | Q(full_name__icontains=search) | Q(email__icontains=search)
        )
    if status:
        found = found.filter(status=status)
    if role:
        found = found.filter(roles__name=role)
    if group:
        found = found.filter(groups__name=group)
    return found


def assignable_users(*, search: str = "", group: str = "") -> QuerySet[User]:
    """Active persons to hand work to. Addresses are not searched: who may assign need not learn them."""
    found = User.objects.filter(status=User.Status.ACTIVE, kind=User.Kind.PERSON).order_by("username")
    if search:
        found = found.filter(Q(username__icontains=search) | Q(full_name__icontains=search))
    if group:
        found = found.filter(groups__name=group)
    return found


def names_of_active(names: Collection[str]) -> set[str]:
    """Those of the names behind which an active account stands: its own name or id, a team or a role that it has."""
    wanted = {name for name in names if "\x00" not in name}
    if not wanted:
        return set()
    active = User.objects.filter(status=User.Status.ACTIVE)
    usernames = {User.normalize_username(name): name for name in wanted if User.could_be_name(name)}
    found = {usernames[each] for each in active.filter(username__in=usernames).values_list("username", flat=True)}
    ids = {str(parsed): name for name in wanted if (parsed := _uuid(name)) is not None}
    if ids:
        found |= {ids[str(pk)] for pk in active.filter(pk__in=list(ids)).values_list("pk", flat=True)}
    found |= set(active.filter(groups__name__in=wanted).values_list("groups__name", flat=True)) & wanted
    return found | Role.objects.held_by_active(wanted)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def roles() -> QuerySet[Role]:
    """All roles with their parents."""
    return Role.objects.prefetch_related("parent_roles").order_by("name")


def secrets(*, search: str = "") -> QuerySet[Secret]:
    """Secrets by name, with what used each; their values are not for reading."""
    found = Secret.objects.defer("sealed_value", "previous_value").prefetch_related("uses").order_by("name")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return found


def secret(name: str) -> Secret | None:
    """One of them."""
    return secrets().filter(name=name).first() if "\x00" not in name else None


def audit_entries(
    *, actor: str = "", action: str = "", resource: str = "", resource_id: str = ""
) -> QuerySet[AuditEntry]:
    """The trail, newest first; ``actor`` is a user name. Empty filters do not filter."""
    asked = {"actor_name": actor, "action": action, "resource": resource, "resource_id": resource_id}
    return AuditEntry.objects.filter(**{name: value for name, value in asked.items() if value}).order_by("-id")
