"""Who names secrets. Upper apps register a look-up when Django starts; this app imports none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class SecretUser(NamedTuple):
    """A document that names a secret: its kind, its id, and what people call it."""

    kind: str
    id: str
    name: str


LookUp = Callable[[str], list[SecretUser]]

_look_ups: list[LookUp] = []


def register(look_up: LookUp) -> None:
    """Called from AppConfig.ready(). ``look_up``: the name of a secret → those that name it."""
    _look_ups.append(look_up)


def users_of(name: str) -> list[SecretUser]:
    """Every document that names this secret."""
    return [user for look_up in _look_ups for user in look_up(name)]
