"""Speed on the hot path, threads, forks."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from apps.validation.expressions import compile_expression


class Untouchable:
    """Stands where an evaluation has no business: the runtime could not take it in."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def test_a_plain_path_is_walked_and_never_reaches_the_runtime() -> None:
    expression = compile_expression("steps.pay.output.receipt")
    receipt = {"id": "R-1", "raw": Untouchable()}
    assert expression.evaluate({"steps": {"pay": {"output": {"receipt": receipt}}}}) is receipt


def test_only_what_an_expression_reads_is_handed_to_the_runtime() -> None:
    expression = compile_expression("input.total > 100 && input.customer == 'gold'")
    assert expression.evaluate({"input": {"total": 150.5, "customer": "gold", "lines": Untouchable()}}) is True


def test_compiling_again_is_a_look_up() -> None:
    assert compile_expression("input.a + 1") is compile_expression("input.a + 1")


def test_threads_share_an_expression() -> None:
    expression = compile_expression("input.l.map(x, x + input.n).filter(y, y > 0)")
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(200):
            if expression.evaluate({"input": {"l": [1, 2], "n": n}}) != [n + 1, n + 2]:
                wrong.append(n)
            compile_expression(f"input.n + {n}").evaluate({"input": {"n": 1}})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_expression_survives_a_fork() -> None:
    expression = compile_expression("input.n * 1.5")
    assert expression.evaluate({"input": {"n": 2}}) == 3.0
    child = os.fork()
    if child == 0:
        fine = expression.evaluate({"input": {"n": 4}}) == 6.0 and compile_expression("1 + 41").evaluate({}) == 42
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
