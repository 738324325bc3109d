"""Whatever is rewritten on the way to the runtime, an expression means what CEL says it means.

Random expressions are given to the runtime twice: as they are, over one plain variable, and through our compiler.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_optional, ext_strings
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.validation.expressions import EvaluationError, ExpressionError, compile_expression
from apps.validation.expressions.plain import to_json

DATA: dict[str, Any] = {"a": 3, "b": -2, "t": True, "s": "text", "n": None, "l": [1, 2, 3], "m": {"x": 5, "y": [7]}}

atoms = st.sampled_from(
    [
        "input.a",
        "input.b",
        "input.t",
        "input.s",
        "input.n",
        "input.l",
        "input.m.x",
        "input.m.y[0]",
        "input.zzz",
        "input['a']",
        "input.l[1]",
        "1",
        "0",
        "-4",
        "'q'",
        "true",
        "false",
        "null",
        "[input.a]",
        "{'k': input.b}.k",
    ]
)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||", "in"])
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, binary, inner, binary, inner).map(lambda p: "(" + " ".join(p) + ")"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})"),
        inner.map(lambda e: f"!{e}"),
        inner.map(lambda e: f"-{e}"),
        inner.map(lambda e: f"[{e}, input.a][0]"),
        inner.map(lambda e: f"size({e})"),
        inner.map(lambda e: f"string({e})"),
        st.tuples(inner, inner).map(lambda p: f"input.l.map(v, v > 1, [v, {p[0]}])[0][1] == {p[1]}"),
        st.tuples(st.sampled_from(["all", "exists", "exists_one", "filter"]), inner).map(
            lambda p: f"input.l.{p[0]}(v, v > 1 && {p[1]})"
        ),
        inner.map(lambda e: f"input.?zzz.orValue({e})"),
        inner.map(lambda e: f"(has(input.m) && {e})"),
    )


expressions = st.recursive(atoms, compound, max_leaves=6)


@cache
def _reference_environment() -> Any:
    return cel.NewEnv(
        variables={"input": cel.Type.DYN},
        extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_math.ExtMath()],
    )


def by_the_runtime_alone(text: str) -> Any:
    """The value, or the class of what went wrong."""
    try:
        program = _reference_environment().compile(text)
    except RuntimeError:
        return ExpressionError
    try:
        value = program.eval(data={"input": DATA})
        return EvaluationError if value.type() == cel.Type.ERROR else to_json(value.plain_value())
    except (RuntimeError, TypeError, SystemError, EvaluationError):
        return EvaluationError


def by_us(text: str) -> Any:
    try:
        return compile_expression(text).evaluate({"input": DATA})
    except ExpressionError:
        return ExpressionError
    except EvaluationError:
        return EvaluationError


@settings(max_examples=400, deadline=None)
@given(expressions)
def test_rewritten_expression_means_the_same(text: str) -> None:
    expected, got = by_the_runtime_alone(text), by_us(text)
    if expected is ExpressionError:
        # Static types are lost where a path becomes a variable or a branch dyn: the same fault may show later.
        return
    assert (got, type(got)) == (expected, type(expected)), text
