"""The functions an expression may call, by name and number of arguments, and those we add to CEL, in Python.

Python functions get and give plain values. What they raise becomes a CEL error: it is lazy like any other, so
`true || sum('x') > 1` is true.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from cel_expr_python import cel

from apps.validation.expressions.errors import ExpressionError
from apps.validation.expressions.scope import suggest

MAX_TEXT: Final = 1_000_000
"""Characters that a text made by replace or join may have."""

GLOBAL_FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(("size", "string", "int", "uint", "double", "bool", "bytes", "dyn", "type"), (1, 1)),
    **dict.fromkeys(("duration", "timestamp", "has", "exists", "isEmpty", "sum", "strings.quote"), (1, 1)),
    **dict.fromkeys(("base64.encode", "base64.decode", "optional.of", "optional.ofNonZeroValue"), (1, 1)),
    **dict.fromkeys(("math.ceil", "math.floor", "math.round", "math.trunc", "math.abs", "math.sign"), (1, 1)),
    **dict.fromkeys(("math.sqrt", "math.isNaN", "math.isInf", "math.isFinite", "math.bitNot"), (1, 1)),
    **dict.fromkeys(("math.bitOr", "math.bitAnd", "math.bitXor"), (2, 2)),
    **dict.fromkeys(("math.bitShiftLeft", "math.bitShiftRight", "matches", "contains"), (2, 2)),
    **dict.fromkeys(("math.greatest", "math.least", "coalesce"), (1, 20)),
    **dict.fromkeys(("now", "optional.none"), (0, 0)),
}
MEMBER_FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(("size", "lowerAscii", "upperAscii", "trim", "reverse", "value", "hasValue"), (0, 0)),
    **dict.fromkeys(("contains", "startsWith", "endsWith", "matches", "charAt", "format", "hasRole"), (1, 1)),
    **dict.fromkeys(("orValue", "or"), (1, 1)),
    **dict.fromkeys(("indexOf", "lastIndexOf", "split", "substring"), (1, 2)),
    **dict.fromkeys(("replace",), (2, 3)),
    **dict.fromkeys(("join",), (0, 1)),
    **dict.fromkeys(("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek"), (0, 1)),
    **dict.fromkeys(("getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"), (0, 1)),
}
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map", "optMap", "optFlatMap"})
_ELSEWHERE = {
    "toUpperCase": "upperAscii",
    "toLowerCase": "lowerAscii",
    "includes": "contains",
    "some": "exists",
    "every": "all",
    "find": "filter",
    "length": "size",
    "len": "size",
    "str": "string",
    "float": "double",
    "number": "double",
    "min": "math.least",
    "max": "math.greatest",
    "round": "math.round",
}


def check_call(name: str, arguments: int, column: int, *, is_member: bool) -> None:
    """Refuse a function that does not exist, or has other arguments. Raises ExpressionError."""
    table = MEMBER_FUNCTIONS if is_member else GLOBAL_FUNCTIONS
    if name in table:
        least, most = table[name]
        if least <= arguments <= most:
            return
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ExpressionError(
            "expression-arguments", f"`{name}` takes {wanted} argument{'s' * (wanted != '1')}, not {arguments}.", column
        )
    if is_member and name in _MACROS:
        raise ExpressionError(
            "expression-arguments",
            f"`{name}` needs a variable and what to do with it.",
            column,
            hint=f"For example list.{name}(x, x.amount > 100).",
        )
    if name in _ELSEWHERE:
        hint = f"It is called `{_ELSEWHERE[name]}` here."
    elif is_member and name in GLOBAL_FUNCTIONS:
        hint = f"Write {name}(value), not value.{name}()."
    elif not is_member and name in MEMBER_FUNCTIONS:
        hint = f"Write value.{name}(), not {name}(value)."
    else:
        hint = suggest(name, frozenset(table))
    raise ExpressionError("expression-function", f"There is no function `{name}`.", column, hint=hint)


def dig(value: Any, keys: list[Any]) -> Any:
    """Follow keys into a value; null as soon as something is not there."""
    for key in keys:
        if isinstance(value, dict) or (isinstance(value, list) and isinstance(key, int) and key >= 0):
            try:
                value = value[key]
            except (KeyError, IndexError):
                return None
        else:
            return None
    return value


def is_empty(value: Any) -> bool:
    """Null, an empty text, list or object. Numbers and booleans are never empty."""
    return value is None or (isinstance(value, str | list | dict | bytes) and not value)


def contains(holder: Any, wanted: Any) -> bool:
    """A text in a text, an item in a list, a key in an object."""
    if isinstance(holder, str):
        if not isinstance(wanted, str):
            raise TypeError("contains() looks for a text in a text.")
        return wanted in holder
    if isinstance(holder, list):
        return any(_equal(item, wanted) for item in holder)
    if isinstance(holder, dict):
        return wanted in holder
    raise TypeError("contains() works on a text, a list or an object.")


def _equal(left: Any, right: Any) -> bool:
    # Python takes True for 1; JSON does not.
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def total(values: Any) -> int | float:
    """The sum of a list of numbers; 0 for an empty one."""
    if not isinstance(values, list):
        raise TypeError("sum() works on a list of numbers.")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"sum() works on numbers, and one item is {value!r:.60}.")
    return sum(values)


def replace(text: Any, old: Any, new: Any, count: Any = -1) -> str:
    """CEL's replace, bounded: the result is measured before it is made."""
    if not (isinstance(text, str) and isinstance(old, str) and isinstance(new, str)):
        raise TypeError("replace() works on texts.")
    found = text.count(old) if count < 0 else min(count, text.count(old))
    _bounded(len(text) + found * (len(new) - len(old)))
    return text.replace(old, new, count)


