"""Fixed paths into the context, walked in Python without CEL: the commonest expressions are nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.validation.expressions.errors import EvaluationError
from apps.validation.expressions.scope import PathKeys, canonical
from apps.validation.expressions.syntax import Ident, Index, Literal, Node, Select


class Missing(LookupError):
    """The path does not exist in the context; the reason is worked out only if somebody asks."""


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""What an optional path yields when it is not there."""

Context = Mapping[str, Any]
Walker = Callable[[Context], Any]


@dataclass(frozen=True, slots=True)
class Path:
    """A path from a root. `optional_from` is the position of the first key that may be missing."""

    keys: PathKeys
    optional_from: int | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """What is read, as far as it is a matter of names: an index into a list ends it."""
        fields: list[str] = []
        for key in self.keys:
            if not isinstance(key, str):
                break
            fields.append(key)
        return tuple(fields)

    @property
    def text(self) -> str:
        """As an author would write it."""
        first, *rest = self.keys
        return str(first) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)


def static_path(node: Node, bound: frozenset[str]) -> Path | None:
    """The path that a node is, if it is one: names and constant indexes on a root that no macro has bound."""
    keys: list[str | int] = []
    optional = 0
    while True:
        match node:
            case Select(operand=operand, field=field, optional=is_optional):
                keys.append(field)
            case Index(operand=operand, index=Literal(value=(str() | int()) as value), optional=is_optional) if (
                not isinstance(value, bool) and not (isinstance(value, int) and value < 0)
            ):
                keys.append(value)
            case Ident(name=name, column=column) if name not in bound:
                break
            case _:
                return None
        if is_optional:
            optional = len(keys)
        node = operand
    spelled = (name, *reversed(keys))
    path = canonical(spelled, column)
    if not optional:
        return Path(path)
    # Aliases shorten the path from the front, so the optional part is counted from the end.
    return Path(path, max(1, len(path) - optional))


def walker(path: Path) -> Walker:
    """A function that fetches the path from a context; raises Missing, or gives ABSENT for an optional path."""
    if path.optional_from is not None:
        return _optional_walker(path)
    if all(isinstance(key, str) for key in path.keys):
        return _name_walker(path.keys)

    def walk(context: Context) -> Any:
        value: Any = context
        for key in path.keys:
            value = _step(value, key)
        return value

    return walk


def _name_walker(keys: PathKeys) -> Walker:
    def walk(context: Context) -> Any:
        value: Any = context
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError, IndexError):
            raise Missing from None
        return value

    return walk


def _optional_walker(path: Path) -> Walker:
    certain, doubtful = path.keys[: path.optional_from], path.keys[path.optional_from :]

    def walk(context: Context) -> Any:
        value: Any = context
        for key in certain:
            value = _step(value, key)
        for key in doubtful:
            if value is None:
                return ABSENT
            if not isinstance(value, Mapping | list):
                raise Missing
            try:
                value = _step(value, key)
            except Missing:
                return ABSENT
        return value

    return walk


def _step(value: Any, key: str | int) -> Any:
    if isinstance(key, int) and not isinstance(value, list):
        raise Missing
    try:
        return value[key]
    except (KeyError, TypeError, IndexError):
        raise Missing from None


def boxed(fetch: Walker) -> Walker:
    """An optional path for CEL, which Python has no optional values for: `{"v": value}`, or `{}`."""

    def box(context: Context) -> dict[str, object]:
        value = fetch(context)
        return {} if value is ABSENT else {"v": value}

    return box


def present_at(path: Path) -> Walker:
    """Whether the last key is there; Missing if what should hold it is no object."""
    parent, key = walker(Path(path.keys[:-1])), path.keys[-1]

    def present(context: Context) -> bool:
        holder = parent(context)
        if not hasattr(holder, "keys"):
            raise Missing
        return key in holder

    return present


def first_of(fetchers: tuple[Walker, ...]) -> Walker:
    """The first value that is there and not null, else null."""

    def first(context: Context) -> object:
        for fetch in fetchers:
            try:
                value = fetch(context)
            except Missing:
                continue
            if value is not ABSENT and value is not None:
                return value
        return None

    return first


def explain_missing(path: Path, context: Context) -> EvaluationError:
    """Why the walk failed, in words: which part is there, and which is not."""
    value: Any = context
    for position, key in enumerate(path.keys):
        try:
            value = _step(value, key)
        except Missing:
            return EvaluationError("missing", _reason(path, position, value))
    return EvaluationError("missing", f"`{path.text}` is missing.")


def _reason(path: Path, position: int, parent: Any) -> str:
    if position == 0:
        return f"`{path.keys[0]}` has no value at this place."
    holder, key = Path(path.keys[:position]).text, path.keys[position]
    if parent is None:
        return f"`{path.text}` is missing: `{holder}` is null."
    if isinstance(parent, Mapping):
        return f"`{path.text}` is missing: `{holder}` has no field `{key}`."
    if isinstance(parent, list):
        if isinstance(key, int):
            return f"`{path.text}` is missing: `{holder}` has {len(parent)} items."
        return f"`{path.text}` is missing: `{holder}` is a list."
    return f"`{path.text}` is missing: `{holder}` is neither an object nor a list."
