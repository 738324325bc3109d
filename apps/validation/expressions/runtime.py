"""Google's CEL runtime: one environment per process, programs compiled once, evaluated from any thread.

An evaluation binds the variables whose paths exist, runs the program, and turns errors into words. Hoisted loops come
back to `_loop`, which finds the running evaluation in a thread-local.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

from apps.validation.expressions.errors import EvaluationError, ExpressionError
from apps.validation.expressions.functions import extension
from apps.validation.expressions.lowering import MAX_VARIABLES
from apps.validation.expressions.messages import carry, evaluation, overload
from apps.validation.expressions.paths import Missing, explain_missing
from apps.validation.expressions.program import Fragment, Lowered
from apps.validation.expressions.weighing import check_work

MAX_ITERATIONS = 20_000
MAX_SECONDS = 0.25
_UNBOUND = re.compile(r'No value with name "(?P<name>__\w+)" found')
_POSITION = re.compile(r"ERROR: <input>:(?P<line>-?\d+):(?P<column>-?\d+): (?P<message>[^\n]*)")
_running = threading.local()
_compiling = threading.Lock()
# Another thread may hold the lock at the moment of a fork; its child would wait for ever.
os.register_at_fork(after_in_child=lambda: globals().update(_compiling=threading.Lock()))


@cache
def _environment(variables: frozenset[str] = frozenset()) -> Any:
    """The environment with our functions; `variables` are macro variables that a hoisted loop's parts may use."""
    dynamic, boolean = cel.Type.DYN, cel.Type.BOOL
    declared: dict[str, Any] = {"__now": cel.Type.TIMESTAMP, **dict.fromkeys(variables, dynamic)}
    for position in range(MAX_VARIABLES):
        declared |= {f"__p{position}": dynamic, f"__c{position}": dynamic, f"__h{position}": boolean}
    extensions = [
        ext_optional.ExtOptional(),
        ext_strings.ExtStrings(),
        ext_math.ExtMath(),
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
        extension(_loop),
    ]
    return cel.NewEnv(variables=declared, extensions=extensions)


class MixedNumbers(Exception):
    """The static types of the program mix whole numbers and decimals: lower it again without types."""


class Program:
    """A compiled expression. Raises ExpressionError, or MixedNumbers, on construction."""

    __slots__ = ("_lowered", "_main", "_parts")

    def __init__(self, lowered: Lowered) -> None:
        self._lowered = lowered
        self._main = _compile(lowered.main, frozenset())
        if str(self._main.return_type().name()).startswith("optional_type"):
            main = lowered.main
            boxed = replace(main, text=f"({main.text}).orValue(null)", column_of=lambda at: main.column_of(at - 1))
            self._main = _compile(boxed, frozenset())
        self._parts: list[tuple[Any, Any]] = []
        for loop in lowered.loops:
            names = frozenset({loop.variable, *loop.captured})
            condition = _compile(loop.condition, names) if loop.condition else None
            self._parts.append((condition, _compile(loop.body, names) if loop.body else None))

    def evaluate(self, context: Mapping[str, Any]) -> Any:
        """The program's value as the runtime's plain types. Raises EvaluationError."""
        if not self._parts:
            return self._run(self._main, self._bind(self._lowered.main, context), context)
        outer = getattr(_running, "evaluation", None)
        _running.evaluation = _Evaluation(self, context)
        try:
            return self._run(self._main, self._bind(self._lowered.main, context), context)
        finally:
            _running.evaluation = outer

    def _bind(self, fragment: Fragment, context: Mapping[str, Any]) -> dict[str, Any]:
        fetchers = self._lowered.fetchers
        data: dict[str, Any] = {}
        for name in fragment.variables:
            try:
                data[name] = fetchers[name](context)
            except Missing:
                # Left unbound: an error only if the program really comes to read it.
                continue
        if fragment.native_loops:
            check_work(fragment.native_loops, data)
        return data

    def _run(self, program: Any, data: dict[str, Any], context: Mapping[str, Any]) -> Any:
        try:
            value = program.eval(data=data)
            if value.type() != cel.Type.ERROR:
                return value.plain_value()
            text = str(value.value())
        except (RuntimeError, TypeError, ValueError, SystemError) as error:
            # The binding raises SystemError around the real one when a nested value has no Python form.
            text = str(error.__cause__ or error)
        raise self._explain(text, context)

    def _explain(self, text: str, context: Mapping[str, Any]) -> EvaluationError:
        if (unbound := _UNBOUND.search(text)) and unbound["name"] in self._lowered.paths:
            return explain_missing(self._lowered.paths[unbound["name"]], context)
        if "Unable to convert function return value" in text or "Unimplemented type" in text:
            return EvaluationError("type-mismatch", "The result holds an optional value; add .orValue(…) to it.")
        if "returned a result with an exception set" in text:
            # The runtime cannot hand an optional value inside a list over to a hoisted loop.
            message = "A list that map or filter goes through holds an optional value; add .orValue(…) to it."
            return EvaluationError("type-mismatch", message)
        return EvaluationError(*evaluation(text))


