"""Documents that name secrets: whether the secret is there and whether the author may name it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from apps.auth.access import require
from apps.auth.models import Secret, User
from apps.validation.violations import Violation


def named(actor: User, names: Mapping[str, str | None]) -> tuple[dict[str, Secret], list[Violation]]:
    """The secrets by the pointers at which they are named, and a violation for each that is not there.

    ``names``: pointer → name. AccessDenied when there are any and the actor may not use secrets.
    """
    wanted = {pointer: name for pointer, name in names.items() if name}
    if not wanted:
        return {}, []
    require(actor, "use:secret")
    rows = {row.name: row for row in Secret.objects.filter(name__in=set(wanted.values()))}
    found = {pointer: rows[name] for pointer, name in wanted.items() if name in rows}
    return found, [_unknown(name, pointer) for pointer, name in wanted.items() if name not in rows]


def unknown(names: Mapping[str, str | None]) -> list[Violation]:
    """A violation for each that is not there, whoever asks."""
    wanted = {pointer: name for pointer, name in names.items() if name}
    known = (
        set(Secret.objects.filter(name__in=set(wanted.values())).values_list("name", flat=True)) if wanted else set()
    )
    return [_unknown(name, pointer) for pointer, name in wanted.items() if name not in known]


def _unknown(name: str, pointer: str) -> Violation:
    close = get_close_matches(name, list(Secret.objects.values_list("name", flat=True)[:1_000]), n=1)
    hint = f"Did you mean {close[0]}?" if close else f"Store it first: PUT secrets/{name}."
    return Violation("unknown-secret", f"There is no secret {name!r}.", pointer, hint=hint)
