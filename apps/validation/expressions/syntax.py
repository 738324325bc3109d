"""The syntax tree of an expression: frozen nodes, each with the 1-based column where it starts.

The tree is ours because Google's runtime keeps its own to itself, and we need one to know what an
expression reads, to follow types, and to rewrite dialects. Whoever walks it uses `children`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf


@dataclass(frozen=True, slots=True)
class Literal:
    """`1`, `2u`, `1.5`, `'text'`, `b'raw'`, `true`, `null`. `unsigned` marks the `u` suffix."""

    value: int | float | str | bytes | bool | None
    column: int
    unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Ident:
    """A root (`input`), a macro variable (`x` in `list.map(x, …)`) or a type name (`string`)."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `operand.?field` when optional."""

    operand: Node
    field: str
    column: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[index]`, or `operand[?index]` when optional."""

    operand: Node
    index: Node
    column: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """`function(args)`, or `target.function(args)`. Namespaced functions carry the dot: `math.round`."""

    function: str
    target: Node | None
    args: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`!x` or `-x`."""

    operator: OneOf["!", "-"]
    operand: Node
    column: int


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; `column` is the operator's. `===` is stored as `==`."""

    operator: str
    left: Node
    right: Node
    column: int


@dataclass(frozen=True, slots=True)
class Ternary:
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node
    column: int


@dataclass(frozen=True, slots=True)
class ListExpr:
    """`[a, ?b]`; `optional` holds the positions of items written with a question mark."""

    items: tuple[Node, ...]
    column: int
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MapExpr:
    """`{key: value, ?key: optional}`; `optional` holds the positions of entries with a question mark."""

    entries: tuple[tuple[Node, Node], ...]
    column: int
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`range.kind(variable, …)`, where the variable is bound in `condition` and `body`.

    all, exists, exists_one, filter have a condition only; map has a body and may have a condition;
    optMap and optFlatMap have a body, and their range is an optional value.
    """

    kind: OneOf["all", "exists", "exists_one", "filter", "map", "optMap", "optFlatMap"]
    range: Node
    variable: str
    condition: Node | None
    body: Node | None
    column: int


Node = Literal | Ident | Select | Index | Call | Unary | Binary | Ternary | ListExpr | MapExpr | Comprehension


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order they are written."""
    match node:
        case Literal() | Ident():
            return ()
        case Select(operand=operand) | Unary(operand=operand):
            return (operand,)
        case Index(operand=operand, index=index):
            return (operand, index)
        case Call(target=target, args=args):
            return args if target is None else (target, *args)
        case Binary(left=left, right=right):
            return (left, right)
        case Ternary(condition=condition, yes=yes, no=no):
            return (condition, yes, no)
        case ListExpr(items=items):
            return items
        case MapExpr(entries=entries):
            return tuple(part for entry in entries for part in entry)
        case Comprehension(range=source, condition=condition, body=body):
            return tuple(part for part in (source, condition, body) if part is not None)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, depth first, without recursion."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))
