"""Expressions and templates of other dialects as CEL. Nothing is evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from apps.validation.expressions import ExpressionError, parse
from apps.validation.expressions.parser import MAX_LENGTH
from apps.validation.expressions.templates import Span, split

from .meaning import Reading, Unclear, swapped
from .names import Names
from .printing import text_of
from .tokens import respell

_WRAPPED = re.compile(r"\s*\$\{(?P<inner>.*)\}\s*\Z", re.DOTALL)
_MUSTACHE = re.compile(r"\{\{\s*(?P<path>[A-Za-z_$][\w$]*(?:\.[A-Za-z_][\w-]*|\[\d{1,9}\])+)\s*\}\}", re.ASCII)
_PATH = re.compile(r"(?:\$\.)?(?P<root>[A-Za-z_]\w*)(?P<rest>(?:\.[A-Za-z_][\w-]*|\[\d{1,9}\])+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """An unclear place of a text. `texts`: the whole text, once for each way to settle it."""

    code: str
    message: str
    hint: str
    column: int | None
    texts: tuple[str, ...] = ()
    severity: str = "error"


@dataclass(slots=True)
class Rewritten:
    text: str
    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


def convert_expression(text: str, names: Names, *, condition: bool) -> Rewritten:
    """A bare expression, or one in `${…}`."""
    if len(text) > 2 * MAX_LENGTH or not text.strip():
        return Rewritten(text)
    wrapped = _WRAPPED.match(text)
    if wrapped is None or "${" in wrapped["inner"]:
        return _convert(text, names, condition)
    return _around(text, wrapped.start("inner"), wrapped.end("inner"), _convert(wrapped["inner"], names, condition))


def convert_template(text: str, names: Names, *, paths: bool) -> Rewritten:
    """A text with `${…}` or `{{…}}` in it. `paths`: a text that is nothing but a path of ours is meant as one."""
    done = Rewritten(text)
    if "{{" in text and (found := _MUSTACHE.sub(lambda match: "${" + match["path"] + "}", text)) != text:
        done.text = found
        done.notes.append("`{{…}}` is written `${…}`.")
    elif paths and "${" not in text and len(text) < 1000 and _is_path(text, names):
        done.text = "${" + text.removeprefix("$.") + "}"
        done.notes.append("A path is written `${…}`; without it, it would be taken as a text.")
    if "${" not in done.text:
        return done
    try:
        spans = split(done.text)
    except ExpressionError as error:
        done.questions.append(Question(error.code, error.message, error.hint, error.column))
        return done
    whole = len(spans) == 1
    # From the end, so that the places of earlier spans stay right.
    for span in reversed(spans):
        if isinstance(span, Span):
            inner = _convert(done.text[span.start : span.end], names, False)
            part = _around(done.text, span.start, span.end, inner)
            done = Rewritten(
                part.text, done.notes + part.notes, part.questions + ([] if whole else _bare(done.questions))
            )
    return done


def _bare(questions: list[Question]) -> list[Question]:
    """Questions of the parts behind: their ready-made texts were made before the part in front was converted."""
    return [Question(each.code, each.message, each.hint, None, (), each.severity) for each in questions]


def _around(text: str, start: int, end: int, inner: Rewritten) -> Rewritten:
    """What was found inside a part, for the whole text."""
    before, after = text[:start], text[end:]
    return Rewritten(
        before + inner.text + after,
        inner.notes,
        [
            Question(
                each.code,
                each.message,
                each.hint,
                None if each.column is None else each.column + start,
                tuple(before + option + after for option in each.texts),
                each.severity,
            )
            for each in inner.questions
        ],
    )


def _convert(text: str, names: Names, condition: bool) -> Rewritten:
    respelled = respell(text, names)
    try:
        tree = parse(respelled.text)
    except ExpressionError as error:
        question = Question(error.code, error.message, error.hint, error.column)
        return Rewritten(respelled.text, respelled.notes, [question])
    except RecursionError:
        return Rewritten(text, [], [Question("expression-too-large", "The expression is nested too deeply.", "", 1)])
    reading = Reading(names, respelled.coalescing, respelled.optional)
    read = reading.root(tree, condition=condition)
    if respelled.optional:
        respelled.notes.append("`a?.b` is written `a.?b`.")
    written = text_of(read) if reading.touched else respelled.text
    questions = [
        Question(
            "expression-unclear",
            each.message,
            each.hint,
            None if reading.touched else each.column,
            _texts(read, each),
            each.severity,
        )
        for each in reading.unclear
    ]
    if reading.unsettled:
        # The author's own signs stay, as what they mean must be said first.
        return Rewritten(text, [], questions)
    return Rewritten(written, respelled.notes + reading.notes, questions)


def _texts(tree: object, unclear: Unclear) -> tuple[str, ...]:
    if unclear.part is None:
        return ()
    return tuple(text_of(swapped(tree, unclear.part, option)) for option in unclear.options)  # type: ignore[arg-type]


def _is_path(text: str, names: Names) -> bool:
    """Whether a text can only be meant as a path: it names something that this document has."""
    match = _PATH.match(text.strip()) if text == text.strip() else None
    if match is None:
        return False
    keys = [key for key in re.split(r"[.\[\]]+", match["rest"]) if key]
    match match["root"], keys[0]:
        case "workflow", part if names.takes_input:
            return part in ("input", "variables", "context", "state", "instance", "cancellation") and len(keys) > 1
        case "event", part:
            return part in ("payload", "metadata") and len(keys) > 1
        case "input", part if names.takes_input and isinstance(names.input_schema, dict):
            return part in names.input_schema.get("properties", {})
        case "steps", part:
            return part in names.steps and len(keys) > 1 and keys[1] in ("output", "error", "status")
    return False