class _Evaluation:
    """One run of a program with loops: its context and what is left of its budget."""

    __slots__ = ("program", "context", "left", "deadline")

    def __init__(self, program: Program, context: Mapping[str, Any]) -> None:
        self.program = program
        self.context = context
        self.left = MAX_ITERATIONS
        # Processor time of this thread, so that a busy machine does not fail an honest expression.
        self.deadline = time.thread_time() + MAX_SECONDS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0 or (not self.left % 16 and time.thread_time() > self.deadline):
            raise EvaluationError("too-much-work", "The expression takes too many steps; use FOR_EACH for long lists.")

    def loop(self, number: int, source: Any, captured: list[Any]) -> list[Any]:
        loop = self.program._lowered.loops[number]
        condition, body = self.program._parts[number]
        names = dict(zip(loop.captured, captured, strict=True))
        keep = {**self.program._bind(loop.condition, self.context), **names} if loop.condition else {}
        make = {**self.program._bind(loop.body, self.context), **names} if loop.body else {}
        results: list[Any] = []
        for element in source:
            self.spend()
            if condition is not None:
                keep[loop.variable] = element
                if loop.condition is not None and loop.condition.native_loops:
                    check_work(loop.condition.native_loops, keep)
                kept = self.program._run(condition, keep, self.context)
                if not isinstance(kept, bool):
                    raise EvaluationError("type-mismatch", "The condition of map or filter must be true or false.")
                if not kept:
                    continue
            if body is None:
                results.append(element)
            else:
                make[loop.variable] = element
                if loop.body is not None and loop.body.native_loops:
                    check_work(loop.body.native_loops, make)
                results.append(self.program._run(body, make, self.context))
        return results


def _loop(number: int, source: Any, captured: list[Any]) -> list[Any]:
    """What a hoisted map or filter calls. The runtime hands errors on as text, so the code travels inside it."""
    if not isinstance(source, list | dict):
        raise TypeError(carry("type-mismatch", "map and filter work on a list or an object."))
    try:
        evaluation_now: _Evaluation = _running.evaluation
        return evaluation_now.loop(number, source, captured)
    except EvaluationError as error:
        raise ValueError(carry(error.code, error.message)) from error


def _compile(fragment: Fragment, variables: frozenset[str]) -> Any:
    try:
        with _compiling:
            return _environment(variables).compile(fragment.text)
    except RuntimeError as error:
        raise _compile_error(str(error), fragment) from None


def _compile_error(text: str, fragment: Fragment) -> Exception:
    found = _POSITION.search(text)
    if found is None or int(found["column"]) < 1:
        return ExpressionError("expression-too-large", "The expression is nested too deeply.")
    message = found["message"].removesuffix(" [INVALID_ARGUMENT]")
    column = fragment.column_of(int(found["column"]) - 1)
    if "no matching overload" in message:
        if "int" in message and "double" in message:
            return MixedNumbers(message)
        return ExpressionError("expression-type", overload(message), column)
    return ExpressionError("expression-syntax", message[:1].upper() + message[1:] + ".", column)
