"""A syntax tree as the text an author would write."""

from __future__ import annotations

import json

from apps.validation.expressions.syntax import (
    Binary,
    Call,
    Comprehension,
    Ident,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Node,
    Select,
    Ternary,
    Unary,
)
from apps.validation.expressions.writer import field_text, literal_text

_LOOSEST, _UNARY, _TIGHT = 0, 6, 7
_BINDING = {"||": 1, "&&": 2, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}
_COMPARISON = 3


def text_of(node: Node) -> str:
    """The expression, with brackets only where they are needed and texts in single quotes."""
    match node:
        case Literal(value=str() as value):
            inner = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
            return f"'{inner}'"
        case Literal():
            return literal_text(node)
        case Ident(name=name):
            return name
        case Select():
            return f"{_tight(node.operand)}{'.?' if node.optional else '.'}{field_text(node.field)}"
        case Index():
            return f"{_tight(node.operand)}[{'?' if node.optional else ''}{text_of(node.index)}]"
        case Call():
            arguments = ", ".join(text_of(argument) for argument in node.args)
            target = "" if node.target is None else f"{_tight(node.target)}."
            return f"{target}{node.function}({arguments})"
        case Unary():
            return f"{node.operator}{_within(node.operand, _UNARY)}"
        case Binary():
            own = _BINDING.get(node.operator, _COMPARISON)
            # Left-associative: an equal operator on the right keeps its brackets, except where the order does not matter.
            right = own if node.operator in ("||", "&&") else own + 1
            return f"{_within(node.left, own)} {node.operator} {_within(node.right, right)}"
        case Ternary():
            return f"{_within(node.condition, 1)} ? {_within(node.yes, 1)} : {text_of(node.no)}"
        case ListExpr():
            marks = ["?" if position in node.optional else "" for position in range(len(node.items))]
            return f"[{', '.join(mark + text_of(item) for mark, item in zip(marks, node.items, strict=True))}]"
        case MapExpr():
            entries = [
                f"{'?' if position in node.optional else ''}{text_of(key)}: {text_of(value)}"
                for position, (key, value) in enumerate(node.entries)
            ]
            return "{" + ", ".join(entries) + "}"
        case Comprehension():
            parts = [node.variable, *(text_of(part) for part in (node.condition, node.body) if part is not None)]
            return f"{_tight(node.range)}.{node.kind}({', '.join(parts)})"


def _tight(node: Node) -> str:
    return _within(node, _TIGHT)


def _within(node: Node, binding: int) -> str:
    return text_of(node) if _holds(node) >= binding else f"({text_of(node)})"


def _holds(node: Node) -> int:
    """How tightly the node's text holds together."""
    match node:
        case Ternary():
            return _LOOSEST
        case Binary(operator=operator):
            return _BINDING.get(operator, _COMPARISON)
        case Unary():
            return _UNARY
        case Literal(value=int() | float() as value) if not isinstance(value, bool) and value < 0:
            return _TIGHT  # literal_text brackets it
    return _TIGHT
