"""Permissions as text, what a set of them grants, and the shape of role inheritance. Pure: no Django, no I/O.

A permission is ``action:resource[:scope]``; ``*`` stands for any action or any resource, and alone for everything.
Without a scope it covers every object; ``own`` covers what the actor owns, ``assigned`` what is assigned to them.
Nothing is granted that no permission names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

Scope = Literal["all", "own", "assigned"]

_NOTHING: frozenset[Scope] = frozenset()
_EVERYTHING: frozenset[Scope] = frozenset({"all"})
_PERMISSION = re.compile(
    r"(?P<action>\*|[a-z][a-z0-9_-]*):(?P<resource>\*|[a-z][a-z0-9_-]*)(?::(?P<scope>own|assigned))?"
)


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission taken apart."""

    action: str
    resource: str
    scope: Scope


def parse_permission(text: str) -> Permission:
    """Take ``action:resource[:own|:assigned]`` or ``*`` apart. Raises ValueError for anything else."""
    if text == "*":
        return Permission("*", "*", "all")
    match = _PERMISSION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a permission: expected action:resource, action:resource:own|assigned, or *")
    return Permission(match["action"], match["resource"], cast(Scope, match["scope"] or "all"))


class Grants:
    """What a set of held permissions grants. Immutable; answers are remembered, so asking again is a dict look-up."""

    __slots__ = ("_answers", "_held", "texts", "unrestricted")

    def __init__(self, permissions: Iterable[str]) -> None:
        """A text that is no permission grants nothing: a damaged row must never open a door nor lock everybody out."""
        self.texts: tuple[str, ...] = tuple(sorted(set(permissions)))
        self._held: dict[tuple[str, str], frozenset[Scope]] = {}
        self._answers: dict[str, frozenset[Scope]] = {}
        for text in self.texts:
            try:
                held = parse_permission(text)
            except ValueError:
                continue
            key = (held.action, held.resource)
            self._held[key] = self._held.get(key, _NOTHING) | {held.scope}
        self.unrestricted: bool = "all" in self._held.get(("*", "*"), _NOTHING)

    def scopes(self, permission: str) -> frozenset[Scope]:
        """Scopes in which ``action:resource`` is granted; empty means denied.

        Raises ValueError when ``permission`` carries a scope or a wildcard: what is asked for must be one plain act.
        """
        answer = self._answers.get(permission)
        if answer is None:
            asked = parse_permission(permission)
            if asked.scope != "all" or "*" in (asked.action, asked.resource):
                raise ValueError(f"ask for a plain action:resource, not {permission!r}")
            answer = _NOTHING
            for action in (asked.action, "*"):
                for resource in (asked.resource, "*"):
                    answer |= self._held.get((action, resource), _NOTHING)
            if "all" in answer:
                answer = _EVERYTHING
            self._answers[permission] = answer
        return answer


@lru_cache(maxsize=1024)
def grants_of(permissions: tuple[str, ...]) -> Grants:
    """The same grants for the same permissions: most people hold what many others hold."""
    return Grants(permissions)


def covers(scopes: frozenset[Scope], *, owned: bool, assigned: bool) -> bool:
    """Whether the scopes reach an object that stands in this relation to the actor."""
    return "all" in scopes or (owned and "own" in scopes) or (assigned and "assigned" in scopes)


def find_cycle(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Names along one inheritance cycle (first name repeated at the end), or an empty list.

    ``parents`` maps each role to the roles it inherits from.
    """
    finished: set[str] = set()
    for start in parents:
        path: list[str] = []
        pending: list[tuple[str, bool]] = [(start, False)]
        while pending:
            name, leaving = pending.pop()
            if leaving:
                finished.add(path.pop())
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in finished:
                path.append(name)
                pending.append((name, True))
                pending.extend((parent, False) for parent in parents.get(name, ()))
    return []


@dataclass(frozen=True, slots=True)
class BackOff:
    """How failed sign-ins slow down further ones: ``free`` failures cost nothing, then waits double."""

    free: int
    longest: int = 900

    def seconds_after(self, failures: int) -> int:
        """Seconds to wait after that many failures in a row."""
        over = failures - self.free
        return 0 if over < 0 else min(2 ** min(over, 20), self.longest)


# One person mistyping, one name attacked from many addresses, one address (perhaps a whole office) trying many names.
# Only the first is tight: a stranger must not be able to lock somebody else out by failing in their name.
SIGN_IN_BACK_OFF: dict[str, BackOff] = {
    "name and address": BackOff(free=5),
    "name": BackOff(free=50, longest=60),
    "address": BackOff(free=100),
}
SIGN_IN_FORGET_SECONDS = 3_600
