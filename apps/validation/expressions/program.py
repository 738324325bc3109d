"""What an expression is lowered to: CEL text, the values to fetch for it, and the loops to run in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.validation.expressions.paths import Path, Walker


@dataclass(frozen=True, slots=True)
class Reference:
    """One place where the expression reads the context. `optional` reads may find nothing there."""

    path: Path
    column: int
    optional: bool


@dataclass(frozen=True, slots=True)
class NativeLoop:
    """An all, exists or exists_one that the runtime itself runs, where nothing can stop it.

    `ranges` are the variables that its list is made of, `captured` those that each round may look at again.
    """

    ranges: frozenset[str]
    captured: frozenset[str]
    nested: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """CEL text with what it needs: `variables` by name, and the way back to the author's columns."""

    text: str
    variables: frozenset[str]
    column_of: Callable[[int], int]
    native_loops: tuple[NativeLoop, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """A hoisted map or filter. `captured` are the outer macro variables that its parts use."""

    variable: str
    captured: tuple[str, ...]
    condition: Fragment | None
    body: Fragment | None


@dataclass(slots=True)
class Lowered:
    """An expression ready to be handed to the runtime."""

    main: Fragment
    fetchers: dict[str, Walker] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
