"""Paths in expressions: `workflow.state.steps.pay.output.id` and `steps.pay.output.id` are the same path."""

from __future__ import annotations

from collections.abc import Iterator

from apps.validation.expressions.syntax import (
    Binary,
    Call,
    Comprehension,
    Ident,
    Index,
    Literal,
    Node,
    Select,
    Ternary,
    children,
)

Path = tuple[str, ...]

ALIASES: dict[Path, Path] = {
    ("workflow", "input"): ("input",),
    ("workflow", "variables"): ("vars",),
    ("workflow", "context"): ("vars",),
    ("workflow", "state", "steps"): ("steps",),
}
TOLERANT = frozenset({"has", "exists", "coalesce", "isEmpty"})
"""Functions that take a path which may lead nowhere."""


def canonical(path: Path) -> Path:
    """The short form of a path that begins with an alias."""
    return ALIASES.get(path, path)


def key_of(node: Node) -> str | None:
    """The field name that `.name` or `['name']` selects; None for an index that is computed."""
    if isinstance(node, Select):
        return node.field
    if isinstance(node, Index) and isinstance(node.index, Literal) and isinstance(node.index.value, str):
        return node.index.value
    return None


def path_of(node: Node) -> Path | None:
    """The canonical path when the node is nothing but a path from a root, optional or not."""
    if isinstance(node, Ident):
        return (node.name,)
    if isinstance(node, Select | Index):
        operand, key = path_of(node.operand), key_of(node)
        if operand is not None and key is not None:
            return canonical((*operand, key))
    return None


def is_optional(node: Node) -> bool:
    """Whether a path has a question mark somewhere."""
    while isinstance(node, Select | Index):
        if node.optional:
            return True
        node = node.operand
    return False


def certainly_read(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Paths that exist whenever the node was evaluated without an error: those it reads come what may."""
    path = path_of(node)
    if path is not None:
        if path[0] not in bound and not is_optional(node):
            yield path
        elif is_optional(node) and isinstance(node, Select | Index):
            yield from certainly_read(_before_question_mark(node), bound)
        return
    if isinstance(node, Call) and (node.function in TOLERANT or node.function == "orValue"):
        return
    if isinstance(node, Binary) and node.operator in ("&&", "||"):
        yield from certainly_read(node.left, bound)
    elif isinstance(node, Ternary):
        yield from certainly_read(node.condition, bound)
    elif isinstance(node, Comprehension):
        yield from certainly_read(node.range, bound)
    else:
        for child in children(node):
            yield from certainly_read(child, bound)


def _before_question_mark(node: Node) -> Node:
    found = node
    while isinstance(node, Select | Index):
        if node.optional:
            found = node.operand
        node = node.operand
    return found
