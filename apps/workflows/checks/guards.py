"""What a condition tells when it is true or false: which paths can then be read without an error.

`has(input.coupon)` being true, `steps.pay.status == 'COMPLETED'`, `x != null`, and any path that the condition itself
had to read: had it been missing, the evaluation would have ended in an error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from apps.validation.expressions.errors import ExpressionError
from apps.validation.expressions.parser import parse
from apps.validation.expressions.syntax import Binary, Call, Index, Literal, Node, Select, Unary

from .paths import Path, certainly_read, path_of

Known = frozenset[Path]
NOTHING: Known = frozenset()
OUTPUT_STATUSES = frozenset({"COMPLETED"})
ERROR_STATUSES = frozenset({"FAILED", "TIMED_OUT"})


def bare(text: str) -> str:
    """The expression inside a `${…}` that is wrapped around the whole of a condition."""
    stripped = text.strip()
    return stripped[2:-1] if stripped.startswith("${") and stripped.endswith("}") else text


@lru_cache(maxsize=4096)
def implied_by(condition: str, truth: bool) -> Known:
    """The facts behind a condition's text; none when it does not parse (which is reported elsewhere)."""
    try:
        return known_after(parse(bare(condition)), truth)
    except ExpressionError:
        return NOTHING


def known_after(node: Node, truth: bool) -> Known:
    """Paths that certainly have a value once `node` gave `truth`; :func:`present` marks those that may be null."""
    match node:
        case Unary(operator="!", operand=operand):
            return known_after(operand, not truth)
        case Binary(operator="&&" | "||", left=left, right=right):
            first, second = known_after(left, truth), known_after(right, truth)
            # Both sides have this truth when `&&` is true or `||` is false; otherwise only one of them surely does.
            both = (node.operator == "&&") == truth
            return first | second if both else first & second
        case Call(function="exists", target=None, args=(argument,)):
            return _with_value(argument) if truth else NOTHING
        case Call(function="isEmpty", target=None, args=(argument,)):
            return NOTHING if truth else _with_value(argument)
        case Call(function="has", target=None, args=(argument,)):
            return _is_there(argument) if truth else NOTHING
        case Call(function="hasValue", target=target, args=()) if target is not None:
            return _is_there(target) if truth else NOTHING
        case Binary(operator="==" | "!=", left=left, right=right):
            return _everything_read(node) | _compared(left, right, (node.operator == "==") == truth)
    return _everything_read(node)


def _compared(left: Node, right: Node, equal: bool) -> Known:
    if isinstance(left, Literal):
        left, right = right, left
    path = path_of(left)
    if path is None or not isinstance(right, Literal):
        return NOTHING
    if right.value is None:
        return NOTHING if equal else _with_prefixes(path) | {path}
    if not equal:
        return NOTHING
    known = _with_prefixes(path) | {path}
    if len(path) == 3 and path[0] == "steps" and path[2] == "status":
        if right.value in OUTPUT_STATUSES:
            known |= {(*path[:2], "output")}
        if right.value in ERROR_STATUSES:
            known |= {(*path[:2], "error")}
    return known


def present(path: Path) -> Path:
    """The fact that a path can be read, though its value may be null."""
    return (*path, "?")


def _with_value(node: Node) -> Known:
    path = path_of(node)
    if path is None:
        return _holder_with_value(node)
    return _with_prefixes(path) | {path}


def _is_there(node: Node) -> Known:
    path = path_of(node)
    if path is None:
        return _holder_with_value(node)
    return _with_prefixes(path) | {present(path)}


def _holder_with_value(node: Node) -> Known:
    """Where `a.b[0].c` is there, `a.b` has a value, though what lies behind the number is no path."""
    return _with_value(node.operand) if isinstance(node, Select | Index) else NOTHING


def _everything_read(node: Node) -> Known:
    found: Known = NOTHING
    for path in certainly_read(node):
        found |= _with_prefixes(path) | {present(path)}
        # A path of its own that gave true or false is no null either; one that was compared may be.
        if path_of(node) == path:
            found |= {path}
    return found


def _with_prefixes(path: Path) -> Known:
    """Everything above `path` has a value when the path can be read."""
    return frozenset(path[:length] for length in range(2, len(path)))


Implied = Callable[[str, bool], Known]
