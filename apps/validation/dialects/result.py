"""What a conversion says: what was changed, and what somebody must decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.validation.violations import Violation

Place = tuple[str | int, ...]
"""The tokens of a JSON Pointer into the converted document."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed. `pointer` leads into the converted document; `before` and `after` are names or values."""

    pointer: str
    before: Any
    after: Any
    message: str

    def as_json(self) -> dict[str, Any]:
        return {"pointer": self.pointer, "from": self.before, "to": self.after, "message": self.message}


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to settle what is open: `fix` is a JSON Patch of the converted document."""

    label: str
    fix: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {"label": self.label, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class OpenChoice(Violation):
    """A violation that the author settles by one of a few choices."""

    choices: tuple[Choice, ...] = ()

    def as_json(self) -> dict[str, Any]:
        # super() without arguments does not know a class with slots.
        return {**Violation.as_json(self), "choices": [choice.as_json() for choice in self.choices]}


def replacing(pointer: str, values: Sequence[Any], labels: Sequence[str] = ()) -> tuple[Choice, ...]:
    """Choices that put one of these values at the pointer."""
    names = labels or [str(value) for value in values]
    return tuple(
        Choice(label, [{"op": "replace", "path": pointer, "value": value}])
        for label, value in zip(names, values, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Conversion:
    """A document in our language as far as that was certain. `kind` is "" when nobody can say what it is."""

    kind: str
    document: Any
    changes: tuple[Change, ...] = ()
    violations: tuple[Violation, ...] = ()
