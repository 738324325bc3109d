"""The kinds of definitions that this installation keeps. Each app registers its own when Django starts."""

from __future__ import annotations

from typing import Any

from .services import DefinitionKind

_kinds: dict[str, DefinitionKind[Any]] = {}


def register(kind: DefinitionKind[Any]) -> None:
    """Called from AppConfig.ready()."""
    _kinds[kind.name] = kind


def known_kinds() -> dict[str, DefinitionKind[Any]]:
    """By name, in the order in which a bundle applies them: what others name comes first."""
    return dict(sorted(_kinds.items(), key=lambda item: item[1].order))
