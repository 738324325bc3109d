"""Bounds that keep any accepted expression cheap, checked on the tree before Google's runtime sees it.

Depth guards against recursion, nesting against runaway loops, and weight against growth: `map(x, x + x)` written
twenty times in a row would double its data a million-fold although each part is small.
"""

from __future__ import annotations

from apps.validation.expressions.errors import ExpressionError
from apps.validation.expressions.syntax import (
    Binary,
    Comprehension,
    Ident,
    Index,
    Literal,
    Node,
    Select,
    Ternary,
    children,
    walk,
)

MAX_DEPTH = 32
MAX_NODES = 2_000
MAX_LOOP_NESTING = 4
MAX_WEIGHT = 256.0


def check_limits(root: Node) -> None:
    """Raise ExpressionError where an expression is too large, too deep or could grow without bound."""
    if sum(1 for _ in walk(root)) > MAX_NODES:
        raise _too_large("The expression has too many parts.", root.column)
    _check_depth(root, 1, 0)
    _weight(root, {})


def _too_large(message: str, column: int) -> ExpressionError:
    return ExpressionError(
        "expression-too-large",
        message,
        column,
        hint="Compute a part of it in a TRANSFORM step or in setVariables first.",
    )


def _check_depth(node: Node, depth: int, loops: int) -> None:
    if depth > MAX_DEPTH:
        raise _too_large(f"The expression is nested more than {MAX_DEPTH} levels deep.", node.column)
    if isinstance(node, Comprehension):
        loops += 1
        if loops > MAX_LOOP_NESTING:
            raise _too_large(f"Loops are nested more than {MAX_LOOP_NESTING} deep.", node.column)
        _check_depth(node.range, depth + 1, loops - 1)
        for part in (node.condition, node.body):
            if part is not None:
                _check_depth(part, depth + 1, loops)
        return
    # A path counts once, however long: it becomes one variable.
    deeper = depth if isinstance(node, Select | Index) else depth + 1
    for child in children(node):
        _check_depth(child, deeper, loops)


def _weight(node: Node, bound: dict[str, float]) -> float:
    """How many times the largest input an answer may hold. A text literal weighs its length in thousands."""
    match node:
        case Literal(value=str() | bytes() as value):
            weight = len(value) / 1000
        case Literal():
            weight = 0.0
        case Ident(name=name):
            weight = bound.get(name, 1.0)
        case Ternary(condition=condition, yes=yes, no=no):
            _weight(condition, bound)
            weight = max(_weight(yes, bound), _weight(no, bound))
        case Comprehension(range=source, variable=variable, condition=condition, body=body):
            element = _weight(source, bound)
            inner = {**bound, variable: max(element, 0.001)}
            if condition is not None:
                _weight(condition, inner)
            weight = element if body is None else max(_weight(body, inner), element)
        case Binary(operator=operator, left=left, right=right):
            weights = _weight(left, bound), _weight(right, bound)
            weight = sum(weights) if operator == "+" else 0.0
        case _:
            weight = sum(_weight(child, bound) for child in children(node))
    if weight > MAX_WEIGHT:
        raise _too_large("The answer of this expression could grow far beyond its input.", node.column)
    return weight
