"""JSON values with `${…}` inside: mappings, step inputs, payloads, texts.

A string that is exactly one `${…}` yields the typed value, `${…}` in a longer string is interpolated, and everything
else is itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.validation.expressions.errors import EvaluationError, ExpressionError
from apps.validation.expressions.expression import Expression, compile_expression
from apps.validation.expressions.plain import to_text
from apps.validation.expressions.scope import WORKFLOW_ROOTS
from apps.validation.violations import Violation, pointer_to

_Evaluate = Callable[[Mapping[str, Any]], Any]
_STRING_OR_BRACE = re.compile(
    r"[rR]?(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')|[{}]", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Template:
    """Made by `compile_template`. `expressions` pairs each expression with the JSON Pointer of its string."""

    expressions: tuple[tuple[str, Expression], ...]
    reads: frozenset[tuple[str, ...]]
    optional_reads: frozenset[tuple[str, ...]]
    evaluate: _Evaluate
    """`evaluate(context)` gives a fresh JSON value, or raises EvaluationError that names the place."""


class TemplateError(ExpressionError):
    """An expression inside a JSON value does not compile; `pointer` leads to its string."""

    def __init__(self, error: ExpressionError, pointer: str) -> None:
        super().__init__(error.code, error.message, error.column, hint=error.hint)
        self.pointer = pointer

    def as_violation(self, pointer: str = "") -> Violation:
        return super().as_violation(pointer + self.pointer)


def compile_template(value: Any, *, roots: frozenset[str] = WORKFLOW_ROOTS) -> Template:
    """Compile every `${…}` in a JSON value. Raises TemplateError (an ExpressionError) for the first bad one."""
    compiler = _Compiler(roots)
    evaluate = compiler.compile(value, ())
    if compiler.errors:
        raise compiler.errors[0]
    return _template(compiler, evaluate)


def check_template(value: Any, *, roots: frozenset[str] = WORKFLOW_ROOTS, pointer: str = "") -> list[Violation]:
    """All expressions in a JSON value that do not compile, as violations below `pointer`."""
    compiler = _Compiler(roots)
    compiler.compile(value, ())
    return [error.as_violation(pointer) for error in compiler.errors]


def _template(compiler: _Compiler, evaluate: _Evaluate) -> Template:
    reads: set[tuple[str, ...]] = set()
    certain: set[tuple[str, ...]] = set()
    for _, expression in compiler.found:
        reads |= expression.reads
        certain |= expression.reads - expression.optional_reads
    return Template(tuple(compiler.found), frozenset(reads), frozenset(reads - certain), evaluate)


class _Compiler:
    def __init__(self, roots: frozenset[str]) -> None:
        self.roots = roots
        self.found: list[tuple[str, Expression]] = []
        self.errors: list[TemplateError] = []

    def compile(self, value: Any, place: tuple[str | int, ...]) -> _Evaluate:
        match value:
            case str() if "${" in value:
                return self.string(value, pointer_to(*place))
            case dict():
                fields = [(key, self.compile(item, (*place, key))) for key, item in value.items()]
                return lambda context: {key: part(context) for key, part in fields}
            case list():
                items = [self.compile(item, (*place, position)) for position, item in enumerate(value)]
                return lambda context: [part(context) for part in items]
        return lambda context: value

    def string(self, text: str, pointer: str) -> _Evaluate:
        parts: list[str | _Evaluate] = []
        try:
            spans = split(text)
            for span in spans:
                if isinstance(span, str):
                    parts.append(span)
                else:
                    # Blanks before it keep the columns those of the whole string.
                    bare = " " * span.start + text[span.start : span.end]
                    expression = compile_expression(bare, roots=self.roots)
                    self.found.append((pointer, expression))
                    parts.append(_located(expression, pointer))
        except ExpressionError as error:
            self.errors.append(TemplateError(error, pointer))
            return lambda context: None
        if len(parts) == 1 and not isinstance(parts[0], str):
            return parts[0]
        return lambda context: "".join(part if isinstance(part, str) else to_text(part(context)) for part in parts)


def _located(expression: Expression, pointer: str) -> _Evaluate:
    run = expression.evaluate

    def evaluate(context: Mapping[str, Any]) -> Any:
        try:
            return run(context)
        except EvaluationError as error:
            place = f"{pointer}: " if pointer else ""
            raise EvaluationError(error.code, f"{place}{error.message}") from error

    return evaluate


@dataclass(frozen=True, slots=True)
class Span:
    """Where the expression inside one `${…}` lies in its string."""

    start: int
    end: int


def split(text: str) -> list[str | Span]:
    """A string as its literal pieces and the expressions between them. Raises ExpressionError for an open `${`."""
    pieces: list[str | Span] = []
    position = 0
    while (opening := text.find("${", position)) >= 0:
        if opening > position:
            pieces.append(text[position:opening])
        end = _closing_brace(text, opening + 2)
        pieces.append(Span(opening + 2, end))
        position = end + 1
    if position < len(text) or not pieces:
        pieces.append(text[position:])
    return pieces


def _closing_brace(text: str, start: int) -> int:
    depth = 0
    for match in _STRING_OR_BRACE.finditer(text, start):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            if depth == 0:
                return match.start()
            depth -= 1
    raise ExpressionError(
        "expression-syntax", "`${` is not closed; `}` is missing.", start - 1, hint="Write ${'${'} for the text ${."
    )
