"""Secrets: put, rotate, delete; and taking one for use, which no route does on behalf of its caller."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.auth import access, keyring, secret_users, secret_values
from apps.auth.models import Secret, SecretUse, User
from apps.auth.services.audit import record_audit

_PURPOSE = "secret"
DEFAULT_OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=90)
MOST_HOSTS = 50
_USE_NOTED_EVERY = 60.0  # seconds
_noted: dict[tuple[UUID, str], float] = {}


class SecretNotFound(Exception):
    """There is no secret of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no secret {name}.")


class SecretInUse(Exception):
    """Documents still name the secret. ``users`` are those."""

    def __init__(self, name: str, users: list[secret_users.SecretUser]) -> None:
        self.users = users
        shown = ", ".join(f"{user.kind} {user.id}" for user in users[:5])
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""
        super().__init__(f"The secret {name} is named by {shown}{more}; change those first.")


class SecretRefused(Exception):
    """The secret is there and may not be used like this, or cannot be opened. The message is safe to show."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """The values of a secret: the current one first, then, during the overlap of a rotation, the one before."""

    name: str
    values: tuple[str, ...] = field(repr=False)

    @property
    def current(self) -> str:
        return self.values[0]

    def keys(self) -> list[bytes]:
        """What may have signed something that comes in, the likeliest first."""
        return [key for value in self.values for key in secret_values.signing_keys(value)]


@transaction.atomic
def put_secret(
    *,
    actor: User,
    name: str,
    value: str | None = None,
    generate: bool = False,
    description: str | None = None,
    hosts: Iterable[str] | None = None,
) -> tuple[Secret, str | None, bool]:
    """Create a secret or change it: the row, the value if it was generated here, and whether the row is new.

    A new value takes the old one's place at once; ``rotate_secret`` lets both count for a while. What is not given stays.
    Raises AccessDenied, and ValidationError by field.
    """
    access.require(actor, "manage:secret")
    if not secret_values.NAME.fullmatch(name):
        raise ValidationError({"name": "A name is small letters, digits, _ and -, beginning with a letter."})
    made, given = _value(value, generate)
    row = Secret.objects.select_for_update().filter(name=name).first()
    created = row is None
    if row is None:
        if given is None:
            raise ValidationError({"value": "Give a value, or generate: true."})
        row = Secret(name=name, created_by=actor.username)
    else:
        row.revision += 1
    if description is not None:
        row.description = description
    if hosts is not None:
        row.hosts = _checked_hosts(hosts)
    if given is not None:
        _seal(row, given, actor)
        row.previous_value, row.previous_with, row.previous_until = None, "", None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise ValidationError({"name": f"Somebody else has just saved {name}; try again."}) from error
    details = {"hosts": row.hosts, "value": "generated" if made else "given" if given is not None else "kept"}
    record_audit(actor=actor, action="secret.saved", resource="secret", resource_id=name, details=details)
    return row, made, created


@transaction.atomic
def rotate_secret(
    *, actor: User, name: str, value: str | None = None, overlap: timedelta = DEFAULT_OVERLAP
) -> tuple[Secret, str | None]:
    """Give a secret a new value; what the old one signed counts until the overlap is over.

    Without ``value`` one is generated, and returned this once. Raises AccessDenied, SecretNotFound, ValidationError.
    """
    access.require(actor, "manage:secret")
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise ValidationError({"overlap": f"An overlap is at most {LONGEST_OVERLAP.days} days."})
    made, given = _value(value, generate=value is None)
    assert given is not None
    row = _locked(name)
    if overlap:
        # Bound to the row as a whole, so the sealed bytes stay good where they go.
        row.previous_value, row.previous_with = bytes(row.sealed_value), row.sealed_with
        row.previous_until = timezone.now() + overlap
    else:
        row.previous_value, row.previous_with, row.previous_until = None, "", None
    _seal(row, given, actor)
    row.revision += 1
    row.save()
    details = {"previousUntil": row.previous_until.isoformat() if row.previous_until else None}
    record_audit(actor=actor, action="secret.rotated", resource="secret", resource_id=name, details=details)
    return row, made


@transaction.atomic
def delete_secret(*, actor: User, name: str) -> None:
    """Forget a secret. Raises AccessDenied, SecretNotFound, SecretInUse while a document names it."""
    access.require(actor, "manage:secret")
    row = _locked(name)
    if users := secret_users.users_of(name):
        raise SecretInUse(name, users)
    row.delete()
    record_audit(actor=actor, action="secret.deleted", resource="secret", resource_id=name)


def reveal_for_use(name: str, *, purpose: str) -> Revealed:
    """The values of a secret, for what the platform itself does with them now; ``purpose`` is noted.

    Never to be stored, logged or shown to anybody. Raises SecretNotFound, SecretRefused.
    """
    row = Secret.objects.filter(name=name).first()
    if row is None:
        raise SecretNotFound(name)
    note_use(row, purpose)
    return open_secret(row)


def open_secret(row: Secret, *, url: str = "") -> Revealed:
    """The values of a row that was read before. With ``url``: only if the value itself may be sent there.

    Raises SecretRefused. Asks no database.
    """
    if url and not may_be_sent(row, url):
        raise SecretRefused(f"The secret {row.name} may not be sent to this host.")
    values = [_open(row, row.sealed_with, row.sealed_value)]
    if row.previous_until is not None and row.previous_until > timezone.now():
        values.append(_open(row, row.previous_with, row.previous_value))
    return Revealed(row.name, tuple(values))


def may_be_sent(row: Secret, url: str) -> bool:
    """Whether the hosts of a secret admit this address. Without hosts it is sent nowhere."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    return parts.hostname is not None and secret_values.admits(row.hosts, parts.hostname, port)


