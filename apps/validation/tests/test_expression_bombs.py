"""Expressions made to hurt: refused when compiled, or stopped within 300 ms, and the process lives."""

from __future__ import annotations

import contextlib
import time

import pytest

from apps.validation.expressions import EvaluationError, ExpressionError, compile_expression

LONG = {"input": {"l": list(range(3_000)), "s": "a" * 200_000}}
BOMBS = {
    "many brackets": "(" * 3_000 + "1" + ")" * 3_000,
    "many lists": "[" * 3_000 + "]" * 3_000,
    "many signs": "-" * 5_000 + "1",
    "many nots": "!" * 5_000 + "true",
    "long sum": "+".join(["1"] * 3_900),
    "long path": "input" + ".a" * 3_900,
    "long text": "'" + "a" * 9_000 + "'",
    "long ternary": "true ? 1 : " * 700 + "1",
    "many calls": "input.s" + ".trim()" * 1_000,
    "deep loops": "input.l.all(a, input.l.all(b, input.l.all(c, input.l.all(d, input.l.all(e, true)))))",
    "nested loops": "input.l.map(a, input.l.map(b, a + b))",
    "nested tests": "input.l.all(a, input.l.all(b, true))",
    "map over tests": "input.l.map(a, input.l.all(b, true))",
    "three maps": "input.l.map(a, input.l.map(b, input.l.map(c, 1)))",
    "doubling texts": "['aaaaaaaaaa']" + ".map(x, x + x)" * 28,
    "doubling lists": "[[1]]" + ".map(x, x + x)" * 28,
    "doubling optionals": "optional.of(input.s)" + ".optMap(x, x + x)" * 25,
    "nested doubling": "[input.s].exists(a, [a+a+a+a+a+a].exists(b, [b+b+b+b+b+b].exists(c, [c+c+c+c+c+c].all(d, d + d == d))))",
    "growing replace": "input.s" + ".replace('a', 'aaaaaaaaaa')" * 10,
    "growing join": "input.s.split('').join(input.s)",
    "slow pattern": "input.s.matches('^(a+)+$') && (input.s + 'b').matches('^(a|a)*$')",
    "pattern in each round": "input.l.all(x, !input.s.matches('^(a|b)*c$'))",
    "list in each round": "input.l.all(x, x in input.l)",
    "comparison in each round": "input.l.exists(x, input.l == input.l && x < 0)",
    "text in each round": "[input.s].exists(s, input.l.all(x, s.contains('b')))",
    "text in each round of a map": "[input.s].map(s, input.l.all(x, s.contains('b')))",
    "sum in each round": "input.l.all(x, sum(input.l) > 0)",
    "many paths": " + ".join(f"input.a{n}" for n in range(30))
    + " + ["
    + ",".join(f"input.b{n}" for n in range(90))
    + "].size()",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bomb_is_defused(text: str) -> None:
    began = time.thread_time()
    with contextlib.suppress(ExpressionError, EvaluationError):
        compile_expression(text).evaluate(LONG)
    assert time.thread_time() - began < 0.4
    assert compile_expression("1 + 1").evaluate({}) == 2


def test_honest_work_fits_the_limits() -> None:
    conditions = " || ".join(f"input.s == 'x{n}'" for n in range(300))
    assert compile_expression(conditions).evaluate(LONG) is False
    terms = " + ".join(["input.n"] * 30)
    assert compile_expression(terms).evaluate({"input": {"n": 2}}) == 60
    wanted = {"input": {"lines": [{"sku": f"s{n}"} for n in range(200)], "allowed": [f"s{n}" for n in range(500)]}}
    assert compile_expression("input.lines.all(l, l.sku in input.allowed)").evaluate(wanted) is True
    ten_thousand = {"input": {"l": list(range(10_000))}}
    assert len(compile_expression("input.l.map(x, x * 2)").evaluate(ten_thousand)) == 10_000
    assert compile_expression("sum(input.l.filter(x, x % 2 == 0))").evaluate(ten_thousand) == 24_995_000
