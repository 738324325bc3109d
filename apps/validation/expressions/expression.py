"""A compiled expression: what it reads, and its value in a context."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from apps.validation.expressions.errors import EvaluationError, ExpressionError
from apps.validation.expressions.limits import check_limits
from apps.validation.expressions.lowering import lower
from apps.validation.expressions.parser import MAX_LENGTH, parse
from apps.validation.expressions.paths import ABSENT, Missing, Path, explain_missing, static_path, walker
from apps.validation.expressions.plain import to_json
from apps.validation.expressions.program import Reference
from apps.validation.expressions.runtime import MixedNumbers, Program
from apps.validation.expressions.scope import WORKFLOW_ROOTS
from apps.validation.expressions.syntax import Literal, Node

_WRAPPED = re.compile(r"\s*\$\{(?P<inner>.*)\}\s*\Z", re.DOTALL)
_NO_PATHS: frozenset[str] = frozenset()


class Expression:
    """Made by `compile_expression`; immutable, safe to share between threads and to keep across a fork.

    `reads` holds every field path that it may read (`("steps", "pay", "output", "id")`), `optional_reads` those among
    them whose absence is no error, `references` the same with columns, `ast` its syntax tree.
    """

    __slots__ = ("source", "ast", "references", "reads", "optional_reads", "path", "evaluate")

    source: str
    ast: Node
    references: tuple[Reference, ...]
    reads: frozenset[tuple[str, ...]]
    optional_reads: frozenset[tuple[str, ...]]
    path: Path | None
    evaluate: Callable[[Mapping[str, Any]], Any]
    """`evaluate(context)` gives plain JSON types, or raises EvaluationError."""

    def __init__(self, source: str, ast: Node, roots: frozenset[str]) -> None:
        self.source = source
        self.ast = ast
        lowered, found = lower(ast, roots)
        self.references = tuple(found)
        self.reads = frozenset(reference.path.fields for reference in found)
        certain = frozenset(reference.path.fields for reference in found if not reference.optional)
        self.optional_reads = self.reads - certain
        self.path = static_path(ast, _NO_PATHS) if found and len(found) == 1 else None
        if self.path is not None:
            self.evaluate = _path_evaluator(self.path)
        elif isinstance(ast, Literal) and not isinstance(ast.value, bytes):
            self.evaluate = _constant_evaluator(ast.value)
        else:
            try:
                program = Program(lowered)
            except MixedNumbers:
                program = _loose_program(ast, roots)
            self.evaluate = _program_evaluator(program)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"


def _loose_program(ast: Node, roots: frozenset[str]) -> Program:
    lowered, _ = lower(ast, roots, loose=True)
    try:
        return Program(lowered)
    except MixedNumbers as error:
        raise ExpressionError("expression-type", f"Whole numbers and decimals do not mix here: {error}") from None


def _path_evaluator(path: Path) -> Callable[[Mapping[str, Any]], Any]:
    walk = walker(path)

    def evaluate(context: Mapping[str, Any]) -> Any:
        try:
            value = walk(context)
        except Missing:
            raise explain_missing(path, context) from None
        return None if value is ABSENT else value

    return evaluate


def _constant_evaluator(value: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda context: value


def _program_evaluator(program: Program) -> Callable[[Mapping[str, Any]], Any]:
    def evaluate(context: Mapping[str, Any]) -> Any:
        return to_json(program.evaluate(context))

    return evaluate


def compile_expression(text: str, *, roots: frozenset[str] = WORKFLOW_ROOTS) -> Expression:
    """Compile a bare expression, or one wrapped as `${…}`. Raises ExpressionError; cached by text and roots."""
    if not isinstance(text, str):
        raise ExpressionError("expression-syntax", "An expression is a text.")
    compiled = _compile(text, roots)
    if isinstance(compiled, ExpressionError):
        # The cached exception must not collect the tracebacks of everybody who met it.
        raise ExpressionError(compiled.code, compiled.message, compiled.column, hint=compiled.hint)
    return compiled


@lru_cache(maxsize=8192)
def _compile(text: str, roots: frozenset[str]) -> Expression | ExpressionError:
    try:
        if len(text) > 2 * MAX_LENGTH:
            raise ExpressionError("expression-too-large", f"An expression may have at most {MAX_LENGTH} characters.")
        bare = unwrap(text)
        ast = parse(bare)
        check_limits(ast)
        return Expression(text, ast, roots)
    except ExpressionError as error:
        return error


def unwrap(text: str) -> str:
    """The expression inside one `${…}`, moved right so that its columns are those of the whole text."""
    wrapped = _WRAPPED.match(text)
    if wrapped is None:
        return text
    return " " * wrapped.start("inner") + wrapped["inner"]


def truthy(value: Any) -> bool:
    """The result of a condition. Raises EvaluationError unless it is true or false."""
    if value is True or value is False:
        return bool(value)
    raise EvaluationError("not-boolean", f"A condition must be true or false, and this one is {value!r:.80}.")
