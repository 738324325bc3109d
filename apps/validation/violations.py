"""One finding about a document: what is wrong, where, and what to do about it.

The API, the designer, the command line and AI authors all read this one shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A problem at one place of a JSON document.

    `code` is a stable slug (`unknown-field`), `pointer` a JSON Pointer (RFC 6901; "" is the whole
    document), `fix` a JSON Patch (RFC 6902) that is given only when it is certain, `column` the
    1-based column inside the expression that `pointer` leads to. `expected` and `found` are the
    message's point in short (`number` and `string | null`, `paymentId | amount` and `payId`), where
    it is about a type, a value or a name.
    """

    code: str
    message: str
    pointer: str = ""
    severity: Severity = "error"
    hint: str = ""
    fix: list[dict[str, Any]] | None = None
    column: int | None = None
    expected: str = ""
    found: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form of every answer: all fields present except `column`, `expected` and `found`, which not all have."""
        answer: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "pointer": self.pointer,
            "message": self.message,
            "hint": self.hint,
            "fix": self.fix,
        }
        if self.column is not None:
            answer["column"] = self.column
        if self.expected:
            answer["expected"] = self.expected
        if self.found:
            answer["found"] = self.found
        return answer

    def under(self, prefix: str) -> Violation:
        """The same finding in a document that holds this one at `prefix`."""
        if not prefix:
            return self
        fix = self.fix and [_move_operation(operation, prefix) for operation in self.fix]
        return replace(self, pointer=prefix + self.pointer, fix=fix)


def _move_operation(operation: dict[str, Any], prefix: str) -> dict[str, Any]:
    moved = {**operation, "path": prefix + operation["path"]}
    if "from" in operation:
        moved["from"] = prefix + operation["from"]
    return moved


def pointer_to(*tokens: str | int) -> str:
    """The JSON Pointer of a path: `pointer_to("steps", 0, "a/b")` is `/steps/0/a~1b`."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def has_errors(violations: Iterable[Violation]) -> bool:
    """Whether anything worse than a warning was found."""
    return any(violation.severity == "error" for violation in violations)


def in_order(violations: Sequence[Violation]) -> list[Violation]:
    """Errors first, then by place, without doubles."""
    unique: dict[tuple[str, str, str], Violation] = {}
    for violation in violations:
        unique.setdefault((violation.code, violation.pointer, violation.message), violation)
    return sorted(
        unique.values(), key=lambda found: (found.severity != "error", _place(found.pointer), found.column or 0)
    )


def _place(pointer: str) -> list[tuple[bool, int, str]]:
    """A sort key that puts /steps/2 before /steps/10."""
    return [(True, int(token), "") if token.isdecimal() else (False, 0, token) for token in pointer.split("/")]
