"""What a condition on an event demands to be equal: the part of it that an index can answer.

event.payload.orderId == input.orderId && event.payload.total > 100   →   payload.orderId must be input.orderId
"""

from __future__ import annotations

from collections.abc import Iterator

from apps.validation.expressions.expression import Expression, compile_expression
from apps.validation.expressions.paths import static_path
from apps.validation.expressions.scope import EVENT_ROOTS, LOOP_ROOTS
from apps.validation.expressions.syntax import Binary, Call, Ident, Node, walk

_NONE: frozenset[str] = frozenset()


def event_equalities(text: str, roots: frozenset[str] = EVENT_ROOTS | LOOP_ROOTS) -> tuple[tuple[str, Expression], ...]:
    """``event.<path> == <expression without event>``, of those that must all hold: the path, and the other side.

    What depends on the time is left out, for it is not the same when the event comes. Raises ExpressionError.
    """
    found: dict[str, Expression] = {}
    for part in _conjuncts(compile_expression(text, roots=roots).ast):
        if not isinstance(part, Binary) or part.operator != "==":
            continue
        for ours, theirs in ((part.left, part.right), (part.right, part.left)):
            path = static_path(ours, _NONE)
            if path is None or path.optional_from is not None or len(path.keys) < 2 or path.keys[0] != "event":
                continue
            # The text of the path must lead back to it, so its keys are plain names and numbers.
            if _is_fixed(theirs) and all(isinstance(key, int) or key.isidentifier() for key in path.keys):
                name = path.text.removeprefix("event.")
                found.setdefault(name, Expression(text, theirs, LOOP_ROOTS))
                break
    return tuple(found.items())


def _conjuncts(node: Node) -> Iterator[Node]:
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Binary) and current.operator == "&&":
            pending += [current.right, current.left]
        else:
            yield current


def _is_fixed(node: Node) -> bool:
    return not any(
        (isinstance(each, Ident) and each.name == "event") or (isinstance(each, Call) and each.function == "now")
        for each in walk(node)
    )
