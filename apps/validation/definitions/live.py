"""Documents that are in force as soon as they are saved: no drafts, no versions, nothing to publish.

Such a kind (schedule, webhook) keeps its own table and service; here it only says how bundles and impact get at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from apps.auth.models import User

from .services import Reference


@dataclass(frozen=True)
class LiveKind:
    """A kind of document without versions.

    ``apply``: save a document as an actor → (its key, "created" | "changed" | "unchanged"); raises Problems. ``documents``:
    (key, document) of all of them, for export. ``dependents``: (kind, key) of a definition → rows like those of
    :func:`.impact.impact`. ``order`` as in DefinitionKind. ``id_name``: the field with the id, where it is not <name>Id.
    """

    name: str
    apply: Callable[[User, dict[str, Any]], tuple[str, str]]
    documents: Callable[[], Iterable[tuple[str, dict[str, Any]]]]
    dependents: Callable[[str, str], list[dict[str, Any]]] = lambda kind, key: []
    order: int = 100
    id_name: str = ""

    @property
    def id_field(self) -> str:
        return self.id_name or f"{self.name}Id"

    def references(self, document: dict[str, Any]) -> list[Reference]:
        """Documents of a live kind name no other of their own kind, so their order among themselves does not matter."""
        return []


_kinds: dict[str, LiveKind] = {}


def register(kind: LiveKind) -> None:
    """Called from AppConfig.ready()."""
    _kinds[kind.name] = kind


def live_kinds() -> dict[str, LiveKind]:
    """By name."""
    return dict(_kinds)
