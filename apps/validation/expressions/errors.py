"""The two ways an expression fails: it cannot be compiled, or it cannot be evaluated."""

from __future__ import annotations

from apps.validation.violations import Violation


class ExpressionError(Exception):
    """The text is not a valid expression. `column` is 1-based in the text as the author wrote it."""

    def __init__(self, code: str, message: str, column: int = 1, *, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.column = column
        self.hint = hint
        super().__init__(message)

    def as_violation(self, pointer: str = "") -> Violation:
        """The finding to report when this expression stands at `pointer` of a document."""
        return Violation(self.code, self.message, pointer, hint=self.hint, column=self.column)


class EvaluationError(Exception):
    """A valid expression met data it cannot work with: a missing field, a text where a number is needed."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)