def note_use(row: Secret, purpose: str) -> None:
    """Note that a secret was used; a process does so once a minute for each purpose."""
    known, now = (row.pk, purpose), time.monotonic()
    if now - _noted.get(known, -_USE_NOTED_EVERY) < _USE_NOTED_EVERY:
        return
    if len(_noted) > 10_000:
        _noted.clear()
    _noted[known] = now
    SecretUse.objects.bulk_create(
        [SecretUse(secret=row, purpose=purpose[:300], last_at=timezone.now())],
        update_conflicts=True,
        unique_fields=["secret", "purpose"],
        update_fields=["last_at"],
    )


@transaction.atomic
def reseal_secrets(*, actor: User | None) -> int:
    """Seal every value anew under the ring's first key, so that the others may leave it. Returns how many secrets.

    SecretRefused for one that does not open any more; then nothing was changed.
    """
    rows = list(Secret.objects.select_for_update().order_by("name"))
    for row in rows:
        values = [(row.sealed_with, row.sealed_value), (row.previous_with, row.previous_value)]
        anew = [
            keyring.seal(_open(row, key_id, data).encode(), purpose=_PURPOSE, context=str(row.id)) if data else None
            for key_id, data in values
        ]
        current, previous = anew
        assert current is not None
        row.sealed_value, row.sealed_with = current.data, current.key_id
        if previous is not None:
            row.previous_value, row.previous_with = previous.data, previous.key_id
    fields = ["sealed_value", "sealed_with", "previous_value", "previous_with"]
    Secret.objects.bulk_update(rows, fields, batch_size=500)
    record_audit(
        actor=actor, action="secret.resealed", resource="secret", resource_id="*", details={"secrets": len(rows)}
    )
    return len(rows)


def forget_previous_values() -> int:
    """Delete values whose overlap is over. Returns how many."""
    over = Secret.objects.filter(previous_until__lt=Now())
    return over.update(previous_value=None, previous_with="", previous_until=None)


def _locked(name: str) -> Secret:
    row = Secret.objects.select_for_update().filter(name=name).first() if "\x00" not in name else None
    if row is None:
        raise SecretNotFound(name)
    return row


def _value(value: str | None, generate: bool) -> tuple[str | None, str | None]:
    """(the value if it is made here, the value to keep or None)."""
    if value is not None and generate:
        raise ValidationError({"generate": "Either a value is given or one is generated."})
    if generate:
        made = secret_values.generate()
        return made, made
    if value is not None and not secret_values.SHORTEST <= len(value) <= secret_values.LONGEST:
        # The message must not hold the value: problem documents are logged.
        raise ValidationError(
            {"value": f"A value has {secret_values.SHORTEST} to {secret_values.LONGEST:,} characters."}
        )
    return None, value


def _checked_hosts(hosts: Iterable[str]) -> list[str]:
    found = sorted({host.strip().lower() for host in hosts})
    if len(found) > MOST_HOSTS:
        raise ValidationError({"hosts": f"At most {MOST_HOSTS} hosts."})
    for host in found:
        if not secret_values.is_host(host):
            raise ValidationError(
                {"hosts": f"{host[:100]!r} is no host; write api.example.com, *.example.com or host:port."}
            )
    return found


def _seal(row: Secret, value: str, actor: User) -> None:
    sealed = keyring.seal(value.encode(), purpose=_PURPOSE, context=str(row.id))
    row.sealed_value, row.sealed_with = sealed.data, sealed.key_id
    row.rotated_at, row.rotated_by = timezone.now(), actor.username


def _open(row: Secret, key_id: str, data: bytes | memoryview | None) -> str:
    try:
        sealed = keyring.Sealed(key_id, bytes(data or b""))
        return keyring.unseal(sealed, purpose=_PURPOSE, context=str(row.id)).decode()
    except keyring.SealBroken as error:
        raise SecretRefused(f"The secret {row.name} cannot be opened any more; give it a new value.") from error


__all__ = [
    "DEFAULT_OVERLAP",
    "LONGEST_OVERLAP",
    "Revealed",
    "SecretInUse",
    "SecretNotFound",
    "SecretRefused",
    "delete_secret",
    "forget_previous_values",
    "may_be_sent",
    "note_use",
    "open_secret",
    "put_secret",
    "reseal_secrets",
    "reveal_for_use",
    "rotate_secret",
]