def join(items: Any, separator: Any = "") -> str:
    """CEL's join, bounded like replace."""
    if not isinstance(items, list) or not isinstance(separator, str) or not all(isinstance(i, str) for i in items):
        raise TypeError("join() works on a list of texts.")
    _bounded(sum(map(len, items)) + len(separator) * len(items))
    return separator.join(items)


def _bounded(length: int) -> None:
    if length > MAX_TEXT:
        raise ValueError(f"The text would have {length} characters; {MAX_TEXT} are allowed.")


def _divide(left: float, right: float) -> float:
    if right == 0:
        raise ZeroDivisionError("divide by zero")
    return left / right


def _modulo(left: float, right: float) -> float:
    if right == 0:
        raise ZeroDivisionError("divide by zero")
    # The sign follows the left side, as for CEL's whole numbers.
    return left - right * int(left / right)


def _declare(name: str, parameters: list[Any], result: Any, impl: Callable[..., Any], *, member: bool = False) -> Any:
    label = "".join(c if c.isalnum() else "_" for c in f"aos_{name}_{len(parameters)}{'m' * member}")
    return cel.FunctionDecl(name, [cel.Overload(label, result, parameters, member, impl)])


def _mixed(name: str, impl: Callable[[Any, Any], float], *, decimals: bool = False) -> Any:
    """An arithmetic operator on one whole number and one decimal, which CEL leaves out."""
    kinds = {"int": cel.Type.INT, "double": cel.Type.DOUBLE}
    pairs = [("int", "double"), ("double", "int")] + ([("double", "double")] if decimals else [])
    label = impl.__name__.strip("_")
    return cel.FunctionDecl(
        name,
        [cel.Overload(f"aos_{label}_{a}_{b}", cel.Type.DOUBLE, [kinds[a], kinds[b]], False, impl) for a, b in pairs],
    )


def extension(loop: Callable[[int, Any, list[Any]], list[Any]]) -> Any:
    """Our functions as one CEL extension. `loop` runs the n-th hoisted map or filter of the current expression."""
    kind = cel.Type
    any_, text, number = kind.DYN, kind.STRING, kind.INT
    rounding = [_declare(f"math.{name}", [number], number, int) for name in ("ceil", "floor", "round", "trunc")]
    return cel.CelExtension(
        "augmented",
        [
            _mixed("_+_", operator.add),
            _mixed("_-_", operator.sub),
            _mixed("_*_", operator.mul),
            _mixed("_/_", _divide),
            _mixed("_%_", _modulo, decimals=True),
            _declare("__contains", [any_, any_], kind.BOOL, contains),
            _declare("contains", [kind.List(any_), any_], kind.BOOL, contains, member=True),
            _declare("sum", [any_], any_, total),
            _declare("__empty", [any_], kind.BOOL, is_empty),
            _declare("__dig", [any_, any_], any_, dig),
            cel.FunctionDecl(
                "__replace",
                [
                    cel.Overload("aos_replace_3", text, [any_] * 3, False, replace),
                    cel.Overload("aos_replace_4", text, [any_] * 4, False, replace),
                ],
            ),
            cel.FunctionDecl(
                "__join",
                [
                    cel.Overload("aos_join_1", text, [any_], False, join),
                    cel.Overload("aos_join_2", text, [any_] * 2, False, join),
                ],
            ),
            _declare("__loop", [number, any_, any_], any_, loop),
            *rounding,
        ],
    )
