"""What an event trigger makes of an event: whether it is meant, the input, the key of the business case. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from apps.validation.expressions import (
    TRIGGER_ROOTS,
    EvaluationError,
    Expression,
    ExpressionError,
    compile_expression,
    compile_template,
    truthy,
)
from apps.validation.expressions.expression import unwrap
from apps.validation.expressions.plain import to_text
from apps.validation.expressions.syntax import Binary, Node
from apps.validation.expressions.templates import Template

LONGEST_KEY = 255
"""As long as a run's correlationId may be."""
SHOWN = 4
"""How many values a reason names."""


class Unusable(Exception):
    """A part of a trigger cannot be computed from this event. ``code`` as in a dead letter, ``slug`` as in a violation."""

    def __init__(self, part: str, message: str) -> None:
        self.part = part
        self.code, self.slug, self.pointer = _PARTS[part]
        super().__init__(message)


_PARTS = {
    "condition": ("CONDITION_FAILED", "condition", "/eventCondition"),
    "input": ("INPUT_FAILED", "input", "/inputMapping"),
    "key": ("CORRELATION_FAILED", "correlation-key", "/correlationKey"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """The compiled part of a trigger's document. ``input`` None: the payload itself; ``key`` None: no correlationKey."""

    starts: bool
    condition: Expression | None
    input: Template | None
    key: Expression | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Rule:
        """Raises Unusable for a text that does not compile."""
        part = "condition"
        try:
            condition = _compiled(document.get("eventCondition"))
            part = "input"
            mapping = document.get("inputMapping")
            template = None if mapping is None else compile_template(mapping, roots=TRIGGER_ROOTS)
            part = "key"
            key = _compiled(document.get("correlationKey"))
        except ExpressionError as error:
            raise Unusable(part, error.message) from error
        return cls(document.get("triggerType", "START") == "START", condition, template, key)

    def holds(self, event: Mapping[str, Any], now: datetime) -> bool:
        """Whether the event is meant. Raises Unusable when that cannot be said."""
        if self.condition is None:
            return True
        try:
            return truthy(self.condition.evaluate({"event": event, "now": now}))
        except EvaluationError as error:
            raise Unusable("condition", error.message) from error

    def input_of(self, event: Mapping[str, Any], now: datetime) -> Any:
        """The input of the run that it starts. Raises Unusable."""
        if self.input is None:
            return event["payload"]
        try:
            return self.input.evaluate({"event": event, "now": now})
        except EvaluationError as error:
            raise Unusable("input", error.message) from error

    def key_of(self, event: Mapping[str, Any], now: datetime) -> str | None:
        """The key of the business case as text; None where the trigger has no correlationKey. Raises Unusable."""
        if self.key is None:
            return None
        try:
            value = self.key.evaluate({"event": event, "now": now})
        except EvaluationError as error:
            raise Unusable("key", error.message) from error
        if value is None or value == "":
            raise Unusable("key", "The correlation key is empty, so no business case is named.")
        text = to_text(value)
        if len(text) > LONGEST_KEY or "\x00" in text:
            raise Unusable("key", f"A correlation key has at most {LONGEST_KEY} characters, and no NUL.")
        return text

    def why_not(self, event: Mapping[str, Any], now: datetime) -> str:
        """Why the condition is false, in a sentence: the first of its parts that is, with the values that it read."""
        assert self.condition is not None
        context = {"event": event, "now": now}
        for text, part in _parts_of(self.condition):
            try:
                if truthy(part.evaluate(context)):
                    continue
            except EvaluationError as error:
                return f"`{text}` cannot be told: {error.message}"
            return f"`{text}` is false{_with_values(part, context)}."
        return f"The condition is false{_with_values(self.condition, context)}."


def _compiled(text: str | None) -> Expression | None:
    return None if text is None else compile_expression(text, roots=TRIGGER_ROOTS)


def _parts_of(condition: Expression) -> list[tuple[str, Expression]]:
    """What must all be true of a condition, each with its text."""
    nodes, cuts = [], []
    pending: list[Node] = [condition.ast]
    while pending:
        node = pending.pop()
        if isinstance(node, Binary) and node.operator == "&&":
            cuts.append(node.column - 1)
            pending += [node.right, node.left]
        else:
            nodes.append(node)
    bare = unwrap(condition.source)
    edges = [-2, *sorted(cuts), len(bare)]
    texts = [_balanced(bare[start + 2 : end].strip()) for start, end in pairwise(edges)]
    return [(text, Expression(text, node, TRIGGER_ROOTS)) for text, node in zip(texts, nodes, strict=True)]


def _balanced(text: str) -> str:
    """Without the brackets that only open or only close around a part that was cut out."""
    while text.count("(") > text.count(")") and text.startswith("("):
        text = text[1:].strip()
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1].strip()
    return text


def _with_values(part: Expression, context: Mapping[str, Any]) -> str:
    said = list(_values(part, context))
    more = f", and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return ": " + ", ".join(said[:SHOWN]) + more if said else ""


def _values(part: Expression, context: Mapping[str, Any]) -> Iterator[str]:
    seen = set()
    for reference in part.references:
        keys = reference.path.keys
        if keys in seen:
            continue
        seen.add(keys)
        value: Any = context
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                yield f"`{reference.path.text}` is missing"
                break
        else:
            yield f"`{reference.path.text}` is {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value) if len(value) <= 80 else f"{value[:77]!r}…"
    text = "null" if value is None else to_text(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
